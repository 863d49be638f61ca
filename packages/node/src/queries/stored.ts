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
import type { Page, StatementSummary } from "./views.ts";

export function readBlock({ store }: QueryContext, height: number): BlockRecord | undefined {
  const stored = store.get(blockKey(height));
  return stored === undefined ? undefined : decode(blockRecord, stored, "block");
}

/** What is asked for was in blocks that this node does not keep, or may have been. */
export function historyPruned({ firstHeight }: QueryContext, field: string): LhgError {
  return new LhgError("history.pruned", `this node keeps blocks from ${firstHeight} on`, field);
}

/** Whether something of a block can be asked for here. */
export function isKept({ firstHeight }: QueryContext, height: number): boolean {
  return height >= firstHeight;
}

/** A page, unless all that would be in it was pruned. */
export function requireSome<T>(context: QueryContext, page: Page<T>, isPruned: boolean): Page<T> {
  if (page.items.length === 0 && isPruned) throw historyPruned(context, "cursor");
  return page;
}

/** Throws `block.not-found`, `history.pruned`. */
export function requireBlock(context: QueryContext, height: number): BlockRecord {
  if (height > 0 && !isKept(context, height)) throw historyPruned(context, "height");
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

export function readSubmission(context: QueryContext, { height, position }: Place): Submission {
  const stored = context.store.get(statementKey(height, position));
  if (stored === undefined) throw historyPruned(context, "id");
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

/** Finds an executed statement by its id in hex. Throws `statement.not-found`, or `history.pruned` where an older block may hold it. */
export function findStatement(context: QueryContext, id: string): FoundStatement {
  const idBytes = readHex(id, 32, "id");
  const stored = context.state.getDerived(executedKey(idBytes));
  if (stored === undefined && context.firstHeight > 1) throw historyPruned(context, "id");
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
