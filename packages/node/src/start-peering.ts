/** Wires a chain to its peers: votes, statements, blocks. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { StatementInput } from "./application/port.ts";
import type { WireBlock } from "./blocks/wire-block.ts";
import type { PeeredEngine } from "./consensus/engine.ts";
import { type JoinConsensus, joinConsensusGossip } from "./consensus/gossip.ts";
import { sodiumCrypto } from "./crypto/sodium.ts";
import type { Intake } from "./intake/intake.ts";
import { type StatementExchange, startStatementExchange } from "./intake/statement-exchange.ts";
import type { Network } from "./p2p/network.ts";
import { type BlockSync, startBlockSync } from "./sync/block-sync.ts";
import type { VerifierPool } from "./threads/verifier-pool.ts";

export interface PeeringParts {
  readonly network: Network;
  readonly intake: () => Pick<Intake, "receive" | "find" | "isHeld">;
  /** An encoded block of this node's store; undefined where it has none. */
  readonly readBlock: (height: number) => Promise<Uint8Array | undefined>;
  readonly verify: VerifierPool["verify"];
  readonly log: (level: "debug" | "info" | "warn", fields: object, message: string) => void;
  readonly onFatal: (error: unknown) => void;
}

export interface Peering {
  readonly network: Network;
  readonly exchange: StatementExchange;
  readonly joinConsensus: JoinConsensus;
  noteAhead(height: number): void;
  /** Serves blocks, and catches up where this node is behind. */
  follow(engine: PeeredEngine, firstHeight: () => number): void;
  readonly isSyncing: () => boolean;
  readonly bestKnown: () => number | undefined;
  stop(): Promise<void>;
}

/** How often a node that nobody talks to says so. */
const LONELY_EVERY_MS = 60_000;

export function startPeering(parts: PeeringParts): Peering {
  const { network, intake, readBlock, verify, log, onFatal } = parts;
  let sync: BlockSync | undefined;
  const lonelyTimer = setInterval(() => {
    if (network.peers().length === 0)
      log("warn", {}, "no peers are connected: what others decide is not heard");
  }, LONELY_EVERY_MS);
  lonelyTimer.unref();
  const exchange = startStatementExchange({
    network,
    hasher: sodiumCrypto,
    receive: (submissions) => intake().receive(submissions),
    find: (leafHash) => intake().find(leafHash),
    isHeld: (leafHash, bytes) => intake().isHeld(leafHash, bytes),
    onFatal,
  });
  return {
    network,
    exchange,
    joinConsensus: joinConsensusGossip(network),
    noteAhead: (height) => sync?.noteAhead(height),
    follow(engine, firstHeight) {
      sync = startBlockSync({
        network,
        nextHeight: () => engine.tip.base.height,
        apply: (block, statements) => engine.applyBlock(block, statements),
        prepare: (block) => prepareStatements(verify, block),
        readBlock,
        serving: () => {
          const { height, timeMs } = engine.tip.head;
          return { first: firstHeight(), last: height, timeMs };
        },
        log,
        onFatal,
      });
    },
    isSyncing: () => sync?.isSyncing === true,
    bestKnown: () => sync?.bestKnown,
    async stop() {
      clearInterval(lonelyTimer);
      exchange.stop();
      await sync?.stop();
    },
  };
}

/** Verifies what a decided block names. No honest validator votes for a wrong signature: such a block is a liar's. */
async function prepareStatements(
  verify: VerifierPool["verify"],
  { statements }: WireBlock,
): Promise<StatementInput[]> {
  const verdicts = await verify(statements);
  return statements.map((bytes, i) => {
    const verdict = verdicts[i]!;
    if (!verdict.ok) throw new LhgError(verdict.code, verdict.message, `block.statements[${i}]`);
    return { bytes, leafHash: verdict.summary.leafHash, isSignatureValid: true };
  });
}
