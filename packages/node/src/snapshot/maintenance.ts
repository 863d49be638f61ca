/** What a node does to its own past while the chain goes on: snapshots at certain heights, and forgetting what is old. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { PruneResult } from "../application/prune.ts";
import type { SnapshotInfo } from "./snapshot.ts";
import { dropSnapshots, findOldestSnapshot } from "./snapshot-files.ts";

const DAY_MS = 86_400_000;
/** Asking what is old costs a call; days need not be met to the second. */
const PRUNE_EVERY_BLOCKS = 64;

export interface MaintenanceOptions {
  readonly ledger: {
    makeSnapshot(directory: string, height?: number): Promise<SnapshotInfo>;
    prune(beforeMs: number): Promise<PruneResult>;
  };
  /** Where snapshots stand. */
  readonly directory: string;
  /** Undefined: an archive, which keeps all blocks. */
  readonly pruneAfterDays: number | undefined;
  /** A snapshot of every height that is a multiple of this, the same on all nodes; 0: none. */
  readonly snapshotEveryBlocks: number;
  readonly snapshotsKept: number;
  /** Height of the oldest that is there. */
  readonly oldestSnapshot?: number | undefined;
  /** Certificates come after their blocks, and snapshots after the certificates. */
  readonly certifiesLater?: boolean;
  /** First block that is kept whole. */
  readonly firstHeight: number;
  readonly log: (level: "debug" | "warn", fields: object, message: string) => void;
  readonly onFatal: (error: unknown) => void;
}

export interface Maintenance {
  readonly firstHeight: number;
  /** Height of the oldest snapshot; undefined where there is none. */
  readonly oldestSnapshot: number | undefined;
  /** After every committed block; returns at once. */
  noteBlock(block: { readonly height: number; readonly timeMs: number }): void;
  /** After every certified block, where that comes later; returns at once. */
  noteCertified(height: number): void;
  /** The ledger begins anew with a snapshot. */
  restart(firstHeight: number): void;
  /** Resolves once nothing runs. */
  stop(): Promise<void>;
}

export function createMaintenance(options: MaintenanceOptions): Maintenance {
  const { ledger, directory, log } = options;
  let { firstHeight, oldestSnapshot } = options;
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

  async function snapshot(at?: number): Promise<void> {
    const { height, chunks, sizeBytes } = await ledger.makeSnapshot(directory, at);
    log("debug", { height, chunks, sizeBytes }, "snapshot");
    await dropSnapshots(directory, options.snapshotsKept);
    oldestSnapshot = await findOldestSnapshot(directory);
  }

  /** Whether a snapshot is to be made of this height. */
  function isDue(height: number): boolean {
    const { snapshotEveryBlocks } = options;
    return snapshotEveryBlocks > 0 && height > 0 && height % snapshotEveryBlocks === 0;
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
    get oldestSnapshot() {
      return oldestSnapshot;
    },
    noteBlock({ height, timeMs }) {
      const { pruneAfterDays, certifiesLater } = options;
      if (certifiesLater !== true && isDue(height - 1)) start("snapshot", snapshot);
      // By the time of the chain: one that stood still for a year has nothing that is older than its newest block by more than before.
      if (pruneAfterDays !== undefined && height % PRUNE_EVERY_BLOCKS === 0)
        start("prune", () => prune(timeMs - pruneAfterDays * DAY_MS));
    },
    noteCertified(height) {
      // Of the snapshot that this node began with it has no header.
      if (height - 2 >= firstHeight && isDue(height - 2)) start("snapshot", () => snapshot(height - 2));
    },
    restart(from) {
      firstHeight = from;
    },
    async stop() {
      isStopped = true;
      await Promise.all(running.values());
    },
  };
}
