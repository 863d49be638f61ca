/** The short form of `npm run soak`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runSoak } from "./soak/soak.ts";

test("20 devices, some with gaps that they fill, the node killed twice under them: what was acknowledged is on chain exactly once", async (t) => {
  const result = await runSoak({ devices: 20, seconds: 12, kills: 2, say: (text) => t.diagnostic(text) });
  const { recorded, acknowledged, onChain, lost, duplicates, incomplete } = result;
  assert.deepEqual({ lost, duplicates, incomplete }, { lost: 0, duplicates: 0, incomplete: 0 });
  assert.ok(recorded >= 20 * 10, `${recorded} were recorded`);
  assert.deepEqual([acknowledged, onChain], [recorded, recorded]);
  assert.ok(result.gapsMade >= 2, `${result.gapsMade} gaps were made`);
  assert.equal(result.gapsFilled, result.gapsMade);
});
