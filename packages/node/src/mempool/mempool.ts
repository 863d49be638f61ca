/**
 * Statements that wait for a block. Each stands in the lane of its account (and stream), in the order of its
 * sequence; what a lane holds ready is proposed, what is too early waits.
 */
import { byteString, equalBytes } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";

export interface MempoolLimits {
  readonly statementsMax: number;
  readonly bytesMax: number;
  readonly laneStatementsMax: number;
  /** Of these limits, what is too early or lacks fee or credit may take this share: it costs its sender nothing. */
  readonly waitingShare: number;
  /** Statements that wait so are dropped after this time. */
  readonly waitingMsMax: number;
}

export const DEFAULT_MEMPOOL_LIMITS: MempoolLimits = {
  statementsMax: 100_000,
  bytesMax: 256 << 20,
  laneStatementsMax: 20_000,
  waitingShare: 0.5,
  waitingMsMax: 10 * 60_000,
};

/** A replacement must pay at least this many percent of the price of what it replaces. */
const REPLACEMENT_PERCENT = 110n;

export interface MempoolEntry {
  readonly id: Uint8Array;
  readonly leafHash: Uint8Array;
  /** Encoded submission. */
  readonly bytes: Uint8Array;
  readonly account: Uint8Array;
  readonly stream: number;
  readonly sequence: number;
  readonly gasPrice: bigint;
  readonly expiryMs: number;
  /** Monotonic time of arrival. */
  readonly addedMs: number;
  /** Where the inbox log holds it; EARLY or IN_FLIGHT where it does not. */
  readonly position: number;
  /** Came to this node first: this node answers for it to whoever sent it, and tells the others of it. */
  readonly isOwn: boolean;
}

/** Came too early: in memory only, and not promised. */
export const EARLY = -1;
/** Is being written to the inbox log. */
export const IN_FLIGHT = -2;

interface Held extends Omit<MempoolEntry, "position"> {
  readonly idName: string;
  readonly leafName: string;
  readonly lane: Lane;
  position: number;
  isReady: boolean;
}

interface Lane {
  readonly name: string;
  /** By sequence, ascending. */
  readonly entries: Held[];
}

/** Guards that ids, leaf hashes and lanes name the same entries, and that the limits hold. */
export class Mempool {
  readonly limits: MempoolLimits;
  private readonly byId = new Map<string, Held>();
  private readonly byLeafHash = new Map<string, Held>();
  private readonly lanes = new Map<string, Lane>();
  /** Leaf hashes that stand in a proposal: they stay until the block is decided, whatever is offered for their place. */
  private pinned: ReadonlySet<string> = new Set();
  private bytes = 0;
  private waiting = { statements: 0, bytes: 0 };

  constructor(limits: MempoolLimits = DEFAULT_MEMPOOL_LIMITS) {
    this.limits = limits;
  }

  get size(): number {
    return this.byId.size;
  }

  get sizeBytes(): number {
    return this.bytes;
  }

  has(id: Uint8Array): boolean {
    return this.byId.has(byteString(id));
  }

  /** Whether the statement waits and stands in the inbox log. */
  isDurable(id: Uint8Array): boolean {
    return (this.byId.get(byteString(id))?.position ?? EARLY) >= 0;
  }

  isInFlight(id: Uint8Array): boolean {
    return this.byId.get(byteString(id))?.position === IN_FLIGHT;
  }

  /** Whether the statement just before this one in its lane is ready. */
  followsReady(entry: Pick<MempoolEntry, "account" | "stream" | "sequence">): boolean {
    const { entries } = this.laneOf(entry);
    const before = entries[findPlace(entries, entry.sequence) - 1];
    return before?.sequence === entry.sequence - 1 && before.isReady;
  }

  getById(id: Uint8Array): MempoolEntry | undefined {
    return this.byId.get(byteString(id));
  }

  getByLeafHash(leafHash: Uint8Array): MempoolEntry | undefined {
    return this.byLeafHash.get(byteString(leafHash));
  }

  /** Why this statement can't be added now; undefined: it can. */
  findObstacle(entry: MempoolEntry): LhgError | undefined {
    const lane = this.laneOf(entry);
    const present = lane.entries[findPlace(lane.entries, entry.sequence)];
    if (present !== undefined && equalBytes(present.id, entry.id)) return undefined;
    try {
      if (present?.sequence === entry.sequence) this.checkReplacement(present, entry);
      else this.checkRoom(lane, entry);
      return undefined;
    } catch (error) {
      if (error instanceof LhgError) return error;
      throw error;
    }
  }

