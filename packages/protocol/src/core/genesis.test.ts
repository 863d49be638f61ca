import assert from "node:assert/strict";
import { test } from "node:test";
import { checkGenesis, type Genesis, SUPPLY_CAP } from "./genesis.ts";
import { DEFAULT_PARAMETERS } from "./parameters.ts";

const address = (n: number): Uint8Array => new Uint8Array(20).fill(n);
const validator = (n: number) => ({
  operator: address(n),
  consensusKey: new Uint8Array(32).fill(n),
  power: 1n,
});
const vendor = (n: number, prefix: string) => ({
  account: address(n),
  name: "v",
  prefixes: [prefix],
  credits: 0,
});

const sound: Genesis = {
  name: "test",
  kind: 0,
  protocolVersion: 1,
  timeMs: 0,
  initialSupply: 100n,
  accounts: [{ address: address(9), balance: 100n }],
  validators: [validator(1), validator(2)],
  vendors: [vendor(3, "0614141"), vendor(4, "4012345")],
  groups: [{ name: "g", vendors: [address(3)] }],
  parameters: DEFAULT_PARAMETERS,
  predecessor: null,
};

test("genesis that contradicts itself is refused with the field", () => {
  checkGenesis(sound);
  const cases: [Partial<Genesis>, string, string][] = [
    [
      { validators: [validator(1), { ...validator(2), operator: address(1) }] },
      "genesis.duplicate",
      "genesis.validators[1].operator",
    ],
    [
      { validators: [validator(1), { ...validator(1), operator: address(2) }] },
      "genesis.duplicate",
      "genesis.validators[1].consensusKey",
    ],
    [{ validators: [{ ...validator(1), power: 0n }] }, "genesis.power", "genesis.validators[0].power"],
    [{ validators: [{ ...validator(1), power: 1n << 60n }] }, "genesis.power", "genesis.validators"],
    [
      { vendors: [vendor(3, "0614141"), vendor(3, "4012345")] },
      "genesis.duplicate",
      "genesis.vendors[1].account",
    ],
    [{ vendors: [vendor(3, "0614141"), vendor(4, "0614141")] }, "genesis.duplicate", "genesis.vendors"],
    [{ groups: [{ name: "g", vendors: [address(7)] }] }, "genesis.group", "genesis.groups"],
    [{ groups: [{ name: "g", vendors: [address(3), address(3)] }] }, "genesis.duplicate", "genesis.groups"],
    [{ initialSupply: SUPPLY_CAP + 1n }, "genesis.supply", "genesis.initialSupply"],
    [{ initialSupply: 99n }, "genesis.supply", "genesis.accounts"],
    [
      { parameters: { ...DEFAULT_PARAMETERS, blockStatementsMax: 0 } },
      "genesis.parameter",
      "genesis.parameters.blockStatementsMax",
    ],
  ];
  for (const [change, code, field] of cases)
    assert.throws(() => checkGenesis({ ...sound, ...change }), { code, field }, field);
});
