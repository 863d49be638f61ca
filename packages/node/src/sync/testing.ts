/** Time that passes on demand, toy chains, and peers that behave as a test wants. */
import type { Header } from "@lhg/protocol/core/block/header";
import { hashHeader } from "@lhg/protocol/core/block/header";
import { concatBytes, encodeUtf8, equalBytes, ZERO32 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { encodeWireBlock, type WireBlock } from "../blocks/wire-block.ts";
import { sodiumCrypto } from "../crypto/sodium.ts";
import type { Network, PeerId } from "../p2p/network.ts";
import type { TestingHub } from "../p2p/testing.ts";
import { serveBlocks } from "./block-server.ts";
import { type BlockSync, type BlockSyncParts, startBlockSync } from "./block-sync.ts";
import type { SyncClock } from "./sync-clock.ts";

export interface VirtualClock extends SyncClock {
  wait(delayMs: number): Promise<void>;
  /** Lets time pass until the condition holds; false when it does not within `limitMs`. */
  runUntil(isReached: () => boolean, limitMs: number): Promise<boolean>;
}

export function createVirtualClock(): VirtualClock {
  const timers = new Set<{ readonly atMs: number; readonly task: () => void }>();
  let nowMs = 0;

  /** Everything that was begun and needs no time has ended. */
  async function settle(): Promise<void> {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  function after(delayMs: number, task: () => void): () => void {
    const timer = { atMs: nowMs + delayMs, task };
    timers.add(timer);
    return () => void timers.delete(timer);
  }

  return {
    nowMs: () => nowMs,
    after,
    wait: (delayMs) => new Promise((resolve) => void after(delayMs, resolve)),
    async runUntil(isReached, limitMs) {
      const endMs = nowMs + limitMs;
      for (;;) {
        await settle();
        if (isReached()) return true;
        const next = [...timers].sort((a, b) => a.atMs - b.atMs)[0];
        if (next === undefined || next.atMs > endMs) {
          nowMs = endMs;
          return false;
        }
        nowMs = Math.max(nowMs, next.atMs);
        timers.delete(next);
        next.task();
      }
    },
  };
}

/** The network of the hub does not know time: questions end after their timeout here. */
export function withTimeouts(network: Network, clock: SyncClock): Network {
  return {
    ...network,
    ask: (peer, question, body, limits) =>
      new Promise((resolve, reject) => {
        const cancel = clock.after(limits.timeoutMs, () =>
          reject(new LhgError("peer.timeout", "did not answer in time", "peer")),
        );
        network.ask(peer, question, body, limits).then(resolve, reject).finally(cancel);
      }),
  };
}

export interface ToyChain {
  /** Block of height 1 first. */
  readonly blocks: readonly WireBlock[];
  readonly encoded: readonly Uint8Array[];
}

const CHAIN_ID = "toy-00000000000000000000000000000000";

function certify(hash: Uint8Array): Uint8Array {
  return sodiumCrypto.sha256(concatBytes(encodeUtf8("toy certificate"), hash));
}

/** Blocks that follow each other; `isForged` gives them certificates of nobody. */
export function makeToyChain(
  length: number,
  {
    sizeBytes = 100,
    isForged = false,
    seed = 1,
    chainId = CHAIN_ID,
  }: { sizeBytes?: number; isForged?: boolean; seed?: number; chainId?: string } = {},
): ToyChain {
  const blocks: WireBlock[] = [];
  let parent: Uint8Array = ZERO32;
  for (let height = 1; height <= length; height++) {
    const header: Header = {
      chainId,
      protocolVersion: 1,
      height,
      timeMs: 1000 * height + seed,
      parent,
      proposer: new Uint8Array(20),
      transactionsRoot: ZERO32,
      appHash: ZERO32,
      resultsHash: ZERO32,
      lastCertificateHash: ZERO32,
      validatorsHash: ZERO32,
      nextValidatorsHash: ZERO32,
      evidenceHash: ZERO32,
    };
    parent = hashHeader(sodiumCrypto, header);
    blocks.push({
      header,
      statements: [new Uint8Array(sizeBytes).fill(height)],
      lastCertificate: null,
      evidence: [],
      certificate: isForged ? new Uint8Array(32) : certify(parent),
    });
  }
  return { blocks, encoded: blocks.map(encodeWireBlock) };
}

export interface ToyNode {
  readonly sync: BlockSync;
  readonly applied: readonly WireBlock[];
  readonly states: readonly { readonly isSyncing: boolean; readonly peersBest: number }[];
  readonly fatal: readonly unknown[];
  readonly warnings: readonly string[];
}

/** A node that checks of a block its parent and its toy certificate. */
export function startToyNode(
  network: Network,
  clock: VirtualClock,
  over: Partial<BlockSyncParts> & { readonly applied?: WireBlock[] } = {},
): ToyNode {
  const applied = over.applied ?? [];
  const states: { isSyncing: boolean; peersBest: number }[] = [];
  const fatal: unknown[] = [];
  const warnings: string[] = [];
  const head = (): Uint8Array => {
    const last = applied.at(-1);
    return last === undefined ? ZERO32 : hashHeader(sodiumCrypto, last.header);
  };
  const parts: BlockSyncParts = {
    network: withTimeouts(network, clock),
    nextHeight: () => applied.length + 1,
    apply: async (block) => {
      if (block.header.chainId !== CHAIN_ID) throw new LhgError("block.chain", "is of another chain");
      if (!equalBytes(block.header.parent, head())) throw new LhgError("block.parent", "does not follow");
      if (!equalBytes(block.certificate, certify(hashHeader(sodiumCrypto, block.header))))
        throw new LhgError("certificate.signatures", "is not signed by a quorum");
      applied.push(block);
      return true;
    },
    prepare: async () => [],
    readBlock: async (height) => {
      const block = applied[height - 1];
      return block === undefined ? undefined : encodeWireBlock(block);
    },
    serving: () => ({ first: 1, last: applied.length, timeMs: 0 }),
    log: (level, _fields, message) => void (level === "warn" && warnings.push(message)),
    onState: (state) => void states.push(state),
    onFatal: (error) => void fatal.push(error),
    ...over,
  };
  return { sync: startBlockSync(parts, clock), applied, states, fatal, warnings };
}

/** Stands between a served question and its honest answer. */
export type Behaviour = (
  question: string,
  body: Uint8Array,
  answer: () => Promise<Uint8Array>,
) => Promise<Uint8Array>;

export const HONEST: Behaviour = (_question, _body, answer) => answer();

/** A peer that serves a chain, bent by its behaviour. */
export function joinToyPeer(
  hub: TestingHub,
  id: PeerId,
  chain: Pick<ToyChain, "encoded">,
  behave: Behaviour = HONEST,
  first = 1,
): Network {
  const network = hub.join(id);
  serveBlocks({
    network: {
      serve: (question, limits, handler) =>
        network.serve(question, limits, (body, from) => behave(question, body, () => handler(body, from))),
    },
    readBlock: async (height) => chain.encoded[height - 1],
    serving: () => ({ first, last: chain.encoded.length, timeMs: 0 }),
  });
  return network;
}
