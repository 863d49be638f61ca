/** Blocks and statements as the store holds them. */
import { type Outcome, outcome } from "@lhg/protocol/core/block/outcome";
import { toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Submission, submission } from "@lhg/protocol/core/statement/submission";
import { statusName } from "@lhg/protocol/core/status";
import { type ExecutedRecord, executedKey, executedRecord } from "@lhg/protocol/partition-logs";
import { type PreparedStatement, prepareStatement } from "@lhg/protocol/statements";
import { type BlockRecord, blockRecord } from "../blocks/records.ts";
import { blockKey, statementKey } from "../blocks/store-keys.ts";
import type { QueryContext } from "./context.ts";
import type { Place, StatementEntry } from "./index-format.ts";
import { readHex } from "./paging.ts";
import type { StatementSummary } from "./views.ts";

export function readBlock({ store }: QueryContext, height: number): BlockRecord | undefined {
  const stored = store.get(blockKey(height));
  return stored === undefined ? undefined : decode(blockRecord, stored, "block");
}

export function requireBlock(context: QueryContext, height: number): BlockRecord {
  const found = readBlock(context, height);
  if (found === undefined) throw new LhgError("block.not-found", `there is no block ${height}`, "height");
  return found;
}

/** Times of blocks, each read once for an answer. */
export function createTimes(context: QueryContext): (height: number) => number {
  const known = new Map<number, number>();
  return (height) => {
    let timeMs = known.get(height);
    if (timeMs === undefined) {
      timeMs = requireBlock(context, height).header.timeMs;
      known.set(height, timeMs);
    }
    return timeMs;
  };
}

export function readSubmission({ store }: QueryContext, { height, position }: Place): Submission {
  const stored = store.get(statementKey(height, position));
  if (stored === undefined)
    throw new LhgError("statement.pruned", "its bytes are no longer kept by this node", "id");
  return decode(submission, stored, "submission");
}

export function readPrepared(context: QueryContext, place: Place): PreparedStatement {
  return prepareStatement(context.crypto, readSubmission(context, place));
}

export interface FoundStatement {
  readonly id: Uint8Array;
  readonly record: ExecutedRecord;
  readonly outcome: Outcome;
}

/** Finds an executed statement by its id in hex. Throws `statement.not-found`. */
export function findStatement({ state }: QueryContext, id: string): FoundStatement {
  const idBytes = readHex(id, 32, "id");
  const stored = state.getDerived(executedKey(idBytes));
  if (stored === undefined)
    throw new LhgError("statement.not-found", "no block holds a statement with this id", "id");
  const found = decode(executedRecord, stored, "statement");
  return {
    id: idBytes,
    record: found,
    outcome: decode(outcome, found.outcome, "outcome"),
  };
}

export function viewStatus(status: number): StatementSummary["status"] {
  return { code: status, name: statusName(status) };
}

export function viewEntry(
  { kind, status, id }: StatementEntry,
  { height, position }: Place,
  timeMs: number,
): StatementSummary {
  return { id: toHex(id), kind, height, position, timeMs, status: viewStatus(status) };
}

export function isProvable({ provableHeight }: QueryContext, height: number): boolean {
  return provableHeight !== undefined && height <= provableHeight;
}
