/** What CometBFT demands of validator updates (spec/abci/abci++_app_requirements.md), and what it makes of them. */
import { type Signatory, totalPower, validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { compareBytes, toHex } from "@lhg/protocol/core/bytes";
import type { ValidatorUpdate } from "../src/consensus/comet/comet-block.ts";
import { sodiumCrypto } from "../src/crypto/sodium.ts";

/** A validator by what CometBFT knows of it. */
type Member = Pick<Signatory, "consensusKey" | "power">;

/** `MaxTotalVotingPower` of CometBFT. */
const TOTAL_POWER_LIMIT = (2n ** 63n - 1n) / 8n;

/** The next set in CometBFT's order. Throws an Error that says which rule is broken. */
export function applyValidatorUpdates(
  set: readonly Member[],
  updates: readonly ValidatorUpdate[],
): Signatory[] {
  const members = new Map(
    set.map(({ consensusKey, power }) => [toHex(consensusKey), { consensusKey, power }]),
  );
  const seen = new Set<string>();
  for (const { consensusKey, power } of updates) {
    const name = toHex(consensusKey);
    if (consensusKey.length !== 32) throw new Error(`a key of ${consensusKey.length} bytes`);
    if (seen.has(name)) throw new Error(`two updates of ${name}`);
    seen.add(name);
    if (power < 0n) throw new Error(`negative power of ${name}`);
    if (power === 0n && !members.delete(name)) throw new Error(`${name} is removed and unknown`);
    if (power > 0n) members.set(name, { consensusKey, power });
  }
  if (members.size === 0) throw new Error("no validator is left");
  const next = [...members.values()];
  if (totalPower(next) > TOTAL_POWER_LIMIT) throw new Error("the total power is too large");
  return sortMembers(next);
}

export function sortMembers<T extends Member>(set: readonly T[]): T[] {
  const addressOf = (entry: T): Uint8Array => validatorAddress(sodiumCrypto, entry.consensusKey);
  return [...set].sort((a, b) =>
    a.power === b.power ? compareBytes(addressOf(a), addressOf(b)) : a.power > b.power ? -1 : 1,
  );
}
