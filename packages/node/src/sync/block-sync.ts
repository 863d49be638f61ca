/**
 * Catches up by blocks: asks all peers what they have, downloads from several at once, verifies ahead, applies in order. Nothing that one peer
 * says is believed: a block counts when its certificate held, a claim when blocks came of it.
 */
import { equalBytes } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { StatementInput } from "../application/port.ts";
import { decodeWireBlock, type WireBlock } from "../blocks/wire-block.ts";
import type { Network, PeerId } from "../p2p/network.ts";
import { startBlockDownload } from "./block-download.ts";
import { decodeStatus, QUESTION_STATUS, STATUS_BYTES_MAX } from "./block-messages.ts";
import { serveBlocks } from "./block-server.ts";
import { createBlockWindow, type HeldBlock } from "./block-window.ts";
import { createPeerBook, type SyncPeer } from "./peer-book.ts";
import { type SyncClock, systemClock } from "./sync-clock.ts";

export type PreparedStatements = readonly StatementInput[];
export type SyncLog = (level: "debug" | "info" | "warn", fields: object, message: string) => void;

export interface BlockSyncParts {
  readonly network: Network;
  /** Height of the next block this node needs. */
  readonly nextHeight: () => number;
  /**
   * Takes a decided block of height nextHeight(): checks its certificate against the validators of that height, executes and commits. Throws an
   * `LhgError` (`certificate.*`, `block.*`) when the block is not the chain's; then whoever gave it is penalised. Resolves when the next height has
   * begun. Answers false when the height was decided meanwhile by consensus.
   */
  readonly apply: (block: WireBlock, prepared: PreparedStatements) => Promise<boolean>;
  /** Verifies all statement signatures of a block in the verify threads and computes leaf hashes; many blocks ahead of execution. */
  readonly prepare: (block: WireBlock) => Promise<PreparedStatements>;
  /** Encoded wire blocks of this node's store; undefined where it has none (pruned or not there). */
  readonly readBlock: (height: number) => Promise<Uint8Array | undefined>;
  /** First and newest height that this node can serve. */
  readonly serving: () => { readonly first: number; readonly last: number; readonly timeMs: number };
  readonly log: SyncLog;
  /** Heard whenever it changes; `peersBest` is `BlockSync.bestKnown`. */
  readonly onState?: (state: { readonly isSyncing: boolean; readonly peersBest: number }) => void;
  /** What is nobody's lie but a fault of this node: sync has stopped. */
  readonly onFatal: (error: unknown) => void;
}

export interface BlockSync {
  /** Somebody speaks of this height: look soon. */
  noteAhead(height: number): void;
  /** Peers whose word counts are more than two heights ahead. */
  readonly isSyncing: boolean;
  /** The newest height that such a peer claims, or that this node has. */
  readonly bestKnown: number;
  /** Resolves when no block is being applied any more. */
  stop(): Promise<void>;
}

type Prepared = Promise<{ block: WireBlock; statements: PreparedStatements } | { refused: LhgError }>;
type Held = HeldBlock<Prepared>;

const POLL_MS = 2_000;
const STATUS_TIMEOUT_MS = 5_000;
/** Between two rounds of questions, however often somebody speaks of a new height. */
const ROUND_MS_MIN = 250;
/** So far ahead of the head a peer is by chance. */
const SYNCING_HEIGHTS = 2;
const PREPARE_BLOCKS_MAX = 16;
const PREPARE_BYTES_MAX = 16 << 20;
/** Who gave a block that is not the chain's is asked nothing for so long. */
const LIAR_MUTE_MS = 10 * 60_000;
/** While blocks come, the word of those counts too who once did not keep it. */
const PROGRESS_MS = 10_000;