  /**
   * Adds a statement. `isReady`: the ledger would admit it now. Returns the entry it replaced, if any. Throws
   * `mempool.full`, `mempool.lane-full` or `mempool.underpriced`.
   */
  add(entry: MempoolEntry, isReady: boolean, isPromised = false): MempoolEntry | undefined {
    const lane = this.laneOf(entry);
    const at = findPlace(lane.entries, entry.sequence);
    const present = lane.entries[at];
    const replaced = present?.sequence === entry.sequence ? present : undefined;
    if (replaced !== undefined) this.checkReplacement(replaced, entry);
    else if (!isPromised) this.checkRoom(lane, entry);
    const before = lane.entries[at - 1];
    const follows = before?.sequence === entry.sequence - 1 && before.isReady;
    if (replaced === undefined && !isPromised && !isReady && !follows) this.checkWaitingRoom(entry);
    if (replaced !== undefined) this.drop(replaced);
    const held: Held = {
      ...entry,
      idName: byteString(entry.id),
      leafName: byteString(entry.leafHash),
      lane,
      isReady: true,
    };
    lane.entries.splice(at, 0, held);
    this.lanes.set(lane.name, lane);
    this.byId.set(held.idName, held);
    this.byLeafHash.set(held.leafName, held);
    this.bytes += entry.bytes.length;
    this.mark(held, isReady || follows);
    if (held.isReady) this.wakeFollowers(lane, at);
    return replaced;
  }

  private laneOf({ account, stream }: Pick<MempoolEntry, "account" | "stream">): Lane {
    const name = `${byteString(account)}/${stream}`;
    return this.lanes.get(name) ?? { name, entries: [] };
  }

  private checkRoom(lane: Lane, entry: MempoolEntry): void {
    if (lane.entries.length >= this.limits.laneStatementsMax)
      throw new LhgError("mempool.lane-full", "too many statements of this account wait", "statement");
    if (this.byId.size >= this.limits.statementsMax || this.bytes + entry.bytes.length > this.limits.bytesMax)
      throw new LhgError("mempool.full", "too many statements wait; try again", "statement");
  }

  private checkWaitingRoom({ bytes }: MempoolEntry): void {
    const { statementsMax, bytesMax, waitingShare } = this.limits;
    const isFull =
      this.waiting.statements >= statementsMax * waitingShare ||
      this.waiting.bytes + bytes.length > bytesMax * waitingShare;
    if (isFull)
      throw new LhgError("mempool.full", "too many statements wait for others; try again", "statement");
  }

  private mark(held: Held, isReady: boolean): void {
    if (held.isReady === isReady) return;
    held.isReady = isReady;
    const sign = isReady ? -1 : 1;
    this.waiting.statements += sign;
    this.waiting.bytes += sign * held.bytes.length;
  }

  private wakeFollowers(lane: Lane, from: number): void {
    for (let i = from + 1; i < lane.entries.length; i++) {
      if (lane.entries[i]!.sequence !== lane.entries[i - 1]!.sequence + 1) return;
      this.mark(lane.entries[i]!, true);
    }
  }

  private checkReplacement(present: Held, entry: MempoolEntry): void {
    const isDearer = present.gasPrice > 0n && entry.gasPrice * 100n >= present.gasPrice * REPLACEMENT_PERCENT;
    if (!isDearer || this.pinned.has(present.leafName))
      throw new LhgError(
        "mempool.underpriced",
        `another statement holds this place; a replacement pays at least ${REPLACEMENT_PERCENT} % of its price`,
        "statement",
      );
  }

  /** Keeps these statements against replacement and expiry until the next call. */
  pin(leafHashes: readonly Uint8Array[]): void {
    this.pinned = new Set(leafHashes.map(byteString));
  }

  private drop(held: Held): void {
    this.mark(held, true);
    const { entries } = held.lane;
    // Nearly always the first: shifting is constant in V8, splicing moves the whole lane.
    if (entries[0] === held) entries.shift();
    else entries.splice(findPlace(entries, held.sequence), 1);
    if (entries.length === 0) this.lanes.delete(held.lane.name);
    this.byId.delete(held.idName);
    this.byLeafHash.delete(held.leafName);
    this.bytes -= held.bytes.length;
  }

