/** A chain in this process: ledger, intake, mempool, consensus, and the one way to ask them. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { encode } from "@lhg/protocol/core/codec/definition";
import { type Genesis, genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { ENGINE_COMETBFT, ENGINE_DBFT } from "@lhg/protocol/core/proof/anchor";
import { destination, type Logger, pino } from "pino";
import type { ChainUpdate, NodeService } from "./api/service.ts";
import type { ChainTip } from "./application/port.ts";
import { type ChainMeter, createChainMeter } from "./chain-meter.ts";
import { createService } from "./chain-service.ts";
import { type Closers, createClosers } from "./closers.ts";
import { createCommitNotes } from "./commit-notes.ts";
import type { NodeConfig } from "./config.ts";
import { type EngineParts, startDbftEngine } from "./consensus/dbft-engine.ts";
import type { Application, Engine, PeeredEngine } from "./consensus/engine.ts";
import { createVoteStore, type VoteStore } from "./consensus/vote-store.ts";
import { sodiumCrypto } from "./crypto/sodium.ts";
import { createPresence, type Presence } from "./gateway/presence.ts";
import { Intake } from "./intake/intake.ts";
import { joinBySnapshot, offerSnapshots } from "./join-by-snapshot.ts";
import { Mempool } from "./mempool/mempool.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import type { Network } from "./p2p/network.ts";
import type { ConsensusSigner } from "./signer/consensus-signer.ts";
import { createMaintenance } from "./snapshot/maintenance.ts";
import { findOldestSnapshot } from "./snapshot/snapshot-files.ts";
import { openComet } from "./start-comet.ts";
import { type Peering, startPeering } from "./start-peering.ts";
import { openFilePort } from "./store/file-port.ts";
import { openInboxLog } from "./store/inbox-log.ts";
import { openLevelStore } from "./store/level-store.ts";
import type { SyncLog } from "./sync/block-sync.ts";
import { startLedger } from "./threads/ledger-client.ts";
import { startVerifierPool } from "./threads/verifier-pool.ts";

export interface ChainParts {
  readonly config: NodeConfig;
  readonly genesis: Genesis;
  /** Consensus keys of the validators this process runs. */
  readonly signers: readonly ConsensusSigner[];
  /** Peers of the chain; undefined where this process is all of it. Closed with the chain. */
  readonly network?: Network;
  /** The signer lives elsewhere: its signatures take a while. */
  readonly hasRemoteSigner?: boolean;
  /** A validator without a record of its votes votes at once: its key cannot have voted at the height it finds. */
  readonly votesWithoutRecord?: boolean;
  /** Ends a start that takes long: that of a node which fetches a snapshot first. */
  readonly stopping?: AbortSignal;
  /** Hears of an error after which the node can't go on; it should stop the node. */
  readonly onFatal: (error: unknown) => void;
}

/** A node without its faces. */
export interface RunningChain {
  readonly chainId: string;
  readonly service: NodeService;
  /** What gateways say of devices. */
  readonly presence: Presence;
  readonly metrics: Metrics;
  /** Lets the block in hand commit, closes everything. Idempotent. */
  stop(): Promise<void>;
}

/** To standard error: results of commands go to standard output. */
export function createLogger(config: NodeConfig): Logger {
  return pino({ level: config.logLevel, base: null }, destination({ fd: 2, sync: true }));
}

/** Opens the chain, takes up what was acknowledged before, and runs consensus. */
export async function startChain(
  parts: ChainParts,
  logger = createLogger(parts.config),
): Promise<RunningChain> {
  const closers = createClosers();
  const fatal = (error: unknown): void => {
    logger.fatal({ error: error instanceof Error ? error.stack : String(error) }, "the node can't go on");
    parts.onFatal(error);
  };
  try {
    return await startParts({ ...parts, logger, fatal, closers });
  } catch (error) {
    // What the start failed of is told, not what could not be closed after it.
    await closers
      .closeAll()
      .catch((problem: unknown) => logger.error({ problem: String(problem) }, "closing"));
    throw error;
  }
}

type Log = (level: "debug" | "info" | "warn" | "error", fields: object, message: string) => void;

interface StartContext extends Omit<ChainParts, "onFatal"> {
  readonly logger: Logger;
  readonly fatal: (error: unknown) => void;
  readonly closers: Closers;
}

