/** A genesis for tests of what trusts one. */
import type { Genesis } from "@lhg/protocol/core/genesis";
import { DEFAULT_PARAMETERS } from "@lhg/protocol/core/parameters";

export const TEST_GENESIS: Genesis = {
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
