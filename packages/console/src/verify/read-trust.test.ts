import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { genesis } from "@lhg/protocol/core/genesis";
import { TRUST_LENGTH_MS_DEFAULT, trustFromGenesis } from "@lhg/sdk/verify/trust";
import { readTrust } from "./read-trust.ts";
import { TEST_GENESIS } from "./testing.ts";

const BYTES = encode(genesis, TEST_GENESIS, "genesis");

test("the period counts from genesis, or from the newest header that was verified, with its validators", () => {
  const nowMs = TEST_GENESIS.timeMs + 10 * TRUST_LENGTH_MS_DEFAULT;
  const lengthMs = TRUST_LENGTH_MS_DEFAULT;
  const fromStart = readTrust({ genesis: BYTES, newest: undefined, nowMs });
  assert.deepEqual(fromStart, trustFromGenesis(TEST_GENESIS, { lengthMs, nowMs }));
  assert.deepEqual(fromStart.period, { pinnedAtMs: TEST_GENESIS.timeMs, lengthMs, nowMs });
  const newest = { validatorsHash: "ab".repeat(32), timeMs: nowMs - 1 };
  const renewed = readTrust({ genesis: BYTES, newest, nowMs });
  assert.deepEqual(
    [renewed.chainId, toHex(renewed.validatorsHash), renewed.period],
    [fromStart.chainId, newest.validatorsHash, { pinnedAtMs: newest.timeMs, lengthMs, nowMs }],
  );
});
