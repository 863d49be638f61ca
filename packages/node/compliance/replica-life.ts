/** One life of an LHG node under CometBFT, without threads, files and sockets: the real handler, engine, intake and ledger. */
import { fromBinary } from "@bufbuild/protobuf";
import { ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import { crashDisk, type Disk, verifySubmission } from "../e2e/memory-node.ts";
import type { Random } from "../simulation/random.ts";
import { LedgerApplication } from "../src/application/application.ts";
import { createQueryContext } from "../src/application/query-context.ts";
import { createAppLock } from "../src/consensus/comet/abci/app-lock.ts";
import { createFrameReader, FRAME_BYTES_LIMIT } from "../src/consensus/comet/abci/framing.ts";
import { type Response, ResponseSchema } from "../src/consensus/comet/abci/generated/abci_pb.ts";
import {
  type AbciHandler,
  type AppRequest,
  answerRequest,
  decodeRequest,
} from "../src/consensus/comet/abci/handler.ts";
import { encodeRequest, type RequestInit } from "../src/consensus/comet/abci/testing.ts";
import { createAbciHandler } from "../src/consensus/comet/abci-handler.ts";
import { type CertificateParts, followCertificates } from "../src/consensus/comet/certificates.ts";
import { createCheckBatches } from "../src/consensus/comet/check-batches.ts";
import type { CometBlock } from "../src/consensus/comet/comet-block.ts";
import { CometEngine, type Finalized } from "../src/consensus/comet/comet-engine.ts";
import { sodiumCrypto } from "../src/crypto/sodium.ts";
import { Intake } from "../src/intake/intake.ts";
import { type FeedParts, startMempoolFeed } from "../src/intake/mempool-feed.ts";
import { Mempool } from "../src/mempool/mempool.ts";
import { indexBlock } from "../src/queries/indexes.ts";
import { getValueProof } from "../src/queries/proofs.ts";
import { openInboxLog } from "../src/store/inbox-log.ts";
import { hashStore } from "./store-hash.ts";
import { createThread, passTurns } from "./thread.ts";
import { type Watch, watchLedger } from "./watched-ledger.ts";
import type { World } from "./world.ts";

type Answer = Response["value"];

export interface ReplicaLife {
  readonly ledger: LedgerApplication;
  readonly engine: CometEngine;
  readonly handler: AbciHandler;
  /** CometBFT has begun anew. */
  readonly offerAll: () => void;
  /** The way in of the node's own API. */
  submit(submissions: readonly Uint8Array[]): Promise<void>;
  /** Over ABCI, as the server would serve it; rejects with what would end CometBFT. */
  ask(request: RequestInit): Promise<Answer>;
  /** The power goes. */
  end(): void;
}

export interface LifeParts {
  readonly world: World;
  readonly disk: Disk;
  readonly watch: Watch;
  readonly random: Random;
  readonly fetchCertificate: CertificateParts["fetch"];
  /** Hears what FinalizeBlock is answered with, before it is encoded. */
  readonly onFinalized: (height: number, answer: Finalized) => void;
  readonly blockStatementsMax: number;
  /** To a CometBFT that is there. */
  readonly broadcast?: FeedParts["broadcast"];
}

/** Of these heights the commit must be the one that the next header names, as of those before snapshots. */
const SHARED_EVERY = 3;

export async function openReplicaLife(parts: LifeParts): Promise<ReplicaLife> {
  const { world, disk, watch, random } = parts;
  let isOver = false;
  const { genesis } = world;
  const { store } = disk.ledger;
  const ledger = await LedgerApplication.open(sodiumCrypto, store, genesis, indexBlock, ENGINE_COMETBFT);
  const watched = watchLedger(watch, ledger, await hashStore(store));
  const { life } = watch;
  const fail = (error: unknown): void => {
    if (!isOver) watch.violations.push(`life ${life}: ${(error as Error).stack}`);
  };
  const thread = createThread(random);
  const mempool = new Mempool();
  const verify = async (submissions: readonly Uint8Array[]) => {
    await passTurns(random.below(6));
    return submissions.map(verifySubmission);
  };
  const { broadcast } = parts;
  const feed =
    broadcast &&
    startMempoolFeed({
      broadcast,
      isHeld: (leafHash, bytes) => intake.isHeld(leafHash, bytes),
      log: () => {},
      onFatal: fail,
    });
  const intake: Intake = new Intake({
    ...(feed === undefined ? {} : { peers: feed }),
    mempool,
    inbox: await openInboxLog(disk.inbox.port),
    verify,
    check: (inputs) => thread.call(1, () => ledger.check(inputs)),
    isCommitted: (ids) => thread.call(1, () => ledger.locate(ids).map((place) => place !== null)),
    noteWork: () => {},
  });
  await intake.recover();
  const certificates = followCertificates({
    fetch: parts.fetchCertificate,
    certify: (...args) => thread.call(1, () => watched.certify(...args)),
    isShared: (height) => height % SHARED_EVERY === 0,
    certifiedHeight: ledger.certifiedHeight,
    onCertified: () => {},
    log: () => {},
    onFatal: fail,
  });
  const findHeld = (leafHash: Uint8Array) => mempool.getByLeafHash(leafHash)?.bytes;
  class WatchedEngine extends CometEngine {
    override async finalizeBlock(block: CometBlock): Promise<Finalized> {
      const answer = await super.finalizeBlock(block);
      parts.onFinalized(block.height, answer);
      return answer;
    }
  }
  const engine = new WatchedEngine({
    crypto: sodiumCrypto,
    genesis,
    application: {
      execute: (block) => thread.call(0, () => watched.execute(block)),
      describeExecution: (hash) => thread.call(0, () => watched.describeExecution(hash)),
      commit: (hash, certificate) => thread.call(0, () => watched.commit(hash, certificate)),
    },
    source: intake,
    findHeld,
    verify,
    tip: ledger.tip,
    blockStatementsMax: parts.blockStatementsMax,
    certificates,
    onCommitted: async ({ header }, summary) => {
      watch.told.push({ life, height: header.height });
      await intake.settleBlock(summary);
    },
  });
  const handler = createAbciHandler({
    engine,
    crypto: sodiumCrypto,
    version: "0.0.0",
    findHeld,
    batches: createCheckBatches((submissions) => intake.receiveEach(submissions)),
    retainHeight: () => 0,
    proveValue: (partition, key) =>
      thread.call(1, () => getValueProof(createQueryContext(ledger), { partition, key })),
    snapshots: { list: async () => [], readChunk: async () => undefined },
  });
  const lock = createAppLock();

  /** In the turns that the server gives (abci/connection.ts). */
  async function serve(request: AppRequest): Promise<Uint8Array> {
    const answer = (): Promise<Uint8Array> => answerRequest(handler, request);
    if (request.case === "query") return await answer();
    if (request.case === "commit") return await lock.run(() => lock.withoutChecks(answer));
    if (request.case !== "checkTx") return await lock.run(answer);
    while (!lock.beginCheck()) await lock.waitForTurn();
    return await answer().finally(() => lock.endCheck());
  }

  return {
    ledger,
    engine,
    handler,
    offerAll: () => feed?.offerAll(),
    submit: async (submissions) => void (await intake.submit(submissions)),
    async ask(request) {
      const value = decodeRequest(readFrame(encodeRequest(request)));
      try {
        return fromBinary(ResponseSchema, readFrame(await serve(value as AppRequest))).value;
      } catch (error) {
        fail(new Error(`${value.case} would end CometBFT`, { cause: error }));
        throw error;
      }
    },
    end() {
      isOver = true;
      thread.end();
      crashDisk(disk);
      engine.stop().catch(() => {});
      feed?.stop().catch(() => {});
    },
  };
}

function readFrame(frame: Uint8Array): Uint8Array {
  const reader = createFrameReader(FRAME_BYTES_LIMIT);
  reader.push(frame);
  return reader.next()!;
}
