import { Worker } from "node:worker_threads";
import type { LedgerMethods, LedgerWorkerData } from "./ledger-worker.ts";
import { connectCalls, type Remote } from "./rpc.ts";

export interface LedgerClient extends Remote<LedgerMethods> {
  /** Closes the store and ends the thread. */
  readonly stop: () => Promise<void>;
}

/** Starts the thread that owns ledger and store. `onFatal` hears when it dies. */
export function startLedger(data: LedgerWorkerData, onFatal: (error: Error) => void): LedgerClient {
  const worker = new Worker(new URL("./ledger-worker.ts", import.meta.url), {
    name: "lhg-ledger",
    workerData: data,
  });
  const { remote, fail } = connectCalls<LedgerMethods>(worker);
  let isStopping = false;
  worker.on("error", (error) => {
    fail(error as Error);
    onFatal(error as Error);
  });
  worker.on("exit", (code) => {
    fail(new Error(`the ledger thread ended with ${code}`));
    if (!isStopping) onFatal(new Error(`the ledger thread ended with ${code}`));
  });
  return {
    open: remote.open,
    check: remote.check,
    execute: remote.execute,
    describeExecution: remote.describeExecution,
    commit: remote.commit,
    certify: remote.certify,
    locate: remote.locate,
    isFreshEvidence: remote.isFreshEvidence,
    measureStore: remote.measureStore,
    readWireBlock: remote.readWireBlock,
    query: remote.query,
    makeSnapshot: remote.makeSnapshot,
    verifyOffer: remote.verifyOffer,
    restoreOffer: remote.restoreOffer,
    adoptRestored: remote.adoptRestored,
    getTrustPath: remote.getTrustPath,
    prune: remote.prune,
    close: remote.close,
    stop: async () => {
      isStopping = true;
      try {
        await remote.close();
      } finally {
        await worker.terminate();
      }
    },
  };
}
