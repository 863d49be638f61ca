/** A snapshot of a million accounts: made in this process, restored in one of its own. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openTestChain } from "../packages/node/src/application/testing.ts";
import { makeSnapshot } from "../packages/node/src/snapshot/make-snapshot.ts";
import type { SnapshotInfo } from "../packages/node/src/snapshot/snapshot.ts";
import { openLevelStore } from "../packages/node/src/store/level-store.ts";
import { LEDGER_FOLDER, type RestoreReport, SNAPSHOTS_FOLDER } from "./accounts.ts";
import { type BenchContext, bySize, type Figure, measureMs, type Part } from "./figures.ts";
import { endProcess, startNode } from "./processes.ts";
import { loadAccounts } from "./state.ts";

const RESTORE_SCRIPT = fileURLToPath(new URL("restore.ts", import.meta.url));
const AIM_KEYS = 1_000_000;

export const snapshots: Part = {
  name: "snapshots",
  run: async (context) => {
    const directory = context.makeDirectory();
    const keys = bySize(context, { quick: 20_000, default: AIM_KEYS, full: AIM_KEYS });
    const { info, makeMs } = await makeOne(context, directory, keys);
    context.say(`${info.chunks} chunks, together ${(info.sizeBytes / 1e6).toFixed(1)} MB, are made`);
    const { restoreMs, cpuMs, openMs, maxResidentBytes } = await restoreOne(context, directory);
    const megabytes = info.sizeBytes / 1e6;
    const title = `${keys.toLocaleString("en-US")} state keys`;
    const figures: Figure[] = [
      { name: `snapshot of ${title}, made`, value: makeMs, unit: "ms" },
      { name: "of it", value: (megabytes / makeMs) * 1e3, unit: "MB/s" },
      { name: `snapshot of ${title}, size`, value: megabytes, unit: "MB" },
      { name: `snapshot of ${title}, restored`, value: restoreMs, unit: "ms" },
      { name: "of it", value: (megabytes / restoreMs) * 1e3, unit: "MB/s" },
      {
        name: "keys restored",
        value: (keys / restoreMs) * 1e3,
        unit: "/s",
        limit: { name: "store puts", value: context.calibration.putsPerSecond },
      },
      { name: "CPU time of restoring", value: cpuMs, unit: "ms" },
      { name: "restored ledger opened", value: openMs, unit: "ms" },
      { name: "most resident while it is restored", value: maxResidentBytes / 1e6, unit: "MB" },
    ];
    return figures.map((figure) => ({ ...figure, isOtherSize: keys !== AIM_KEYS }));
  },
};

async function makeOne(
  context: BenchContext,
  directory: string,
  keys: number,
): Promise<{ readonly info: SnapshotInfo; readonly makeMs: number }> {
  const { dev } = await loadAccounts(context, directory, keys);
  const store = await openLevelStore(join(directory, LEDGER_FOLDER));
  try {
    const chain = await openTestChain({ dev, store });
    // A certified header over the state, and a certificate below it.
    await chain.commit([]);
    await chain.commit([]);
    let info: SnapshotInfo | undefined;
    const makeMs = await measureMs(async () => {
      info = await makeSnapshot(chain.application, join(directory, SNAPSHOTS_FOLDER));
    });
    return { info: info!, makeMs };
  } finally {
    await store.close();
  }
}

async function restoreOne(context: BenchContext, directory: string): Promise<RestoreReport> {
  const started = startNode(["--max-semi-space-size=4", RESTORE_SCRIPT, directory, context.makeDirectory()]);
  try {
    return JSON.parse(await started.nextLine()) as RestoreReport;
  } finally {
    await endProcess(started);
  }
}
