/** Statements that proposals may name though they do not wait in the mempool. Whoever votes for a block must be able to show all of it. */
import { byteString } from "@lhg/protocol/core/bytes";
import type { LeafHashed } from "../blocks/leaf-hashed.ts";
import type { InboxLog } from "../store/inbox-log.ts";

export interface KeptStatements {
  /**
   * Keeps what was recovered and does not wait any more, until the first block: the votes of before the stop may bind the validators to a
   * block that holds it.
   */
  retire(leafHash: Uint8Array, bytes: Uint8Array): void;
  /** Makes statements durable that a proposal names and the ledger would not admit now, until a block is committed. */
  borrow(statements: readonly LeafHashed[]): Promise<void>;
  find(leafHash: Uint8Array): Uint8Array | undefined;
  noteBlock(): void;
}

export function createKeptStatements(inbox: Pick<InboxLog, "appendMany" | "markSettled">): KeptStatements {
  let retired: Map<string, Uint8Array> | undefined = new Map();
  const borrowed = new Map<string, { readonly bytes: Uint8Array; readonly position: number }>();
  return {
    retire: (leafHash, bytes) => void retired?.set(byteString(leafHash), bytes),
    async borrow(statements) {
      const first = await inbox.appendMany(statements.map((entry) => entry.bytes));
      for (const [i, { leafHash, bytes }] of statements.entries())
        borrowed.set(byteString(leafHash), { bytes, position: first + i });
    },
    find(leafHash) {
      const name = byteString(leafHash);
      return borrowed.get(name)?.bytes ?? retired?.get(name);
    },
    noteBlock() {
      retired = undefined;
      for (const { position } of borrowed.values()) inbox.markSettled(position);
      borrowed.clear();
    },
  };
}
