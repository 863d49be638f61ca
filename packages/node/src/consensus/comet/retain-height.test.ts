import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EVIDENCE_HEIGHTS_MAX } from "../../blocks/proposal.ts";
import { findRetainHeight } from "./retain-height.ts";

test("CometBFT keeps all blocks of a ledger that keeps all", () => {
  const kept = { headHeight: 1_000, certifiedHeight: 1_000, firstHeight: 1, oldestSnapshot: 900 };
  assert.equal(findRetainHeight(kept), 0);
});

test("whatever the ledger has forgotten, snapshots, certificates and evidence have their blocks", () => {
  const height = fc.nat(5_000);
  fc.assert(
    fc.property(
      height,
      height,
      height,
      fc.option(height, { nil: undefined }),
      (headHeight, behind, firstHeight, oldestSnapshot) => {
        const certifiedHeight = Math.max(0, headHeight - behind);
        const found = findRetainHeight({ headHeight, certifiedHeight, firstHeight, oldestSnapshot });
        if (found === 0) return;
        assert.ok(found <= firstHeight && found <= (oldestSnapshot ?? found) && found <= certifiedHeight);
        assert.ok(found <= headHeight - EVIDENCE_HEIGHTS_MAX);
      },
    ),
  );
  assert.equal(
    findRetainHeight({ headHeight: 900, certifiedHeight: 899, firstHeight: 700, oldestSnapshot: undefined }),
    700,
  );
  assert.equal(
    findRetainHeight({ headHeight: 900, certifiedHeight: 899, firstHeight: 700, oldestSnapshot: 500 }),
    500,
  );
});
