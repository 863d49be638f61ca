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
    load: () => inTransaction(database, "readonly", (table) => settle<Unsent[]>(table.getAll())),
    add: (entry) =>
      inTransaction(database, "readwrite", async (table) => {
        const waiting = await settle<Unsent[]>(table.getAll());
        if (waiting.some(({ id }) => id === entry.id)) return waiting;
        requireRoom(waiting, entry.bytes.length / 2);
        await settle(table.add(entry));
        return [...waiting, entry];
      }).catch((error: unknown) => {
        const isFull = error instanceof DOMException && error.name === "QuotaExceededError";
        throw isFull ? new LhgError("outbox.full", "this browser has no room left to keep it") : error;
      }),
    remove: (id) =>
      inTransaction(database, "readwrite", async (table) => {
        const place = await settle(table.index("id").getKey(id));
        if (place !== undefined) await settle(table.delete(place));
      }),
  };
}

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => {
      const table = opening.result.createObjectStore(TABLE, { autoIncrement: true });
      table.createIndex("id", "id", { unique: true });
    };
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

/** Resolves once all that was written stands; nothing does where `work` fails. `work` may await its own requests only. */
async function inTransaction<T>(
  database: IDBDatabase,
  mode: IDBTransactionMode,
  work: (table: IDBObjectStore) => Promise<T>,
): Promise<T> {
  // Strict: a browser may otherwise say "complete" before the disk has it.
  const transaction = database.transaction(TABLE, mode, { durability: "strict" });
  const completed = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException("was aborted", "AbortError"));
  });
  const working = work(transaction.objectStore(TABLE)).catch((error: unknown) => {
    // A failed request has ended it already.
    if (!(error instanceof DOMException)) transaction.abort();
    throw error;
  });
  const [worked, done] = await Promise.allSettled([working, completed]);
  if (worked.status === "rejected") throw worked.reason;
  if (done.status === "rejected") throw done.reason;
  return worked.value;
}

function settle<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
