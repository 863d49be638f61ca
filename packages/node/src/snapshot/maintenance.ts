/** What a node does to its own past while the chain goes on: snapshots at certain heights, and forgetting what is old. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { PruneResult } from "../application/prune.ts";
import type { SnapshotInfo } from "./snapshot.ts";
import { dropSnapshots } from "./snapshot-files.ts";

const DAY_MS = 86_400_000;
/** Asking what is old costs a call; days need not be met to the second. */
const PRUNE_EVERY_BLOCKS = 64;

export interface MaintenanceOptions {
  readonly ledger: {
    makeSnapshot(directory: string): Promise<SnapshotInfo>;
    prune(beforeMs: number): Promise<PruneResult>;
  };
  /** Where snapshots stand. */
  readonly directory: string;
  /** Undefined: an archive, which keeps all blocks. */
  readonly pruneAfterDays: number | undefined;
  /** A snapshot of every height that is a multiple of this, the same on all nodes; 0: none. */
  readonly snapshotEveryBlocks: number;
  readonly snapshotsKept: number;
  /** First block that is kept whole. */
  readonly firstHeight: number;
  readonly log: (level: "debug" | "warn", fields: object, message: string) => void;
  readonly onFatal: (error: unknown) => void;
}

export interface Maintenance {
  readonly firstHeight: number;
  /** After every committed block; returns at once. */
  noteBlock(block: { readonly height: number; readonly timeMs: number }): void;
  /** Resolves once nothing runs. */
  stop(): Promise<void>;
}

export function createMaintenance(options: MaintenanceOptions): Maintenance {
  const { ledger, directory, log } = options;
  let { firstHeight } = options;
  let isStopped = false;
  const running = new Map<string, Promise<void>>();

  /** One of a kind at a time; what cannot be done now is done at a later height. */
  function start(kind: string, run: () => Promise<void>): void {
    if (isStopped || running.has(kind)) return;
    const done = run()
      .catch((error: unknown) => {
        if (error instanceof LhgError) log("warn", { code: error.code, reason: error.message }, kind);
        else options.onFatal(error);
      })
      .finally(() => running.delete(kind));
    running.set(kind, done);
  }

  async function snapshot(): Promise<void> {
    const { height, chunks, sizeBytes } = await ledger.makeSnapshot(directory);
    log("debug", { height, chunks, sizeBytes }, "snapshot");
    await dropSnapshots(directory, options.snapshotsKept);
  }

  async function prune(beforeMs: number): Promise<void> {
    for (let isDone = false; !isDone && !isStopped; ) {
      const result = await ledger.prune(beforeMs);
      ({ isDone } = result);
      firstHeight = result.firstHeight;
    }
  }

  return {
    get firstHeight() {
      return firstHeight;
    },
    noteBlock({ height, timeMs }) {
      const { pruneAfterDays, snapshotEveryBlocks } = options;
      if (snapshotEveryBlocks > 0 && height > 1 && (height - 1) % snapshotEveryBlocks === 0)
        start("snapshot", snapshot);
      // By the time of the chain: one that stood still for a year has nothing that is older than its newest block by more than before.
      if (pruneAfterDays !== undefined && height % PRUNE_EVERY_BLOCKS === 0)
        start("prune", () => prune(timeMs - pruneAfterDays * DAY_MS));
    },
    async stop() {
      isStopped = true;
      await Promise.all(running.values());
    },
  };
}
