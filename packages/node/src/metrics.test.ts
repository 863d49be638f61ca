import assert from "node:assert/strict";
import { test } from "node:test";
import { countDecision, createMetrics, type Metrics, setPeers, setValidators } from "./metrics.ts";

/** The series of a metric as Prometheus reads them. */
async function series({ registry }: Metrics, name: string): Promise<string[]> {
  const lines = (await registry.metrics()).split("\n");
  return lines.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `)).sort();
}

test("decisions count by view, misses and commits by validator", async () => {
  const metrics = createMetrics();
  setValidators(metrics, [], ["a", "b", "c", "d"]);
  countDecision(metrics, { view: 0, missed: [], signers: ["a", "b", "c"] });
  countDecision(metrics, { view: 1, missed: ["d"], signers: ["a", "b", "c"] });
  countDecision(metrics, { view: 7, missed: ["d", "c", "d"], signers: ["a", "b", "d"] });
  assert.deepEqual(await series(metrics, "lhg_consensus_rounds_total"), [
    'lhg_consensus_rounds_total{view="0"} 1',
    'lhg_consensus_rounds_total{view="1"} 1',
    'lhg_consensus_rounds_total{view="2+"} 1',
  ]);
  assert.deepEqual(await series(metrics, "lhg_consensus_missed_proposals_total"), [
    'lhg_consensus_missed_proposals_total{validator="a"} 0',
    'lhg_consensus_missed_proposals_total{validator="b"} 0',
    'lhg_consensus_missed_proposals_total{validator="c"} 1',
    'lhg_consensus_missed_proposals_total{validator="d"} 3',
  ]);
  assert.equal(
    (await series(metrics, "lhg_consensus_signed_total"))[3],
    'lhg_consensus_signed_total{validator="d"} 1',
  );
});

test("validators that leave take their series with them, and those who stay keep their numbers", async () => {
  const metrics = createMetrics();
  setValidators(metrics, [], ["a", "b"]);
  countDecision(metrics, { view: 1, missed: ["a"], signers: ["a", "b"] });
  setValidators(metrics, ["a", "b"], ["a", "c"]);
  assert.deepEqual(await series(metrics, "lhg_consensus_signed_total"), [
    'lhg_consensus_signed_total{validator="a"} 1',
    'lhg_consensus_signed_total{validator="c"} 0',
  ]);
  assert.deepEqual(await series(metrics, "lhg_consensus_missed_proposals_total"), [
    'lhg_consensus_missed_proposals_total{validator="a"} 1',
    'lhg_consensus_missed_proposals_total{validator="c"} 0',
  ]);
});

test("peers have series where there is a network only, and count down to 0", async () => {
  const metrics = createMetrics();
  assert.deepEqual(await series(metrics, "lhg_p2p_peers"), []);
  setPeers(metrics, [{ direction: "inbound" }, { direction: "inbound" }, { direction: "outbound" }]);
  setPeers(metrics, [{ direction: "inbound" }]);
  assert.deepEqual(await series(metrics, "lhg_p2p_peers"), [
    'lhg_p2p_peers{direction="inbound"} 1',
    'lhg_p2p_peers{direction="outbound"} 0',
  ]);
});
