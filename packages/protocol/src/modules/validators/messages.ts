import { address } from "../../core/account.ts";
import { array, bytes, type Infer, record, uint, uint64 } from "../../core/codec/definition.ts";
import { signedApprovals } from "../../core/statement/approval.ts";

export const VALIDATORS_MODULE = 2;
/** Power 0 takes a validator out; an unknown operator comes in. */
const change = record(undefined, {
  changes: array(record(undefined, { operator: address, consensusKey: bytes(32), power: uint64 }), {
    min: 1,
    max: 64,
  }),
  /** The version of the set that the approvers saw. */
  version: uint(),
  approvals: signedApprovals,
});
export type ChangeValidators = Infer<typeof change>;

export const validatorsMessages = {
  "validators.change": {
    tag: [VALIDATORS_MODULE, 1],
    codec: change,
    approvalsOf: (body: ChangeValidators) => body.approvals.length,
  },
  /** An operator replaces its own consensus key; acts two heights later. */
  "validators.rotate-key": {
    tag: [VALIDATORS_MODULE, 2],
    codec: record(undefined, { consensusKey: bytes(32) }),
  },
} as const;
