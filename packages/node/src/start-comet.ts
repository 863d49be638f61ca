/** Wires a chain to CometBFT: the ABCI server, the process, its RPC, what goes to its mempool, certificates. */
import { join } from "node:path";
import { encodeCometCommit } from "@lhg/protocol/core/block/comet-commit";
import { encodeCometHeader } from "@lhg/protocol/core/block/comet-header";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Genesis } from "@lhg/protocol/core/genesis";
import type { ChainUpdate } from "./api/service.ts";
import type { ChainTip } from "./application/port.ts";
import type { CommitNotes } from "./commit-notes.ts";
import type { NodeConfig } from "./config.ts";
import { parseAbciAddress } from "./consensus/comet/abci/address.ts";
import { type AbciServer, startAbciServer } from "./consensus/comet/abci/server.ts";
import { createAbciHandler, type SnapshotReceiver } from "./consensus/comet/abci-handler.ts";
import { followCertificates } from "./consensus/comet/certificates.ts";
import { createCheckBatches } from "./consensus/comet/check-batches.ts";
import { CometEngine } from "./consensus/comet/comet-engine.ts";
import { abciAddressOf } from "./consensus/comet/process/addresses.ts";
import { type CometRpc, connectCometRpc } from "./consensus/comet/process/comet-rpc.ts";
import { defaultBinaryDirectory, findCometBinary } from "./consensus/comet/process/engine-binary.ts";
import { endOrphans } from "./consensus/comet/process/orphans.ts";
import { startEngine } from "./consensus/comet/process/start-engine.ts";
import { findRetainHeight } from "./consensus/comet/retain-height.ts";
import type { Application } from "./consensus/engine.ts";
import { sodiumCrypto } from "./crypto/sodium.ts";
import type { Intake } from "./intake/intake.ts";
import { type MempoolFeed, startMempoolFeed } from "./intake/mempool-feed.ts";
import type { Mempool } from "./mempool/mempool.ts";
import { createSnapshotReceiver } from "./receive-snapshot.ts";
import { COMET_SNAPSHOT_FORMAT } from "./snapshot/comet-snapshot.ts";
import type { Maintenance } from "./snapshot/maintenance.ts";
import { dropRestored } from "./snapshot/restore-folder.ts";
import { listSnapshots, readChunk } from "./snapshot/snapshot-files.ts";
import { openChunkStore } from "./sync/chunk-store.ts";
import type { LedgerClient } from "./threads/ledger-client.ts";
import type { VerifierPool } from "./threads/verifier-pool.ts";
import { VERSION } from "./version.ts";

export interface CometParts {
  readonly config: NodeConfig;
  readonly genesis: Genesis;
  readonly intake: () => Intake;
  readonly mempool: Mempool;
  readonly log: (level: "debug" | "info" | "warn" | "error", fields: object, message: string) => void;
  readonly onFatal: (error: unknown) => void;
}

export interface CometStart {
  readonly tip: ChainTip;
  readonly certifiedHeight: number;
  readonly ledger: LedgerClient;
  /** The ledger, timed. */
  readonly application: Application;
  readonly verify: VerifierPool["verify"];
  readonly maintenance: Maintenance;
  readonly snapshotFolder: string;
  readonly noteCommitted: CommitNotes;
  readonly tell: (update: ChainUpdate) => void;
}

/** A node's side of its CometBFT. */
export interface Comet {
  readonly feed: MempoolFeed;
  /** CometBFT is there and has caught up. */
  readonly isReady: () => boolean;
  readonly peers: () => number;
  /** Of the validator that CometBFT signs for; undefined until it has answered. */
  readonly consensusKey: () => Uint8Array | undefined;
  start(parts: CometStart): Promise<CometEngine>;
  /** CometBFT first, then what it asks. */
  stop(): Promise<void>;
}

/** A block, and what a request says beside it. */
const FRAME_BYTES_MAX = 96 << 20;
const POLL_MS = 1_000;
/** From the last ABCI connection's end; starting takes it a second or two. */
const HANG_MS = 20_000;

export function openComet(parts: CometParts): Comet {
  const { config, mempool, log, onFatal } = parts;
  const rpc = connectCometRpc({ address: config.cometRpc });
  const feed = startMempoolFeed({
    broadcast: (transactions) => rpc.broadcastTxs(transactions),
    isHeld: (leafHash, bytes) => parts.intake().isHeld(leafHash, bytes),
    log,
    onFatal,
  });
  const health = watchHealth(rpc, () => feed.offerAll());
  let server: AbciServer | undefined;
  let engine: CometEngine | undefined;
  let running: ReturnType<typeof startEngine> | undefined;
  let connections = 0;
  let hangTimer: NodeJS.Timeout | undefined;
  /** It ends when it loses the ledger, as a rule. */
  const noteConnections = (count: number): void => {
    connections = count;
    clearTimeout(hangTimer);
    if (count > 0) return;
    hangTimer = setTimeout(() => {
      log("warn", {}, "no CometBFT is connected: one that still runs hangs, and is killed");
      running?.killHung();
    }, HANG_MS);
    hangTimer.unref();
  };
  return {
    feed,
    isReady: () => connections > 0 && health.isReady(),
    peers: health.peers,
    consensusKey: health.consensusKey,
    async start(start) {
      engine = createEngine(parts, start, rpc, feed.noteBlock);
      const { ledger, snapshotFolder } = start;
      const restore = await openReceiver(parts, start, engine);
      server = await startAbciServer({
        address: parseAbciAddress(abciAddressOf(config), "engine.comet_abci"),
        handler: createAbciHandler({
          engine,
          crypto: sodiumCrypto,
          version: VERSION,
          findHeld: (leafHash) => mempool.getByLeafHash(leafHash)?.bytes,
          batches: createCheckBatches((submissions) => parts.intake().receiveEach(submissions)),
          retainHeight: () => retainHeightOf(start, engine!),
          proveValue: async (partition, key) =>
            (await ledger.query("getValueProof", { partition, key })) as {
              height: number;
              bytes: Uint8Array;
            },
          snapshots: {
            list: () => listSnapshots(snapshotFolder),
            readChunk: (height, format, index) => readOwnChunk(snapshotFolder, height, format, index),
          },
          restore,
        }),
        frameBytesMax: FRAME_BYTES_MAX,
        log,
        onFatal,
        onConnections: noteConnections,
      });
      if (!config.cometAttach) {
        await endOrphans(config.cometHome, log);
        const { file } = await findCometBinary({
          configured: config.cometBinaryFile,
          path: process.env.PATH ?? "",
          directory: defaultBinaryDirectory(),
        });
        const { maintenance } = start;
        running = startEngine({
          hasBlocks: () => engine!.tip.head.height >= maintenance.firstHeight,
          binary: file,
          home: config.cometHome,
          rpc: config.cometRpc,
          abci: abciAddressOf(config),
          log,
          onState(state) {
            log("debug", { state }, "CometBFT");
            // Its mempool is empty, however soon it came back.
            if (state === "running") feed.offerAll();
          },
          onFatal,
        });
      }
      return engine;
    },
    async stop() {
      clearTimeout(hangTimer);
      health.stop();
      await feed.stop();
      await running?.stop();
      await server?.stop();
      await engine?.stop();
      rpc.close();
    },
  };
}