  /** Takes a statement out, because it was committed or refused; returns it. */
  remove(id: Uint8Array): MempoolEntry | undefined {
    const held = this.byId.get(byteString(id));
    if (held !== undefined) this.drop(held);
    return held;
  }

  /** Marks a statement as too early or as ready again. */
  setReady(id: Uint8Array, isReady: boolean): void {
    const held = this.byId.get(byteString(id));
    if (held === undefined) return;
    this.mark(held, isReady);
    if (isReady) this.wakeFollowers(held.lane, held.lane.entries.indexOf(held));
  }

  /** Whether any statement could be proposed now. */
  hasReady(): boolean {
    for (const held of this.byId.values()) if (isDue(held)) return true;
    return false;
  }

  /**
   * Chooses statements for a block: lanes by the price of their first, each lane in its order, taking turns so
   * that no lane shuts out the others.
   */
  select(limits: { readonly statementsMax: number; readonly bytesMax: number }): MempoolEntry[] {
    const queues = [...this.lanes.values()]
      .map((lane) => ({ entries: lane.entries, at: 0 }))
      .filter((queue) => queue.entries.some(isDue))
      .sort((a, b) => comparePrice(b.entries[0]!.gasPrice, a.entries[0]!.gasPrice));
    const turn = Math.max(1, Math.ceil(limits.statementsMax / Math.max(1, queues.length)));
    const chosen: MempoolEntry[] = [];
    let bytes = 0;
    let open = queues;
    while (open.length > 0 && chosen.length < limits.statementsMax) {
      const stillOpen: typeof open = [];
      for (const queue of open) {
        let taken = 0;
        while (taken < turn && queue.at < queue.entries.length && chosen.length < limits.statementsMax) {
          const entry = queue.entries[queue.at++]!;
          if (!isDue(entry)) continue;
          if (bytes + entry.bytes.length > limits.bytesMax) {
            queue.at = queue.entries.length;
            break;
          }
          chosen.push(entry);
          bytes += entry.bytes.length;
          taken++;
        }
        if (queue.at < queue.entries.length) stillOpen.push(queue);
      }
      open = stillOpen;
    }
    return chosen;
  }

  /**
   * Statements that wait for something, to be looked at again when a block was committed: first whoever was not listed for longest, so
   * that none shuts out the others.
   */
  listWaiting(most: number): MempoolEntry[] {
    const listed: Held[] = [];
    for (const held of this.byId.values()) {
      if (held.isReady) continue;
      listed.push(held);
      if (listed.length === most) break;
    }
    for (const held of listed) {
      this.byId.delete(held.idName);
      this.byId.set(held.idName, held);
    }
    return listed;
  }

  /**
   * Takes out what expired on the chain, and forgets what came too early and waited too long. What was promised
   * is never forgotten: only the chain refuses it.
   */
  removeExpired(chainTimeMs: number, nowMs: number): { expired: MempoolEntry[]; forgotten: MempoolEntry[] } {
    const expired: Held[] = [];
    const forgotten: Held[] = [];
    for (const held of this.byId.values()) {
      if (this.pinned.has(held.leafName)) continue;
      if (held.expiryMs !== 0 && held.expiryMs <= chainTimeMs) expired.push(held);
      else if (held.position === EARLY && nowMs - held.addedMs > this.limits.waitingMsMax)
        forgotten.push(held);
    }
    for (const held of [...expired, ...forgotten]) this.drop(held);
    return { expired, forgotten };
  }

  /** What came too early and could be proposed now, once it is durable; at most about so much at once. */
  listPromotable(bytesMax: number): MempoolEntry[] {
    const out: MempoolEntry[] = [];
    let bytes = 0;
    for (const held of this.byId.values()) {
      if (!held.isReady || held.position !== EARLY) continue;
      out.push(held);
      bytes += held.bytes.length;
      if (bytes >= bytesMax) break;
    }
    return out;
  }

  /** Notes where the inbox log holds a statement; false when it has left meanwhile. */
  setPosition(id: Uint8Array, position: number): boolean {
    const held = this.byId.get(byteString(id));
    if (held === undefined) return false;
    held.position = position;
    return true;
  }
}

/** Ready, and so kept that no crash can take it out of a proposal. */
function isDue(held: Held): boolean {
  return held.isReady && held.position >= 0;
}

function findPlace(entries: readonly Held[], sequence: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.sequence < sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}

function comparePrice(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