async function startParts(context: StartContext): Promise<RunningChain> {
  const { config, genesis, signers, logger, fatal, closers, network } = context;
  const directory = (name: string): string => join(config.dataDirectory, name);
  await mkdir(config.dataDirectory, { recursive: true });
  if (network !== undefined) {
    closers.add(() => network.stop());
    const log: SyncLog = (level, fields, message) => logger[level](fields, message);
    closers.add(offerSnapshots(network, directory("snapshots")));
    await joinBySnapshot({ config, genesis, network, log, stopping: context.stopping, nowMs: Date.now() });
  }

  const isComet = config.engine === "comet";
  const ledger = startLedger(
    {
      directory: directory("ledger"),
      genesis: encode(genesisCodec, genesis),
      engine: isComet ? ENGINE_COMETBFT : ENGINE_DBFT,
    },
    fatal,
  );
  closers.add(() => ledger.stop());
  const { tip, certificate, chainId, firstHeight, certifiedHeight } = await ledger.open();
  const maintenance = createMaintenance({
    ledger,
    directory: directory("snapshots"),
    pruneAfterDays: config.pruneAfterDays,
    snapshotEveryBlocks: config.snapshotEveryBlocks,
    snapshotsKept: config.snapshotsKept,
    oldestSnapshot: await findOldestSnapshot(directory("snapshots")),
    certifiesLater: isComet,
    firstHeight,
    log: (level, fields, message) => logger[level](fields, message),
    onFatal: fatal,
  });
  const verifiers = startVerifierPool(config.verifyThreads, fatal);
  closers.add(() => verifiers.close());
  const inbox = await openInboxLog(await openFilePort(directory("inbox")));
  closers.add(() => inbox.close());

  const mempool = new Mempool();
  const metrics = createMetrics();
  const presence = createPresence();
  const log: Log = (level, fields, message) => logger[level](fields, message);
  let engine: Engine | undefined;
  const comet = isComet
    ? openComet({ config, genesis, intake: () => intake, mempool, log, onFatal: fatal })
    : undefined;
  const peering =
    network &&
    startPeering({
      network,
      intake: () => intake,
      readBlock: ledger.readWireBlock,
      verify: verifiers.verify,
      log,
      onFatal: fatal,
    });
  const peers = peering?.exchange ?? comet?.feed;
  const intake: Intake = new Intake({
    ...(peers === undefined ? {} : { peers }),
    mempool,
    inbox,
    verify: verifiers.verify,
    check: ledger.check,
    isCommitted: async (ids) => {
      const places = await ledger.locate(ids);
      return places.map((place) => place !== null);
    },
    noteWork: () => engine?.noteWork(),
    isBehind: () => peering?.isSyncing() === true || comet?.isReady() === false,
  });
  closers.add(() => intake.stop());
  // Nothing comes from peers any more before the intake stops; it was added above for a start that fails.
  if (network !== undefined) closers.add(() => network.stop());
  const recovered = await intake.recover();
  const meter = createChainMeter({
    metrics,
    tip: () => engine?.tip ?? tip,
    mempool,
    inbox,
    peering: () => peering,
    enginePeers: comet?.peers,
    storeBytes: ledger.measureStore,
    dataDirectory: config.dataDirectory,
  });
  const listeners = new Set<(update: ChainUpdate) => void>();
  const tell = (update: ChainUpdate): void => {
    for (const listener of listeners) listener(update);
  };
  const noteCommitted = createCommitNotes({ intake, meter, maintenance, logger });
  const application = meter.time(ledger);
  if (comet !== undefined) {
    closers.add(() => maintenance.stop());
    closers.add(() => comet.stop());
    engine = await comet.start({
      tip,
      certifiedHeight,
      ledger,
      application,
      verify: verifiers.verify,
      maintenance,
      snapshotFolder: directory("snapshots"),
      noteCommitted,
      tell,
    });
  } else {
    const onCommitted: EngineParts["onCommitted"] = async (block, summary) => {
      const update = await noteCommitted(block, summary);
      tell({ ...update, provableHeight: update.height - 1 });
    };
    const votes = createVoteStore(await openLevelStore(directory("votes")));
    closers.add(() => votes.close());
    const dbft = startDbft(context, {
      chainId,
      tip,
      certificate,
      votes,
      application,
      intake,
      meter,
      peering,
      onCommitted,
    });
    engine = dbft;
    closers.add(() => maintenance.stop());
    closers.add(() => dbft.stop());
    if (peering !== undefined) {
      peering.follow(dbft, () => maintenance.firstHeight);
      closers.add(() => peering.stop());
    }
  }

  const service = createService({
    ledger,
    intake,
    engine,
    mempool,
    meter,
    presence,
    listeners,
    maintenance,
    chainId,
    signers,
    peering,
    comet,
    publicUrl: config.publicUrl?.replace(/\/+$/, ""),
  });
  logger.info({ chainId, height: tip.head.height, recovered }, "the chain is up");

  let stopping: Promise<void> | undefined;
  return {
    chainId,
    service,
    presence,
    metrics,
    stop: () => {
      stopping ??= closers.closeAll().then(() => logger.info("the chain has stopped"));
      return stopping;
    },
  };
}

interface DbftParts {
  readonly chainId: string;
  readonly tip: ChainTip;
  readonly certificate: Uint8Array | null;
  readonly votes: VoteStore;
  readonly application: Application;
  readonly intake: Intake;
  readonly meter: ChainMeter;
  readonly peering: Peering | undefined;
  readonly onCommitted: EngineParts["onCommitted"];
}

function startDbft(context: StartContext, parts: DbftParts): PeeredEngine {
  const { config, signers, network, logger, fatal } = context;
  const { chainId, tip, certificate, votes, application, intake, meter, peering, onCommitted } = parts;
  return startDbftEngine({
    crypto: sodiumCrypto,
    chainId,
    // Also those that are no validators yet: the chain may make them some while this process runs.
    signers,
    application,
    source: intake,
    votes,
    tip,
    headCertificate: certificate,
    ...(peering === undefined ? {} : { joinConsensus: peering.joinConsensus, noteAhead: peering.noteAhead }),
    hasRemoteSigner: context.hasRemoteSigner === true,
    votesWithoutRecord: network === undefined || context.votesWithoutRecord === true,
    baseTimeoutMs: config.baseTimeoutMs,
    maxTimeoutMs: config.maxTimeoutMs,
    heartbeatMs: config.heartbeatMs,
    blockStatementsMax: config.blockStatementsMax,
    onCommitted,
    onViewChange: ({ view }) => meter.noteViewChange(view),
    onInvalidMessage: meter.noteInvalidMessage,
    onFatal: fatal,
    log: (level, fields, message) => logger[level](fields, message),
  });
}
