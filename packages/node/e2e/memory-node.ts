/** For tests: a node without threads, files and sockets, over doubles that crash. All else is the real thing. */
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { toSignatureCheck } from "@lhg/protocol/core/cose";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Submission, submission } from "@lhg/protocol/core/statement/submission";
import { laneOf, prepareStatement } from "@lhg/protocol/statements";
import type { SubmitResult } from "../src/api/service.ts";
import { LedgerApplication } from "../src/application/application.ts";
import { startDbftEngine } from "../src/consensus/dbft-engine.ts";
import type { Application, PeeredEngine } from "../src/consensus/engine.ts";
import { createVoteStore } from "../src/consensus/vote-store.ts";
import { createLocalSigner, sodiumCrypto } from "../src/crypto/sodium.ts";
import type { DevChain } from "../src/dev-chain.ts";
import { Intake } from "../src/intake/intake.ts";
import { DEFAULT_MEMPOOL_LIMITS, Mempool, type MempoolLimits } from "../src/mempool/mempool.ts";
import type { Network } from "../src/p2p/network.ts";
import type { ConsensusSigner } from "../src/signer/consensus-signer.ts";
import { startPeering } from "../src/start-peering.ts";
import { type InboxLog, openInboxLog } from "../src/store/inbox-log.ts";
import { type CrashingFiles, createCrashingFiles } from "../src/store/memory-file-port.ts";
import { type CrashingStore, createCrashingStore } from "../src/store/memory-store.ts";
import type { VerifyVerdict } from "../src/threads/verify-worker.ts";

/** What survives: the ledger's store, the votes and the inbox log of one machine. */
export interface Disk {
  readonly ledger: CrashingStore;
  readonly votes: CrashingStore;
  readonly inbox: CrashingFiles;
}

export function createDisk(seed: number): Disk {
  return {
    ledger: createCrashingStore(seed),
    votes: createCrashingStore(seed + 1),
    inbox: createCrashingFiles(seed + 2),
  };
}

export function crashDisk(disk: Disk): void {
  disk.ledger.crash();
  disk.votes.crash();
  disk.inbox.crash();
}

