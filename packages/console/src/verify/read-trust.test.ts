import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { type Genesis, genesis } from "@lhg/protocol/core/genesis";
import { DEFAULT_PARAMETERS } from "@lhg/protocol/core/parameters";
import { TRUST_LENGTH_MS_DEFAULT, trustFromGenesis } from "@lhg/sdk/verify/trust";
import { readTrust } from "./read-trust.ts";

const MADE: Genesis = {
  name: "test",
  kind: 1,
  protocolVersion: 1,
  timeMs: 1_700_000_000_000,
  initialSupply: 60_000_000n * 100_000_000n,
  accounts: [],
  validators: [1, 2, 3, 4].map((seed) => ({
    operator: new Uint8Array(20).fill(seed),
    consensusKey: new Uint8Array(32).fill(seed),
    power: 1n,
  })),
  vendors: [],
  groups: [],
  parameters: DEFAULT_PARAMETERS,
  predecessor: null,
};
const BYTES = encode(genesis, MADE, "genesis");

test("the period counts from genesis, or from the newest header that was verified, with its validators", () => {
  const nowMs = MADE.timeMs + 10 * TRUST_LENGTH_MS_DEFAULT;
  const lengthMs = TRUST_LENGTH_MS_DEFAULT;
  const fromStart = readTrust({ genesis: BYTES, newest: undefined, nowMs });
  assert.deepEqual(fromStart, trustFromGenesis(MADE, { lengthMs, nowMs }));
  assert.deepEqual(fromStart.period, { pinnedAtMs: MADE.timeMs, lengthMs, nowMs });
  const newest = { validatorsHash: "ab".repeat(32), timeMs: nowMs - 1 };
  const renewed = readTrust({ genesis: BYTES, newest, nowMs });
  assert.deepEqual(
    [renewed.chainId, toHex(renewed.validatorsHash), renewed.period],
    [fromStart.chainId, newest.validatorsHash, { pinnedAtMs: newest.timeMs, lengthMs, nowMs }],
  );
});
