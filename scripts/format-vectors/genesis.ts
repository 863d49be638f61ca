/** The chain of the vectors as it begins. */
import { encode } from "../../packages/protocol/src/core/codec/definition.ts";
import { computeChainId, type Genesis, genesis, UNIT } from "../../packages/protocol/src/core/genesis.ts";
import { DEFAULT_PARAMETERS } from "../../packages/protocol/src/core/parameters.ts";
import { acme, alice, carol, consensusKeys, crypto, operators } from "./actors.ts";

export const GENESIS_MS = 1_800_000_000_000;

export const GENESIS: Genesis = {
  name: "lhg-vectors",
  kind: 1,
  protocolVersion: 1,
  timeMs: GENESIS_MS,
  initialSupply: 60_000_000n * UNIT,
  accounts: [
    { address: alice.address, balance: 1_000n * UNIT },
    { address: carol.address, balance: 2n * UNIT },
    { address: acme.address, balance: 500n * UNIT },
    ...operators.slice(0, 4).map(({ address }) => ({ address, balance: UNIT })),
  ],
  validators: operators.slice(0, 4).map(({ address }, i) => ({
    operator: address,
    consensusKey: consensusKeys[i]!.key.publicKey,
    power: i === 0 ? 12n : 10n,
  })),
  vendors: [
    {
      account: acme.address,
      name: "Acme",
      prefixes: ["0614141", "https://id.acme.example/"],
      credits: 5_000,
    },
  ],
  groups: [{ name: "first", vendors: [acme.address] }],
  parameters: DEFAULT_PARAMETERS,
  predecessor: null,
};

export const GENESIS_BYTES = encode(genesis, GENESIS, "genesis");
export const CHAIN_ID = computeChainId(crypto, GENESIS);
