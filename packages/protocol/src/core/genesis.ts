import { address, digest } from "./account.ts";
import { TOTAL_POWER_MAX, validator } from "./block/validator-set.ts";
import { toHex } from "./bytes.ts";
import { array, encode, type Infer, nullable, record, text, uint, uint64 } from "./codec/definition.ts";
import type { Hasher } from "./crypto.ts";
import { LhgError } from "./errors.ts";
import { findUnsoundParameter, parameters } from "./parameters.ts";
import { chainId } from "./statement/transaction.ts";

/** Smallest units per LHG. */
export const UNIT = 100_000_000n;
/** No more LHG than this can ever exist, in smallest units. */
export const SUPPLY_CAP = 160_000_000n * UNIT;
export const DEFAULT_INITIAL_SUPPLY = 60_000_000n * UNIT;

/** No vendor holds more prepaid credit than this. */
export const CREDITS_MAX = 1_000_000_000_000_000;

/** Prefixes are company-prefix digits or URIs; epcis/README.md says how they match. */
export const identifierPrefix = text({ min: 1, max: 256 });
export const displayName = text({ min: 1, max: 128 });

/** Everything a chain begins with. Its hash is part of the chain id, so every signature binds it. */
export const genesis = record(1, {
  name: text({ min: 1, max: 17, pattern: /^[a-z][a-z0-9-]*$/ }),
  /** 0 private, 1 alliance, 2 public. */
  kind: uint(2),
  protocolVersion: uint(0xffff),
  timeMs: uint(),
  initialSupply: uint64,
  accounts: array(record(undefined, { address, balance: uint64 }), { max: 100_000 }),
  validators: array(validator, { min: 1, max: 256 }),
  vendors: array(
    record(undefined, {
      account: address,
      name: displayName,
      prefixes: array(identifierPrefix, { max: 256 }),
      /** Prepaid credit to begin with. */
      credits: uint(CREDITS_MAX),
    }),
    { max: 10_000 },
  ),
  groups: array(record(undefined, { name: displayName, vendors: array(address, { max: 10_000 }) }), {
    max: 1_000,
  }),
  parameters,
  /** The chain this one continues: its last header is pinned. */
  predecessor: nullable(record(undefined, { chainId, height: uint(), headerHash: digest })),
});
export type Genesis = Infer<typeof genesis>;

function checkOnce(values: readonly string[], field: (index: number) => string): void {
  const seen = new Set<string>();
  for (const [i, value] of values.entries()) {
    if (seen.has(value)) throw new LhgError("genesis.duplicate", "stands here twice", field(i));
    seen.add(value);
  }
}

/** Checks what the codec can't: that genesis does not contradict itself. Throws `genesis.*` naming the field. */
export function checkGenesis(value: Genesis): void {
  const { validators, vendors, groups, accounts, initialSupply } = value;
  checkOnce(
    validators.map((entry) => toHex(entry.operator)),
    (i) => `genesis.validators[${i}].operator`,
  );
  checkOnce(
    validators.map((entry) => toHex(entry.consensusKey)),
    (i) => `genesis.validators[${i}].consensusKey`,
  );
  checkOnce(
    accounts.map((entry) => toHex(entry.address)),
    (i) => `genesis.accounts[${i}].address`,
  );
  checkOnce(
    vendors.map((entry) => toHex(entry.account)),
    (i) => `genesis.vendors[${i}].account`,
  );
  checkOnce(
    vendors.flatMap((entry) => entry.prefixes),
    () => "genesis.vendors",
  );
  checkOnce(
    groups.flatMap((entry) => entry.vendors.map(toHex)),
    () => "genesis.groups",
  );
  const known = new Set(vendors.map((entry) => toHex(entry.account)));
  if (groups.some((entry) => entry.vendors.some((vendor) => !known.has(toHex(vendor)))))
    throw new LhgError("genesis.group", "names a vendor that genesis does not admit", "genesis.groups");
  const unpowered = validators.findIndex((entry) => entry.power === 0n);
  if (unpowered >= 0)
    throw new LhgError("genesis.power", "must be positive", `genesis.validators[${unpowered}].power`);
  if (validators.reduce((sum, entry) => sum + entry.power, 0n) > TOTAL_POWER_MAX)
    throw new LhgError("genesis.power", `must be at most ${TOTAL_POWER_MAX} in all`, "genesis.validators");
  if (initialSupply > SUPPLY_CAP)
    throw new LhgError("genesis.supply", `must be at most ${SUPPLY_CAP}`, "genesis.initialSupply");
  if (accounts.reduce((sum, entry) => sum + entry.balance, 0n) > initialSupply)
    throw new LhgError("genesis.supply", "accounts hold more than is issued", "genesis.accounts");
  const wrong = findUnsoundParameter(value.parameters);
  if (wrong !== undefined)
    throw new LhgError("genesis.parameter", "is out of its bounds", `genesis.parameters.${wrong}`);
}

/** `name-<hex of the first 16 bytes of SHA-256(genesis)>`, at most 50 characters. */
export function computeChainId(hasher: Pick<Hasher, "sha256">, value: Genesis): string {
  const hash = hasher.sha256(encode(genesis, value, "genesis"));
  return `${value.name}-${toHex(hash.subarray(0, 16))}`;
}
