import type { Address } from "../../core/account.ts";
import { getAccount, isKeyOf } from "../../core/accounts.ts";
import {
  approvalsNeeded,
  hashValidators,
  sortValidators,
  TOTAL_POWER_MAX,
  type Validator,
  type ValidatorSet,
  validatorSet,
} from "../../core/block/validator-set.ts";
import { equalBytes, toHex } from "../../core/bytes.ts";
import type { CborValue } from "../../core/codec/cbor.ts";
import { array, type Infer, record, uint } from "../../core/codec/definition.ts";
import { assertInvariant } from "../../core/errors.ts";
import type { BlockContext, MessageContext, Module } from "../../core/module.ts";
import type { StateReader } from "../../core/state/overlay.ts";
import { BASE } from "../../core/state/partition.ts";
import { defineTable } from "../../core/state/table.ts";
import { hashAction, openApproval } from "../../core/statement/approval.ts";
import { failStatement } from "../../core/status.ts";
import { type ChangeValidators, VALIDATORS_MODULE, type validatorsMessages } from "./messages.ts";

const NOTICE_SCHEDULED = 1;

/**
 * Sets by the height at which they begin to sign, ascending: the first is in force, the others follow. A
 * change decided at H begins at H + 2, as CometBFT has it, so at most three stand here.
 */
const schedule = record(1, {
  version: uint(),
  sets: array(record(undefined, { fromHeight: uint(), set: validatorSet }), { min: 1, max: 3 }),
});
type Schedule = Infer<typeof schedule>;
const schedules = defineTable<[], Schedule>("validator schedule", VALIDATORS_MODULE, 1, schedule);

/** Every change of the set lengthens the way of a light client: one operator must not do that at will. */
const ROTATION_INTERVAL_MS = 86_400_000;
const rotations = defineTable<[Address], { atMs: number }>(
  "key rotation",
  VALIDATORS_MODULE,
  2,
  record(1, { atMs: uint() }),
);

/** Misbehaviour that is on record, so that evidence counts once. */
const misbehaviour = record(1, { atHeight: uint() });
const misbehaviours = defineTable<[Address, number, number, number], Infer<typeof misbehaviour>>(
  "misbehaviour",
  VALIDATORS_MODULE,
  3,
  misbehaviour,
);

/** Two conflicting votes of one validator, as the engine has proven them. */
export interface Misbehaviour {
  readonly operator: Address;
  readonly height: number;
  readonly view: number;
  readonly type: number;
}

export function isRecorded(state: StateReader, { operator, height, view, type }: Misbehaviour): boolean {
  return misbehaviours.get(state, BASE, operator, height, view, type) !== undefined;
}

/** Puts misbehaviour on record; what follows from it is for governance and slashing to say. */
export function recordMisbehaviour(
  context: BlockContext,
  { operator, height, view, type }: Misbehaviour,
): void {
  misbehaviours.set(context.state, BASE, { atHeight: context.height }, operator, height, view, type);
}

function getSchedule(state: StateReader): Schedule {
  const found = schedules.get(state, BASE);
  assertInvariant(found !== undefined, "the state has no validators");
  return found;
}

/** The sets that are in force or will be, by the height from which on they sign; the first was in force when the last was decided. */
export function getValidatorSchedule(state: StateReader): Schedule["sets"] {
  return getSchedule(state).sets;
}

/** The set that signs the block of this height; `height` is at most two past the last executed one. */
export function getValidatorsAt(state: StateReader, height: number): ValidatorSet {
  const { sets } = getSchedule(state);
  const found = sets.findLast((entry) => entry.fromHeight <= height);
  assertInvariant(found !== undefined, `no validators for height ${height}`);
  return found.set;
}

export function getValidatorsVersion(state: StateReader): number {
  return getSchedule(state).version;
}

/**
 * Demands floor(N / 2) + 1 valid approvals of this action by distinct validators in force, under their
 * operators' current keys. `body` is the action without its approvals.
 */
export function requireApprovals(
  context: MessageContext,
  action: string,
  body: CborValue,
  approvals: readonly Uint8Array[],
): void {
  const hash = hashAction(context.hasher, context.chainId, action, body);
  const operators = getValidatorsAt(context.state, context.height).map((entry) => entry.operator);
  if (approvals.length > operators.length)
    failStatement("approval.invalid", `there are only ${operators.length} validators`, "approvals");
  const counted = new Set<string>();
  for (const [i, bytes] of approvals.entries()) {
    let operator: Address | undefined;
    const opened = openApproval(context, hash, bytes, (key) => {
      operator = operators.find((candidate) =>
        isKeyOf(context.hasher, candidate, getAccount(context.state, candidate), key),
      );
      return operator !== undefined;
    });
    if ("problem" in opened) failStatement("approval.invalid", opened.problem, `approvals[${i}]`);
    counted.add(toHex(operator!));
  }
  const needed = approvalsNeeded(operators.length);
  if (counted.size < needed)
    failStatement("approval.too-few", `${counted.size} of ${needed} needed approvals`, "approvals");
}

