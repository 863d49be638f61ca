/** The thread that owns ledger and store. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Genesis, genesis } from "@lhg/protocol/core/genesis";
import { LedgerApplication } from "../application/application.ts";
import type { BlockToExecute, StatementInput } from "../application/port.ts";
import { pruneBlocks } from "../application/prune.ts";
import { createQueryContext, getCertifiedHeader } from "../application/query-context.ts";
import { sodiumCrypto } from "../crypto/sodium.ts";
import type { QueryContext } from "../queries/context.ts";
import { indexBlock, indexPair, listIndexKeys } from "../queries/indexes.ts";
import { queries } from "../queries/queries.ts";
import type { CometOffer } from "../snapshot/comet-snapshot.ts";
import { makeSnapshot } from "../snapshot/make-snapshot.ts";
import { restoreCometSnapshot, verifyCometOffer } from "../snapshot/restore-comet.ts";
import { growLedger, placeLedger } from "../snapshot/restore-folder.ts";
import type { SnapshotInfo } from "../snapshot/snapshot.ts";
import { describeFileError } from "../snapshot/snapshot-files.ts";
import { encodeTrustPath } from "../snapshot/trust.ts";
import { openLevelStore } from "../store/level-store.ts";
import { Background, serveCalls } from "./rpc.ts";

export interface LedgerWorkerData {
  readonly directory: string;
  /** Encoded genesis. */
  readonly genesis: Uint8Array;
  /** ENGINE_DBFT or ENGINE_COMETBFT. */
  readonly engine: number;
}

/** Blocks rewrite the same pages of the state again and again: what is overwritten in the buffer is never merged (measured, see store/README.md). */
const WRITE_BUFFER_BYTES = 16 << 20;

type Query = (context: QueryContext, args: unknown) => unknown;

let application: LedgerApplication | undefined;

function readGenesis(): Genesis {
  return decode(genesis, (workerData as LedgerWorkerData).genesis, "genesis");
}

async function openLedger() {
  const { directory, engine } = workerData as LedgerWorkerData;
  const store = await openLevelStore(directory, { writeBufferBytes: WRITE_BUFFER_BYTES });
  application = await LedgerApplication.open(sodiumCrypto, store, readGenesis(), indexBlock, engine);
  const { tip, headCertificate: certificate, chainId, kept, certifiedHeight } = application;
  return { tip, certificate, chainId, firstHeight: kept.firstHeight, certifiedHeight };
}

function opened(): LedgerApplication {
  if (application === undefined) throw new Error("the ledger is not open");
  return application;
}

let snapshot: { readonly result: Promise<unknown>; readonly stopping: AbortController } | undefined;

