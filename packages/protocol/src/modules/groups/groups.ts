import { type Address, address } from "../../core/account.ts";
import type { CborValue } from "../../core/codec/cbor.ts";
import { encode, type Infer, nullable, record, text, uint } from "../../core/codec/definition.ts";
import { assertInvariant } from "../../core/errors.ts";
import { displayName } from "../../core/genesis.ts";
import type { BlockContext, MessageContext, Module } from "../../core/module.ts";
import { appendToLog, emptyLogHead, logHead } from "../../core/state/log.ts";
import type { StateReader } from "../../core/state/overlay.ts";
import { BASE } from "../../core/state/partition.ts";
import { holdLogs } from "../../core/state/stored-log.ts";
import { defineTable } from "../../core/state/table.ts";
import { failStatement } from "../../core/status.ts";
import { GROUPS_MODULE, type groupsMessages } from "./messages.ts";

const NOTICE_MOVED = 1;

/** A group is a set of vendors' partitions. Counting, not listing, keeps a change as small as its members. */
const groupRecord = record(1, { name: displayName, members: uint(), mergedInto: nullable(uint()) });
export type Group = Infer<typeof groupRecord>;
const groups = defineTable<[number], Group>("group", GROUPS_MODULE, 1, groupRecord);
const memberships = defineTable<[Address], { group: number }>(
  "group membership",
  GROUPS_MODULE,
  2,
  record(1, { group: uint() }),
);
/** Counts changes of any membership; approvals name it. `log` is the membership log. */
const summary = record(1, { groups: uint(), version: uint(), log: logHead });
const summaries = defineTable<[], Infer<typeof summary>>("group summary", GROUPS_MODULE, 3, summary);

/** Leaf of the membership log. */
export const membershipLeaf = record(1, {
  height: uint(),
  /** null: all members of `from`, by a merge. */
  vendor: nullable(address),
  from: nullable(uint()),
  to: uint(),
  reason: text({ max: 16 }),
});
const MEMBERSHIP_LOG = ["groups"] as const;
export const membershipLogs = holdLogs(summaries, ({ log }) => [{ id: MEMBERSHIP_LOG, head: log }]);

/** What groups need of identity and validators. */
export interface GroupsNeeds {
  isVendor(state: StateReader, vendor: Address): boolean;
  requireApprovals(
    context: MessageContext,
    action: string,
    body: CborValue,
    approvals: readonly Uint8Array[],
  ): void;
}

export function getGroup(state: StateReader, group: number): Group | undefined {
  return groups.get(state, BASE, group);
}

/** The group a vendor is in now; merged groups lead on to the one they were merged into. */
export function getGroupOf(state: StateReader, vendor: Address): number | undefined {
  let group = memberships.get(state, BASE, vendor)?.group;
  while (group !== undefined) {
    const mergedInto = getGroup(state, group)?.mergedInto ?? null;
    if (mergedInto === null) return group;
    group = mergedInto;
  }
  return undefined;
}

export function getGroupSummary(state: StateReader): Infer<typeof summary> | undefined {
  return summaries.get(state, BASE);
}

/** Puts a vendor into a group, takes it out of the one it was in, and logs that. */
function assignVendor(context: BlockContext, vendor: Address, to: number, reason: string): void {
  const { state, hasher } = context;
  const from = getGroupOf(state, vendor) ?? null;
  if (from === to) return;
  if (from !== null) {
    const left = getGroup(state, from)!;
    groups.set(state, BASE, { ...left, members: left.members - 1 }, from);
  }
  const joined = getGroup(state, to)!;
  groups.set(state, BASE, { ...joined, members: joined.members + 1 }, to);
  memberships.set(state, BASE, { group: to }, vendor);
  const held = getGroupSummary(state)!;
  const leaf = encode(membershipLeaf, { height: context.height, vendor, from, to, reason });
  summaries.set(state, BASE, { ...held, log: appendToLog(hasher, state, MEMBERSHIP_LOG, held.log, leaf) });
}