/**
 * Puts a new set in force two heights on; a later change in the same block replaces it. `version` counts changes
 * of membership: were a rotation of keys counted, one operator could void every vote under way.
 */
function scheduleSet(context: MessageContext, version: number, set: readonly Validator[]): void {
  const { sets } = getSchedule(context.state);
  const fromHeight = context.height + 2;
  const kept = sets.filter((entry) => entry.fromHeight !== fromHeight);
  const inForce = kept.findLastIndex((entry) => entry.fromHeight <= context.height);
  const sorted = sortValidators(context.hasher, set);
  schedules.set(context.state, BASE, {
    version,
    sets: [...kept.slice(Math.max(inForce, 0)), { fromHeight, set: sorted }],
  });
  context.emit(VALIDATORS_MODULE, NOTICE_SCHEDULED, fromHeight, hashValidators(context.hasher, sorted));
}

function latestSet(state: StateReader): ValidatorSet {
  return getSchedule(state).sets.at(-1)!.set;
}

function applyChanges(set: ValidatorSet, { changes }: ChangeValidators): Validator[] {
  const next = [...set];
  const seen = new Set<string>();
  changes.forEach((change, i) => {
    const operator = toHex(change.operator);
    if (seen.has(operator))
      failStatement("validators.duplicate", "an operator stands here twice", `changes[${i}].operator`);
    seen.add(operator);
    const at = next.findIndex((entry) => equalBytes(entry.operator, change.operator));
    if (change.power === 0n) {
      if (at < 0) failStatement("validators.unknown", "is no validator", `changes[${i}].operator`);
      next.splice(at, 1);
    } else if (at < 0) next.push(change);
    else next[at] = change;
  });
  return next;
}

function checkSet(set: readonly Validator[]): void {
  if (set.length === 0) failStatement("validators.empty", "at least one validator must remain", "changes");
  if (set.length > 256) failStatement("validators.power", "at most 256 validators", "changes");
  if (new Set(set.map((entry) => toHex(entry.consensusKey))).size !== set.length)
    failStatement("validators.key", "a consensus key belongs to one validator", "changes");
  if (set.reduce((sum, entry) => sum + entry.power, 0n) > TOTAL_POWER_MAX)
    failStatement("validators.power", "total power must be at most 2^59", "changes");
}

function initGenesis(
  context: BlockContext,
  genesis: Parameters<NonNullable<Module["initGenesis"]>>[1],
): void {
  const set = sortValidators(context.hasher, genesis.validators);
  schedules.set(context.state, BASE, { version: 0, sets: [{ fromHeight: 0, set }] });
}

export const validators: Module<typeof validatorsMessages> = {
  name: "validators",
  id: VALIDATORS_MODULE,
  initGenesis,
  handlers: {
    "validators.change": (context, body) => {
      if (body.version !== getValidatorsVersion(context.state))
        failStatement("approval.version", "the set has changed since", "version");
      const named = body.changes.map((entry) => [entry.operator, entry.consensusKey, entry.power]);
      requireApprovals(context, "validators.change", [named, body.version], body.approvals);
      const set = applyChanges(latestSet(context.state), body);
      checkSet(set);
      scheduleSet(context, body.version + 1, set);
    },
    "validators.rotate-key": (context, { consensusKey }) => {
      const set = latestSet(context.state);
      const at = set.findIndex((entry) => equalBytes(entry.operator, context.sender));
      if (at < 0) failStatement("validators.unknown", "the sender operates no validator", "sender");
      const rotated = rotations.get(context.state, BASE, context.sender);
      if (rotated !== undefined && context.timeMs < rotated.atMs + ROTATION_INTERVAL_MS)
        failStatement(
          "validators.rotation-early",
          "one rotation a day; validators.change is for emergencies",
          "consensusKey",
        );
      rotations.set(context.state, BASE, { atMs: context.timeMs }, context.sender);
      const next = set.map((entry, i) => (i === at ? { ...entry, consensusKey } : entry));
      checkSet(next);
      scheduleSet(context, getValidatorsVersion(context.state), next);
    },
  },
};
