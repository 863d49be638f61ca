/**
 * What a partition sends to another: a log in the sender's map, so that a node that keeps only the receiver's
 * group can be shown every message and that none is missing.
 */
import { bytes, encode, type Infer, record, uint } from "./codec/definition.ts";
import type { Hasher } from "./crypto.ts";
import { CORE_MODULE } from "./parameters.ts";
import { appendToLog, emptyLogHead, type LogHead, type LogId, logHead } from "./state/log.ts";
import type { StateAccess, StateReader } from "./state/overlay.ts";
import type { Partition } from "./state/partition.ts";
import { holdLogs } from "./state/stored-log.ts";
import { defineTable } from "./state/table.ts";

export const outboxEntry = record(1, {
  height: uint(),
  toPartition: bytes({ min: 1, max: 64 }),
  module: uint(0xffff),
  kind: uint(0xffff),
  payload: bytes({ max: 4096 }),
});
export type OutboxEntry = Infer<typeof outboxEntry>;

const outboxes = defineTable<[], LogHead>("outbox", CORE_MODULE, 6, logHead);

function outboxLog(from: Partition): LogId {
  return ["outbox", from.id];
}

export const outboxLogs = holdLogs(outboxes, (head, from) => [{ id: outboxLog(from), head }]);

function getOutbox(state: StateReader, from: Partition): LogHead | undefined {
  return outboxes.get(state, from);
}

export function appendToOutbox(
  { hasher, state }: { readonly hasher: Hasher; readonly state: StateAccess },
  from: Partition,
  entry: OutboxEntry,
): void {
  const head = getOutbox(state, from) ?? emptyLogHead(hasher);
  const grown = appendToLog(hasher, state, outboxLog(from), head, encode(outboxEntry, entry));
  outboxes.set(state, from, grown);
}
