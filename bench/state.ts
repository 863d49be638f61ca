/**
 * A chain with a million accounts: how long a restart takes, and what memory it stands in. The accounts are written
 * by the state's own commits without statements, so there is no history behind them.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LedgerApplication } from "../packages/node/src/application/application.ts";
import { headRecord } from "../packages/node/src/blocks/records.ts";
import { HEAD_KEY } from "../packages/node/src/blocks/store-keys.ts";
import { sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";
import type { DevChain } from "../packages/node/src/dev-chain.ts";
import { openLevelStore } from "../packages/node/src/store/level-store.ts";
import { setAccount } from "../packages/protocol/src/core/accounts.ts";
import { encode } from "../packages/protocol/src/core/codec/definition.ts";
import { genesis } from "../packages/protocol/src/core/genesis.ts";
import { StateOverlay } from "../packages/protocol/src/core/state/overlay.ts";
import { addressOf, GENESIS_FILE, LEDGER_FOLDER, READS, type RestartReport } from "./accounts.ts";
import { createBenchGenesis } from "./chain.ts";
import { type BenchContext, bySize, type Figure, median, type Part } from "./figures.ts";
import { endProcess, type ProcessMemory, readMemory, startNode } from "./processes.ts";

const RESTART_SCRIPT = fileURLToPath(new URL("restart.ts", import.meta.url));
/** What the aims are set for. */
const AIM_KEYS = 1_000_000;
const COMMIT_KEYS = 10_000;
const AIM_RESTART_MS = 2_000;
const AIM_RESIDENT_MB = 300;

export const state: Part = {
  name: "state",
  run: async (context) => {
    const directory = context.makeDirectory();
    const keys = bySize(context, { quick: 20_000, default: AIM_KEYS, full: AIM_KEYS });
    const { keysPerSecond } = await loadAccounts(context, directory, keys);
    const title = `${keys.toLocaleString("en-US")} state keys`;
    return [
      {
        name: `${title} written by bare state commits`,
        value: keysPerSecond,
        unit: "/s",
        limit: { name: "store puts", value: context.calibration.putsPerSecond },
      },
      ...(await measureRestarts(context, directory, keys)).map((figure) => ({
        ...figure,
        isOtherSize: keys !== AIM_KEYS,
      })),
    ];
  },
};

/** Writes a ledger of so many accounts into a folder, with its genesis. */
export async function loadAccounts(
  context: BenchContext,
  directory: string,
  keys: number,
): Promise<{ readonly dev: DevChain; readonly keysPerSecond: number }> {
  const dev = createBenchGenesis(7, []);
  writeFileSync(join(directory, GENESIS_FILE), encode(genesis, dev.genesis));
  const store = await openLevelStore(join(directory, LEDGER_FOLDER));
  try {
    const { state: ledgerState, head } = await LedgerApplication.open(
      sodiumCrypto,
      store,
      dev.genesis,
      () => [],
    );
    const startedMs = performance.now();
    for (let height = 1; height <= keys / COMMIT_KEYS; height++) {
      const overlay = new StateOverlay(ledgerState);
      for (let i = 0; i < COMMIT_KEYS; i++)
        setAccount(overlay, addressOf(height * COMMIT_KEYS - i), { nonce: 0, balance: 1n, key: null });
      const commit = ledgerState.prepareCommit(overlay, [], height);
      const value = encode(headRecord, { ...head, height, appHash: commit.appHash });
      await store.commit([...commit.writes, { key: HEAD_KEY, value }]);
      commit.accept();
      if (height % 10 === 0)
        context.say(`${(height * COMMIT_KEYS).toLocaleString("en-US")} keys are written`);
    }
    return { dev, keysPerSecond: (keys / (performance.now() - startedMs)) * 1000 };
  } finally {
    await store.close();
  }
}

async function measureRestarts(context: BenchContext, directory: string, keys: number): Promise<Figure[]> {
  const title = `${keys.toLocaleString("en-US")} state keys`;
  const reports: RestartReport[] = [];
  const fresh: (ProcessMemory | undefined)[] = [];
  const read: (ProcessMemory | undefined)[] = [];
  for (let round = 0; round < bySize(context, { quick: 1, default: 3, full: 5 }); round++) {
    const started = startNode([RESTART_SCRIPT, directory, String(keys)]);
    try {
      reports.push(JSON.parse(await started.nextLine()) as RestartReport);
      fresh.push(readMemory(started.child.pid));
      await started.nextLine();
      read.push(readMemory(started.child.pid));
    } finally {
      await endProcess(started);
    }
  }
  const { bareProcessStartMs } = context.calibration;
  return [
    {
      name: `restart with ${title}, opening to first answer`,
      value: median(reports.map((report) => report.answerMs)),
      unit: "ms",
      aim: { atMost: AIM_RESTART_MS },
    },
    {
      name: `restart with ${title}, process start to first answer`,
      value: median(reports.map((report) => report.processMs)),
      unit: "ms",
      limit: { name: "bare Node process", value: bareProcessStartMs },
      aim: { atMost: AIM_RESTART_MS },
    },
    ...memoryFigures(context, `with ${title}, after the first answer`, fresh),
    ...memoryFigures(context, `with ${title}, after ${READS.toLocaleString("en-US")} random reads`, read),
  ];
}

function memoryFigures(
  { calibration: { bareProcessBytes } }: BenchContext,
  name: string,
  memories: readonly (ProcessMemory | undefined)[],
): Figure[] {
  const known = memories.filter((entry) => entry !== undefined);
  if (known.length === 0 || bareProcessBytes === undefined) return [];
  return [
    {
      name: `resident ${name}`,
      value: median(known.map((entry) => entry.residentBytes)) / 1e6,
      unit: "MB",
      limit: { name: "bare Node process", value: bareProcessBytes / 1e6 },
      aim: { atMost: AIM_RESIDENT_MB },
    },
    {
      name: "of it mapped files",
      value: median(known.map((entry) => entry.mappedBytes)) / 1e6,
      unit: "MB",
    },
  ];
}
