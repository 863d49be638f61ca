/** Where signed statements wait: the IndexedDB of this browser, which a reload and a closed tab leave alone. Shared by all tabs. */
import { LhgError } from "@lhg/protocol/core/errors";

export type UnsentKind = "capture" | "attestation" | "command";

export interface Unsent {
  /** Statement id in hex. */
  readonly id: string;
  readonly kind: UnsentKind;
  /** What it says, in words of the page that made it. */
  readonly title: string;
  /** The signed submission in hex. */
  readonly bytes: string;
}

export const UNSENT_MAX = 20;
export const UNSENT_BYTES_MAX = 32 << 20;

/** Throws `outbox.full` where one more of so many bytes has no room beside those that wait. */
export function requireRoom(waiting: readonly Pick<Unsent, "bytes">[], sizeBytes: number): void {
  if (waiting.length >= UNSENT_MAX)
    throw new LhgError(
      "outbox.full",
      `${waiting.length} signed statements wait here: send or discard some first`,
    );
  const keptBytes = waiting.reduce((sum, { bytes }) => sum + bytes.length / 2, 0);
  if (keptBytes + sizeBytes > UNSENT_BYTES_MAX)
    throw new LhgError(
      "outbox.full",
      `${keptBytes} bytes of signed statements wait here, and ${sizeBytes} more are beyond ${UNSENT_BYTES_MAX}: send or discard some first`,
    );
}

export interface UnsentStore {
  /** Oldest first. */
  load(): Promise<readonly Unsent[]>;
  /** Resolves once it is kept, with all that wait. Throws `outbox.full`, also where the browser gives no more room. */
  add(entry: Unsent): Promise<readonly Unsent[]>;
  remove(id: string): Promise<void>;
}

const DATABASE = "lhg-outbox";
const TABLE = "unsent";

/** Undefined where the browser keeps nothing, as in some private windows. */
export async function openUnsentStore(): Promise<UnsentStore | undefined> {
  const database = await openDatabase().catch(() => undefined);
  if (database === undefined) return undefined;
  return {
    load: () => run(database, "readonly", (table) => table.getAll() as IDBRequest<Unsent[]>),
    add: async (entry) => {
      const waiting = await run(database, "readonly", (table) => table.getAll() as IDBRequest<Unsent[]>);
      if (waiting.some(({ id }) => id === entry.id)) return waiting;
      requireRoom(waiting, entry.bytes.length / 2);
      await run(database, "readwrite", (table) => table.add(entry)).catch((error: unknown) => {
        const isRoom = error instanceof DOMException && error.name === "QuotaExceededError";
        throw isRoom ? new LhgError("outbox.full", "this browser has no room left to keep it") : error;
      });
      return [...waiting, entry];
    },
    remove: async (id) => {
      const place = await run(database, "readonly", (table) => table.index("id").getKey(id));
      if (place !== undefined) await run(database, "readwrite", (table) => table.delete(place));
    },
  };
}

async function openDatabase(): Promise<IDBDatabase> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => {
    const table = opening.result.createObjectStore(TABLE, { autoIncrement: true });
    table.createIndex("id", "id", { unique: true });
  };
  return new Promise((resolve, reject) => {
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
    opening.onblocked = () => reject(opening.error);
  });
}

/** Resolves once the transaction is complete, so that what it wrote stands. */
function run<T>(
  database: IDBDatabase,
  mode: IDBTransactionMode,
  work: (table: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    // Strict: a browser may otherwise say "complete" before the disk has it.
    const transaction = database.transaction(TABLE, mode, { durability: "strict" });
    const request = work(transaction.objectStore(TABLE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error ?? request.error);
    transaction.onerror = () => reject(transaction.error ?? request.error);
  });
}
