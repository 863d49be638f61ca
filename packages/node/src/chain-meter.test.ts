import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { ChainTip } from "./application/port.ts";
import { createChainMeter } from "./chain-meter.ts";
import { createMetrics } from "./metrics.ts";

const tip = {
  head: { height: 7 },
  validators: [{ operator: new Uint8Array(20).fill(1) }, { operator: new Uint8Array(20).fill(2) }],
} as unknown as ChainTip;

function createMeter(enginePeers?: () => number) {
  return createChainMeter({
    metrics: createMetrics(),
    tip: () => tip,
    mempool: { size: 0, sizeBytes: 0 },
    inbox: { retainedBytes: 0 },
    peering: () => undefined,
    enginePeers,
    storeBytes: async () => 0,
    dataDirectory: tmpdir(),
  });
}

test("under an engine that counts votes itself nobody seems silent, and its peers are told", async () => {
  const text = await createMeter(() => 3).tell();
  assert.match(text, /^lhg_consensus_validators 2$/m);
  assert.match(text, /^lhg_p2p_peers\{direction="engine"\} 3$/m);
  assert.doesNotMatch(text, /^lhg_consensus_signed_total\{/m);
  assert.doesNotMatch(text, /^lhg_consensus_missed_proposals_total\{/m);
});

test("where the node votes itself every validator has its series from the start, and no network means no peers", async () => {
  const text = await createMeter().tell();
  assert.match(text, /^lhg_consensus_validators 2$/m);
  assert.equal(text.match(/^lhg_consensus_signed_total\{/gm)?.length, 2);
  assert.doesNotMatch(text, /^lhg_p2p_peers\{/m);
});
