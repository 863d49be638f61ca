import type { Infer } from "../../core/codec/definition.ts";
import { record, text, uint, uint64 } from "../../core/codec/definition.ts";
import { signedApprovals } from "../../core/statement/approval.ts";

const tick = record(undefined, {});
const setParameter = record(undefined, {
  name: text({ min: 1, max: 64 }),
  value: uint64,
  /** When it takes effect; 0 means with the next block. */
  activateAtMs: uint(),
  /** The version of the parameters that the approvers saw. */
  version: uint(),
  approvals: signedApprovals,
});
export type SetParameter = Infer<typeof setParameter>;

const scheduleUpgrade = record(undefined, {
  protocolVersion: uint(0xffff),
  /** The first height that is executed under it. */
  fromHeight: uint(),
  version: uint(),
  approvals: signedApprovals,
});
export type ScheduleUpgrade = Infer<typeof scheduleUpgrade>;

export const CHAIN_MODULE = 8;
export const chainMessages = {
  /** Does nothing itself: a block with it runs what is due. Anyone may send it. */
  "chain.tick": { tag: [CHAIN_MODULE, 1], codec: tick },
  "chain.set-parameter": {
    tag: [CHAIN_MODULE, 2],
    codec: setParameter,
    approvalsOf: (body: SetParameter) => body.approvals.length,
  },
  /** From a height on the chain runs another protocol version; nodes that lack it stop there and say so. */
  "chain.schedule-upgrade": {
    tag: [CHAIN_MODULE, 3],
    codec: scheduleUpgrade,
    approvalsOf: (body: ScheduleUpgrade) => body.approvals.length,
  },
} as const;
