/** The history log in base: `[height, timeMs, previous app hash]` of every working block. */
import { digest } from "./core/account.ts";
import { encode, type Infer, record, uint } from "./core/codec/definition.ts";
import type { BlockContext } from "./core/module.ts";
import { CORE_MODULE } from "./core/parameters.ts";
import { appendToLog, emptyLogHead, type LogHead, logHead } from "./core/state/log.ts";
import type { StateReader } from "./core/state/overlay.ts";
import { BASE } from "./core/state/partition.ts";
import { defineTable } from "./core/state/table.ts";

export const historyLeaf = record(undefined, { height: uint(), timeMs: uint(), previousAppHash: digest });
export type HistoryLeaf = Infer<typeof historyLeaf>;

const histories = defineTable<[], LogHead>("history", CORE_MODULE, 5, logHead);
export const HISTORY_LOG = ["history"] as const;

export function getHistory(state: StateReader): LogHead | undefined {
  return histories.get(state, BASE);
}

export function historyKey(): Uint8Array {
  return histories.key();
}

export function appendHistory(
  { hasher, state, height, timeMs }: BlockContext,
  previousAppHash: Uint8Array,
): void {
  const head = getHistory(state) ?? emptyLogHead(hasher);
  const leaf = encode(historyLeaf, { height, timeMs, previousAppHash });
  histories.set(state, BASE, appendToLog(hasher, state, HISTORY_LOG, head, leaf));
}