function retainHeightOf({ maintenance }: CometStart, { tip, certifiedHeight }: CometEngine): number {
  const { firstHeight, oldestSnapshot } = maintenance;
  return findRetainHeight({ headHeight: tip.head.height, certifiedHeight, firstHeight, oldestSnapshot });
}

/** Undefined where there is none, or none any more. */
async function readOwnChunk(
  folder: string,
  height: number,
  format: number,
  index: number,
): Promise<Uint8Array | undefined> {
  if (format !== COMET_SNAPSHOT_FORMAT) return undefined;
  try {
    return await readChunk(folder, height, index);
  } catch (error) {
    if (error instanceof LhgError && error.code === "snapshot.not-found") return undefined;
    throw error;
  }
}

/** What an interrupted restore left is of no use: CometBFT begins anew, too. */
async function openReceiver(
  { config: { dataDirectory }, log }: CometParts,
  { ledger, maintenance }: CometStart,
  engine: CometEngine,
): Promise<SnapshotReceiver> {
  const directory = join(dataDirectory, "snapshots.incoming");
  const chunks = openChunkStore(directory);
  await chunks.clear();
  await dropRestored(dataDirectory);
  return createSnapshotReceiver({
    hasher: sodiumCrypto,
    ledger,
    chunks,
    directory,
    onAdopted({ tip, firstHeight }) {
      engine.restart(tip);
      maintenance.restart(firstHeight);
    },
    log,
  });
}

/** Listeners hear of a block once its certificate is there: what they are told is final by proof, and in order. */
function createEngine(
  { config, genesis, mempool, intake, log, onFatal }: CometParts,
  start: CometStart,
  rpc: CometRpc,
  onBlock: () => void,
): CometEngine {
  const { ledger, application, tip, verify, maintenance, noteCommitted, tell } = start;
  const { snapshotEveryBlocks } = config;
  let untold: Omit<ChainUpdate, "provableHeight">[] = [];
  const certificates = followCertificates({
    fetch: async (height) => {
      const { header, commit } = await rpc.commit(BigInt(height));
      return { header: encodeCometHeader(header), commit: encodeCometCommit(commit) };
    },
    certify: ledger.certify,
    // Of the block after a snapshot's.
    isShared: (height) => snapshotEveryBlocks > 0 && (height - 1) % snapshotEveryBlocks === 0,
    certifiedHeight: start.certifiedHeight,
    onCertified(certifiedHeight) {
      maintenance.noteCertified(certifiedHeight);
      const due = untold.filter(({ height }) => height <= certifiedHeight);
      untold = untold.slice(due.length);
      for (const update of due) tell({ ...update, provableHeight: update.height - 1 });
    },
    log,
    onFatal,
  });
  return new CometEngine({
    crypto: sodiumCrypto,
    genesis,
    application: { ...application, describeExecution: ledger.describeExecution },
    source: intake(),
    findHeld: (leafHash) => mempool.getByLeafHash(leafHash)?.bytes,
    verify,
    tip,
    blockStatementsMax: config.blockStatementsMax,
    certificates,
    onCommitted: async ({ header, evidence }, summary) => {
      untold.push(await noteCommitted({ header, evidence }, summary));
      onBlock();
    },
  });
}

function watchHealth(
  rpc: CometRpc,
  onReturn: () => void,
): Pick<Comet, "isReady" | "peers" | "consensusKey"> & { stop(): void } {
  let isReady = false;
  let consensusKey: Uint8Array | undefined;
  let isThere = false;
  let peers = 0;
  let isStopped = false;
  const look = async (): Promise<void> => {
    try {
      const status = await rpc.status();
      peers = await rpc.peerCount();
      isReady = !status.isCatchingUp;
      consensusKey = status.consensusKey;
      // It was away: its mempool has forgotten.
      if (!isThere) onReturn();
      isThere = true;
    } catch {
      isReady = false;
      isThere = false;
      peers = 0;
    }
  };
  const timer = setInterval(() => {
    if (!isStopped) void look();
  }, POLL_MS);
  return {
    isReady: () => isReady,
    peers: () => peers,
    consensusKey: () => consensusKey,
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}