const methods = {
  open: openLedger,
  check: (inputs: readonly Pick<StatementInput, "bytes" | "leafHash">[]) => opened().check(inputs),
  execute: (block: BlockToExecute) => opened().execute(block),
  describeExecution: (blockHash: Uint8Array) => opened().describeExecution(blockHash),
  commit: (blockHash: Uint8Array, certificate: Uint8Array | null) => opened().commit(blockHash, certificate),
  certify: (header: Uint8Array, certificate: Uint8Array, isParentShared: boolean) =>
    opened().certify(header, certificate, isParentShared),
  locate: (ids: readonly Uint8Array[]) => opened().locate(ids),
  isFreshEvidence: (encoded: Uint8Array) => opened().isFreshEvidence(encoded),
  measureStore: () => opened().store.sizeBytes(),
  readWireBlock: (height: number) => opened().readWireBlock(height),
  query: (name: string, args: unknown): unknown => {
    const query = Object.hasOwn(queries, name)
      ? (queries as Readonly<Record<string, unknown>>)[name]
      : undefined;
    if (query === undefined) throw new LhgError("query.unknown", "is no query", name);
    try {
      return (query as Query)(createQueryContext(opened()), args);
    } catch (error) {
      if (error instanceof LhgError) throw error;
      // A question that breaks (an answer too large for memory, say) is its asker's loss, not the chain's.
      throw new LhgError("internal", `${name} failed: ${(error as Error).stack ?? String(error)}`);
    }
  },
  /** Begun at once, done while blocks go on; one at a time. Throws `snapshot.busy` and what `makeSnapshot` throws. */
  makeSnapshot: (directory: string, height?: number) => {
    if (snapshot !== undefined) throw new LhgError("snapshot.busy", "a snapshot is being made");
    const stopping = new AbortController();
    const { signal } = stopping;
    const options = { signal, ...(height === undefined ? {} : { height }) };
    const result = makeSnapshot(opened(), directory, options).finally(() => {
      snapshot = undefined;
    });
    snapshot = { result, stopping };
    return new Background(result);
  },
  /** What leads from genesis to the certified header of a committed height: encoded trust path. Throws `block.not-found`. */
  getTrustPath: (height: number) => {
    const ledger = opened();
    const transitions = ledger.transitionsBefore(height).map((at) => getCertifiedHeader(ledger, at));
    return encodeTrustPath({ transitions, header: getCertifiedHeader(ledger, height) });
  },
  /**
   * What CometBFT offers, as far as it can be judged without chunks: `isHeld` where the ledger is this state already. Throws
   * `snapshot.ledger-exists` where the ledger has blocks of its own, and what `verifyCometOffer` throws.
   */
  verifyOffer: (offer: CometOffer, appHash: Uint8Array) => {
    const { head, kept } = opened();
    if (head.height > (kept.base?.height ?? 0))
      throw new LhgError("snapshot.ledger-exists", `has blocks up to ${head.height} already`, "ledger");
    const { metadata, block } = verifyCometOffer(sodiumCrypto, readGenesis(), offer, appHash);
    const isHeld = head.height === block.height && equalBytes(head.appHash, block.next.appHash);
    return { isHeld, chunks: metadata.chunks, sizeBytes: metadata.sizeBytes };
  },
  /** Restores it beside the ledger, from chunks in a folder, each named by its index. Throws what `restoreCometSnapshot` throws. */
  restoreOffer: (info: SnapshotInfo, appHash: Uint8Array, folder: string) =>
    new Background(
      growLedger(dirname((workerData as LedgerWorkerData).directory), (store) =>
        restoreCometSnapshot({
          store,
          crypto: sodiumCrypto,
          genesis: readGenesis(),
          info,
          appHash,
          readChunk: async (index) => new Uint8Array(await readFile(join(folder, String(index)))),
          indexPair,
        }),
      ).catch((error: unknown) => {
        throw describeFileError(error);
      }),
    ),
  /** Goes on with what was restored, in place of a ledger without blocks. Throws `snapshot.ledger-exists`. */
  adoptRestored: async () => {
    const { head, kept, store } = opened();
    if (head.height > (kept.base?.height ?? 0))
      throw new LhgError("snapshot.ledger-exists", `has blocks up to ${head.height} already`, "ledger");
    snapshot?.stopping.abort();
    await Promise.allSettled([snapshot?.result]);
    application = undefined;
    await store.close();
    await placeLedger(dirname((workerData as LedgerWorkerData).directory));
    return openLedger();
  },
  /** Deletes a little of what is older than `beforeMs`. */
  prune: (beforeMs: number) => pruneBlocks(opened(), beforeMs, listIndexKeys),
  close: async () => {
    snapshot?.stopping.abort();
    await Promise.allSettled([snapshot?.result]);
    await application?.store.close();
    application = undefined;
  },
};
export type LedgerMethods = typeof methods;

/** Consensus waits for nobody, and who submits waits for no question. */
const RANKS: readonly ReadonlySet<string>[] = [
  new Set(["open", "execute", "describeExecution", "commit"]),
  new Set(["check", "locate", "isFreshEvidence", "certify"]),
];

if (parentPort !== null)
  serveCalls(
    parentPort,
    methods,
    (error) => {
      // A broken invariant: nothing this thread says after it can be trusted.
      setImmediate(() => {
        throw error;
      });
    },
    RANKS,
  );
