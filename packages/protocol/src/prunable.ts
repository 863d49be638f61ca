/** What execution keeps of a statement beside the state, and what a node may forget without losing a proof of the state. */
import { collectionDerivedKey } from "./modules/collection/collection.ts";
import { sliceCountKey, sliceKey } from "./modules/trace/capture.ts";
import { executedKey } from "./partition-logs.ts";
import type { PreparedStatement } from "./statements.ts";

/**
 * Keys of derived data of an executed statement that can be deleted with its bytes. Leaves and tiles of logs stay, because proofs of other
 * statements and of items stand on them, and so do records of events, which traces read.
 */
export function listPrunable(statement: PreparedStatement): Uint8Array[] {
  const { id } = statement;
  if (statement.kind === "collection") {
    const { device, stream, seq } = statement.payload;
    return [executedKey(id), collectionDerivedKey(device, stream, seq)];
  }
  const slices = statement.submission.body ?? [];
  if (slices.length === 0) return [executedKey(id)];
  return [executedKey(id), sliceCountKey(id), ...slices.map((_, index) => sliceKey(id, index))];
}
