import { address } from "../../core/account.ts";
import { array, record, uint } from "../../core/codec/definition.ts";
import { displayName } from "../../core/genesis.ts";
import { signedApprovals } from "../../core/statement/approval.ts";

export const GROUPS_MODULE = 4;

/** Vendors by whose partitions a group is made; contracts join them later. */
const members = array(address, { min: 1, max: 10_000 });

const createGroup = record(undefined, {
  name: displayName,
  vendors: members,
  version: uint(),
  approvals: signedApprovals,
});
const moveVendors = record(undefined, {
  to: uint(),
  vendors: members,
  version: uint(),
  approvals: signedApprovals,
});
const mergeGroups = record(undefined, {
  from: uint(),
  to: uint(),
  version: uint(),
  approvals: signedApprovals,
});

const approvalsOf = (body: { approvals: readonly Uint8Array[] }): number => body.approvals.length;
export const groupsMessages = {
  /** Makes a group of these vendors, taking them out of the groups they were in: also how a group is split. */
  "groups.create": { tag: [GROUPS_MODULE, 1], codec: createGroup, approvalsOf },
  "groups.move": { tag: [GROUPS_MODULE, 2], codec: moveVendors, approvalsOf },
  "groups.merge": { tag: [GROUPS_MODULE, 3], codec: mergeGroups, approvalsOf },
} as const;