export interface MemoryNode {
  readonly application: LedgerApplication;
  readonly intake: Intake;
  readonly mempool: Mempool;
  readonly inbox: InboxLog;
  readonly engine: PeeredEngine;
  /** How many statements recovery took up again. */
  readonly recovered: number;
  submit(...submissions: readonly Submission[]): Promise<SubmitResult[]>;
  /** Resolves when `isTrue`, looked at after every block and every few milliseconds. Rejects on a fatal error and after `waitMs`. */
  until(isTrue: () => boolean, waitMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface MemoryNodeOptions {
  readonly dev: DevChain;
  readonly disk: Disk;
  /** Which of the chain's validators this node runs; all of them by default. */
  readonly validators?: readonly number[];
  /** Where the others are. */
  readonly network?: Network;
  /** Takes the place of the keys, as a signer elsewhere would. */
  readonly remoteSigner?: (local: ConsensusSigner) => ConsensusSigner;
  readonly limits?: Partial<MempoolLimits>;
  /** Takes the place of the application under the engine, to hold back or fail what a test wants. */
  readonly wrap?: (application: Application, ledger: LedgerApplication) => Application;
  /** Hears of every block that the engine tells of. */
  readonly onBlock?: (height: number) => void;
  readonly baseTimeoutMs?: number;
  readonly votesWithoutRecord?: boolean;
  readonly heartbeatMs?: number;
  readonly blockStatementsMax?: number;
}

/** What a verify thread says of a submission. */
export function verifySubmission(bytes: Uint8Array): VerifyVerdict {
  try {
    const statement = prepareStatement(sodiumCrypto, decode(submission, bytes, "submission"));
    if (!sodiumCrypto.verify(toSignatureCheck(statement.sign1)))
      return { ok: false, code: "statement.signature", field: "statement.signature", message: "is wrong" };
    const { id, leafHash, kind } = statement;
    const { gasPrice, expiryMs } =
      statement.kind === "transaction" ? statement.payload : { gasPrice: 0n, expiryMs: 0 };
    return { ok: true, summary: { id, leafHash, kind, ...laneOf(statement), gasPrice, expiryMs } };
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    return { ok: false, code: error.code, field: error.field, message: error.message };
  }
}

/** Opens the chain on the disk's current life, takes up the inbox and runs seven validators. */
export async function startMemoryNode(options: MemoryNodeOptions): Promise<MemoryNode> {
  const { dev, disk, wrap = (application) => application } = options;
  const application = await LedgerApplication.open(sodiumCrypto, disk.ledger.store, dev.genesis, () => []);
  const votes = createVoteStore(disk.votes.store);
  const inbox = await openInboxLog(disk.inbox.port);
  const mempool = new Mempool({ ...DEFAULT_MEMPOOL_LIMITS, ...options.limits });
  let engine: PeeredEngine | undefined;
  let fatal: unknown;
  const onFatal = (error: unknown): void => {
    fatal ??= error;
  };
  const { network } = options;
  const verify = async (submissions: readonly Uint8Array[]) => submissions.map(verifySubmission);
  const peering =
    network &&
    startPeering({
      network,
      intake: () => intake,
      readBlock: async (height) => application.readWireBlock(height),
      verify,
      log: () => {},
      onFatal,
    });
  const intake: Intake = new Intake({
    ...(peering === undefined ? {} : { peers: peering.exchange }),
    mempool,
    inbox,
    verify,
    check: async (inputs) => application.check(inputs),
    isCommitted: async (ids) => application.locate(ids).map((place) => place !== null),
    noteWork: () => engine?.noteWork(),
  });
  const recovered = await intake.recover();
  const { tip } = application;
  engine = startDbftEngine({
    crypto: sodiumCrypto,
    chainId: application.chainId,
    signers: (options.validators ?? [...dev.consensusKeys.keys()]).map((i) =>
      (options.remoteSigner ?? ((local) => local))(createLocalSigner(dev.consensusKeys[i]!)),
    ),
    hasRemoteSigner: options.remoteSigner !== undefined,
    ...(peering === undefined ? {} : { joinConsensus: peering.joinConsensus, noteAhead: peering.noteAhead }),
    application: wrap(
      {
        execute: async (block) => application.execute(block),
        commit: (blockHash, certificate) => application.commit(blockHash, certificate),
        isFreshEvidence: async (encoded) => application.isFreshEvidence(encoded),
      },
      application,
    ),
    source: intake,
    votes,
    tip,
    headCertificate: application.headCertificate,
    votesWithoutRecord: options.votesWithoutRecord ?? true,
    baseTimeoutMs: options.baseTimeoutMs ?? 500,
    maxTimeoutMs: 60_000,
    heartbeatMs: options.heartbeatMs ?? 60_000,
    blockStatementsMax: options.blockStatementsMax ?? 100,
    onCommitted: (block, summary) => {
      options.onBlock?.(block.header.height);
      return intake.settleBlock(summary);
    },
    onFatal,
    log: () => {},
  });
  const running = engine;
  peering?.follow(running, () => 1);
  return {
    application,
    intake,
    mempool,
    inbox,
    engine: running,
    recovered,
    submit: (...submissions) =>
      intake.submit(submissions.map((entry) => encode(submission, entry, "submission"))),
    async until(isTrue, waitMs = 10_000) {
      const deadlineMs = performance.now() + waitMs;
      while (!isTrue()) {
        if (fatal !== undefined) throw fatal;
        if (performance.now() > deadlineMs)
          throw new Error(`not within ${waitMs} ms; height ${application.head.height}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    },
    async stop() {
      await running.stop();
      await peering?.stop();
      await network?.stop();
      await inbox.close();
      await votes.close();
      await application.store.close();
    },
  };
}