function addGroup(context: BlockContext, name: string): number {
  const held = getGroupSummary(context.state)!;
  groups.set(context.state, BASE, { name, members: 0, mergedInto: null }, held.groups);
  summaries.set(context.state, BASE, { ...held, groups: held.groups + 1 });
  return held.groups;
}

function checkVersion(context: MessageContext, version: number): void {
  const held = getGroupSummary(context.state)!;
  if (held.version !== version) failStatement("approval.version", "groups have changed since", "version");
  summaries.set(context.state, BASE, { ...held, version: version + 1 });
}

function requireLiveGroup(context: MessageContext, group: number, field: string): Group {
  const found = getGroup(context.state, group);
  if (found === undefined || found.mergedInto !== null)
    return failStatement("groups.unknown", "is no group, or was merged", field);
  return found;
}

function requireVendors(context: MessageContext, needs: GroupsNeeds, vendors: readonly Address[]): void {
  vendors.forEach((vendor, i) => {
    if (!needs.isVendor(context.state, vendor))
      failStatement("groups.partition-unknown", "is no vendor", `vendors[${i}]`);
  });
}

function initGenesis(
  context: BlockContext,
  genesis: Parameters<NonNullable<Module["initGenesis"]>>[1],
): void {
  summaries.set(context.state, BASE, { groups: 0, version: 0, log: emptyLogHead(context.hasher) });
  for (const { name, vendors } of genesis.groups) {
    const group = addGroup(context, name);
    for (const vendor of vendors) {
      assertInvariant(getGroupOf(context.state, vendor) === undefined, "genesis puts a vendor in two groups");
      assignVendor(context, vendor, group, "genesis");
    }
  }
}

export function createGroups(needs: GroupsNeeds): Module<typeof groupsMessages> {
  return {
    name: "groups",
    id: GROUPS_MODULE,
    initGenesis,
    handlers: {
      "groups.create": (context, { name, vendors, version, approvals }) => {
        checkVersion(context, version);
        needs.requireApprovals(context, "groups.create", [name, vendors, version], approvals);
        requireVendors(context, needs, vendors);
        const group = addGroup(context, name);
        for (const vendor of vendors) assignVendor(context, vendor, group, "create");
        context.emit(GROUPS_MODULE, NOTICE_MOVED, group, vendors.length);
      },
      "groups.move": (context, { to, vendors, version, approvals }) => {
        checkVersion(context, version);
        needs.requireApprovals(context, "groups.move", [to, vendors, version], approvals);
        requireLiveGroup(context, to, "to");
        requireVendors(context, needs, vendors);
        for (const vendor of vendors) assignVendor(context, vendor, to, "move");
        context.emit(GROUPS_MODULE, NOTICE_MOVED, to, vendors.length);
      },
      "groups.merge": (context, { from, to, version, approvals }) => {
        checkVersion(context, version);
        needs.requireApprovals(context, "groups.merge", [from, to, version], approvals);
        const source = requireLiveGroup(context, from, "from");
        const target = requireLiveGroup(context, to, "to");
        if (from === to) failStatement("groups.unknown", "a group is not merged into itself", "to");
        const held = getGroupSummary(context.state)!;
        const leaf = encode(membershipLeaf, {
          height: context.height,
          vendor: null,
          from,
          to,
          reason: "merge",
        });
        const log = appendToLog(context.hasher, context.state, MEMBERSHIP_LOG, held.log, leaf);
        summaries.set(context.state, BASE, { ...held, log });
        // Members keep their membership record: `mergedInto` redirects it, so a merge is one write.
        groups.set(context.state, BASE, { ...source, members: 0, mergedInto: to }, from);
        groups.set(context.state, BASE, { ...target, members: target.members + source.members }, to);
        context.emit(GROUPS_MODULE, NOTICE_MOVED, to, source.members);
      },
    },
  };
}