/** Serves and catches up until stopped. */
export function startBlockSync(parts: BlockSyncParts, clock: SyncClock = systemClock): BlockSync {
  const { network, log } = parts;
  const book = createPeerBook();
  const window = createBlockWindow<Prepared>();
  let isStopped = false;
  let applying: Promise<void> | undefined;
  let isApplying = false;
  /** Blocks came while one was applied. */
  let hasNews = false;
  let lastApplied: { readonly height: number; readonly hash: Uint8Array; readonly atMs: number } | undefined;
  let roundAtMs = Number.NEGATIVE_INFINITY;
  let cancelRound: (() => void) | undefined;
  let isPruned = false;
  let state = { isSyncing: false, peersBest: parts.nextHeight() - 1 };

  const download = startBlockDownload({
    network,
    clock,
    book,
    window,
    log,
    nextHeight: parts.nextHeight,
    onHeld: startApplying,
    onChange: publishState,
    onBadAnswer: blame,
    onFatal: fail,
  });
  const stopServing = serveBlocks(parts);

  function fail(error: unknown): void {
    if (isStopped) return;
    void stop();
    parts.onFatal(error);
  }

  function blame(peer: PeerId, error: LhgError, height?: number): void {
    log(
      "warn",
      { peer, height, code: error.code, reason: error.message },
      "a peer gave a block that is not the chain's",
    );
    network.penalise(peer, "sync.bad-block");
    book.strike(peer, clock.nowMs(), LIAR_MUTE_MS);
    window.dropGiver(peer);
    publishState();
  }

  function publishState(): void {
    if (isStopped) return;
    const next = parts.nextHeight();
    if (book.isPruned(next) !== isPruned) {
      isPruned = !isPruned;
      if (isPruned)
        log("warn", { height: next }, "no peer has the next block any more: start from a snapshot");
    }
    const isMoving = lastApplied !== undefined && clock.nowMs() - lastApplied.atMs < PROGRESS_MS;
    const peersBest = Math.max(next - 1, book.bestClaim(next, isMoving) ?? 0);
    const isSyncing = peersBest > next - 1 + SYNCING_HEIGHTS;
    if (isSyncing === state.isSyncing && peersBest === state.peersBest) return;
    if (isSyncing !== state.isSyncing)
      log("info", { height: next - 1, peersBest }, isSyncing ? "catching up" : "caught up");
    state = { isSyncing, peersBest };
    parts.onState?.(state);
  }

  async function askStatus(peer: SyncPeer): Promise<void> {
    if (peer.isAskedForStatus) return;
    peer.isAskedForStatus = true;
    const limits = { timeoutMs: STATUS_TIMEOUT_MS, answerBytesMax: STATUS_BYTES_MAX };
    try {
      const answer = await network.ask(peer.id, QUESTION_STATUS, new Uint8Array(0), limits);
      if (!isStopped) takeStatus(peer, answer);
    } catch (error) {
      if (!(error instanceof LhgError)) return fail(error);
      log("debug", { peer: peer.id, code: error.code }, "a peer did not tell its height");
    } finally {
      peer.isAskedForStatus = false;
    }
  }

  function takeStatus(peer: SyncPeer, answer: Uint8Array): void {
    try {
      const { first, last } = decodeStatus(answer);
      peer.claim = first <= last ? { first, last } : undefined;
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      network.penalise(peer.id, "sync.bad-status");
      book.strike(peer.id, clock.nowMs());
    }
    download.schedule();
    publishState();
  }

  /** Asks everybody, now or as soon as the last round is long enough ago. */
  function beginRound(): void {
    if (isStopped) return;
    cancelRound?.();
    const waitMs = roundAtMs + ROUND_MS_MIN - clock.nowMs();
    if (waitMs > 0) {
      cancelRound = clock.after(waitMs, beginRound);
      return;
    }
    roundAtMs = clock.nowMs();
    cancelRound = clock.after(POLL_MS, beginRound);
    for (const peer of book.open(clock.nowMs())) void askStatus(peer);
    download.schedule();
    startApplying();
    publishState();
  }

  function startApplying(): void {
    hasNews = true;
    if (isStopped || isApplying) return;
    applying = applyHeld().catch(fail);
  }

  async function applyHeld(): Promise<void> {
    isApplying = true;
    try {
      while (!isStopped) {
        hasNews = false;
        if (!(await applyNext()) && !hasNews) return;
        publishState();
      }
    } finally {
      isApplying = false;
    }
  }

  /** False when the next block is not there, or not to be applied. */
  async function applyNext(): Promise<boolean> {
    const next = parts.nextHeight();
    window.dropBelow(next);
    const held = window.get(next);
    if (held === undefined) return false;
    if (lastApplied?.height === next - 1 && !equalBytes(held.header.parent, lastApplied.hash)) {
      blame(
        held.giver,
        new LhgError("block.parent", "does not follow the head", "block.header.parent"),
        next,
      );
    } else {
      prepareAhead(next);
      const prepared = await held.preparation!;
      if (isStopped) return false;
      if (parts.nextHeight() !== next || window.get(next) !== held) return true;
      if ("refused" in prepared) blame(held.giver, prepared.refused, next);
      else if (!(await applyOne(held, prepared.block, prepared.statements))) return false;
    }
    download.schedule();
    return true;
  }

  /** False when there is nothing more to do just now. */
  async function applyOne(held: Held, block: WireBlock, statements: PreparedStatements): Promise<boolean> {
    const { height } = block.header;
    try {
      const isApplied = await parts.apply(block, statements);
      lastApplied = isApplied ? { height, hash: held.hash, atMs: clock.nowMs() } : undefined;
      if (isApplied) {
        noteDelivered(held.giver, height);
        const liar = window.findOversizeLiar(height, held.encoded.length);
        if (liar !== undefined)
          blame(liar, new LhgError("sync.size", "is smaller than was said", "answer"), height);
      }
      window.drop(height);
      return parts.nextHeight() > height;
    } catch (error) {
      if (!(error instanceof LhgError && /^(?:block|certificate)\./.test(error.code))) throw error;
      blame(held.giver, error, height);
      return true;
    }
  }

  function noteDelivered(giver: PeerId, height: number): void {
    const peer = book.get(giver);
    if (peer?.claim !== undefined && height >= peer.claim.last) peer.strikes = 0;
  }

  /** Begins to verify the blocks that come next, as far as each is the parent of the one after. */
  function prepareAhead(next: number): void {
    let before: Held | undefined;
    let sizeBytes = 0;
    for (let height = next; height < next + PREPARE_BLOCKS_MAX; height++) {
      const held = window.get(height);
      if (held === undefined) return;
      if (before !== undefined && !equalBytes(held.header.parent, before.hash)) return;
      sizeBytes += held.encoded.length;
      if (before !== undefined && sizeBytes > PREPARE_BYTES_MAX) return;
      held.preparation ??= prepareBlock(held);
      before = held;
    }
  }

  async function prepareBlock({ encoded }: Held): Prepared {
    try {
      const block = decodeWireBlock(encoded);
      return { block, statements: await parts.prepare(block) };
    } catch (error) {
      if (error instanceof LhgError) return { refused: error };
      fail(error);
      return { refused: new LhgError("sync.stopped", "this node stops") };
    }
  }

  const endPeers = network.onPeer((id, change) => {
    if (change === "connected") void askStatus(book.connect(id));
    else book.disconnect(id);
    publishState();
  });
  for (const { id } of network.peers()) book.connect(id);
  beginRound();

  async function stop(): Promise<void> {
    isStopped = true;
    endPeers();
    cancelRound?.();
    download.stop();
    stopServing();
    await applying;
  }

  return {
    noteAhead(height) {
      if (height >= parts.nextHeight()) beginRound();
    },
    get isSyncing() {
      return state.isSyncing;
    },
    get bestKnown() {
      return state.peersBest;
    },
    stop,
  };
}
