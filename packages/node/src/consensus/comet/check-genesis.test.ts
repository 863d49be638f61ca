import assert from "node:assert/strict";
import { test } from "node:test";
import { sortValidators } from "@lhg/protocol/core/block/validator-set";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeChainId } from "@lhg/protocol/core/genesis";
import { GENESIS_MS } from "../../application/testing.ts";
import { sodiumCrypto } from "../../crypto/sodium.ts";
import { createDevChain } from "../../dev-chain.ts";
import { checkGenesis, GENESIS_CURE, type GenesisAnnounced } from "./check-genesis.ts";

const { genesis } = createDevChain(GENESIS_MS);
const sound: GenesisAnnounced = {
  chainId: computeChainId(sodiumCrypto, genesis),
  timeMs: genesis.timeMs,
  initialHeight: 1,
  validators: sortValidators(sodiumCrypto, genesis.validators),
};

test("CometBFT's genesis of the same chain passes", () => {
  checkGenesis(sodiumCrypto, genesis, sound);
});

const [first, ...others] = sound.validators;
const WRONG: readonly (readonly [field: string, over: Partial<GenesisAnnounced>, says: RegExp])[] = [
  ["chain_id", { chainId: "lhg-other-1" }, /says lhg-other-1, the ledger's lhg-/],
  ["chain_id", { chainId: "" }, /says , the ledger's lhg-/],
  ["initial_height", { initialHeight: 2 }, /says 2, the ledger's 1:/],
  ["initial_height", { initialHeight: 0 }, /says 0, the ledger's 1:/],
  [
    "genesis_time",
    { timeMs: GENESIS_MS + 1 },
    /says 2027-01-15T08:00:00.001Z, the ledger's 2027-01-15T08:00:00.000Z/,
  ],
  ["validators", { validators: others }, /another set/],
  ["validators", { validators: [] }, /another set/],
  ["validators", { validators: [...others, first!] }, /another set/],
  ["validators", { validators: [{ ...first!, power: 2n }, ...others] }, /another set/],
  ["validators", { validators: [{ ...first!, power: -1n }, ...others] }, /another set/],
  ["validators", { validators: [{ ...first!, consensusKey: new Uint8Array(31) }, ...others] }, /another set/],
  ["validators", { validators: [first!, ...sound.validators] }, /another set/],
];

for (const [field, over, says] of WRONG)
  test(`another ${field} is refused, by name and with the cure: ${says.source}`, () => {
    assert.throws(
      () => checkGenesis(sodiumCrypto, genesis, { ...sound, ...over }),
      (error) =>
        error instanceof LhgError &&
        error.code === "genesis.mismatch" &&
        error.field === field &&
        says.test(error.message) &&
        error.message.endsWith(GENESIS_CURE),
    );
  });
