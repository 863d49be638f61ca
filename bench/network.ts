/** Four processes on loopback: what goes through, how long it takes, what a dead validator costs, how fast a new node catches up. */
import { readConsensusKey } from "../packages/node/e2e/network/audit.ts";
import type { NodeProcess } from "../packages/node/e2e/network/node-process.ts";
import type { Client } from "../packages/sdk/src/client/client.ts";
import type { BlockSummary } from "../packages/sdk/src/client/types.ts";
import { signCollection } from "./collections.ts";
import { type BenchContext, type Figure, type Limit, type Part, percentile } from "./figures.ts";
import { type Call, dealCalls } from "./load.ts";
import { driveFullLoad, driveLightLoad, sleep, type Wait } from "./network-load.ts";
import {
  type BenchNetwork,
  CALL_STATEMENTS,
  LANES,
  loadNodes,
  PROCESSES,
  signTransfer,
  signTransfers,
  startBenchNetwork,
} from "./network-nodes.ts";
import { TRANSFER_RATE } from "./transfers.ts";

const READINGS = 10;
const TITLE = "4 processes";
const AIM_TRANSFERS_PER_SECOND = 3_000;
const AIM_FINALITY_P50_MS = 100;
const AIM_CATCH_UP = 5;
const POLL_MS = 10;
/** `consensus.base_timeout_ms`: what a primary that says nothing may cost. */
const BASE_TIMEOUT_MS = 1_000;

export const network: Part = {
  name: "network",
  run: async (context) => {
    const nodes = await startBenchNetwork();
    try {
      const figures = await measureLoad(context, nodes, "transfers", (count) => signTransfers(nodes, count));
      figures.push(...(await measureCatchUp(nodes, figures[0]!.value)));
      figures.push(
        ...(await measureLoad(context, nodes, `collections of ${READINGS}`, (count) =>
          signCollections(nodes, count),
        )),
      );
      figures.push(...(await measureLight(context, nodes)));
      figures.push(...(await measureAbsence(context, nodes)));
      return figures;
    } finally {
      await nodes.stop();
    }
  },
};

function signCollections({ chainId, devices, accounts }: BenchNetwork, perAccount: number): Call[][] {
  const perSender = Math.round((perAccount * accounts.length) / devices.length / 2);
  return dealCalls(devices.length, { lanes: LANES, perSender, callSize: CALL_STATEMENTS }, (sender) =>
    signCollection(chainId, devices[sender]!, READINGS),
  );
}

async function measureLoad(
  context: BenchContext,
  nodes: BenchNetwork,
  what: string,
  sign: (perAccount: number) => Call[][],
): Promise<Figure[]> {
  const { rates, cpuTimesUs, waits } = await driveFullLoad(
    context,
    loadNodes(nodes),
    `${TITLE}: ${what}`,
    sign,
  );
  const isTransfers = what === "transfers";
  return [
    {
      name: `${TITLE}: ${what}`,
      value: percentile(rates, 50),
      unit: "/s",
      limit: limitOf(context, isTransfers),
      ...(isTransfers ? { aim: { atLeast: AIM_TRANSFERS_PER_SECOND } } : {}),
    },
    {
      name: `${TITLE}: ${what}: CPU of each in all of them`,
      value: percentile(cpuTimesUs, 50),
      unit: "us",
      limit: { name: "Ed25519 verify", value: 1e6 / context.calibration.verifyPerSecond },
    },
    ...waitFigures(context, `${what} at full load`, waits),
  ];
}

function limitOf({ calibration, cores, rates }: BenchContext, isTransfers: boolean): Limit {
  const single = isTransfers ? rates.get(TRANSFER_RATE) : undefined;
  return single === undefined
    ? { name: "Ed25519 verify on all cores", value: cores * calibration.verifyPerSecond }
    : { name: "7 validators in one process", value: single };
}

function waitFigures({ calibration }: BenchContext, load: string, waits: readonly Wait[]): Figure[] {
  const limit = { name: "durable batch of one put", value: calibration.durablePutMs };
  const finals = waits.map(({ finalMs }) => finalMs);
  const provables = waits.map(({ provableMs }) => provableMs);
  const figure = (name: string, values: readonly number[], percent: number): Figure => ({
    name: `${TITLE}: ${name} p${percent}, ${load}`,
    value: percentile(values, percent),
    unit: "ms",
    limit,
  });
  return [
    figure("finality", finals, 50),
    figure("finality", finals, 99),
    figure("provability", provables, 50),
    figure("provability", provables, 99),
  ];
}

function sendLight(context: BenchContext, nodes: BenchNetwork, living: number): Promise<Wait[]> {
  const { chainId, accounts } = nodes;
  const sign = (turn: number) => signTransfer(chainId, accounts[turn % accounts.length]!);
  return driveLightLoad(context, loadNodes(nodes), sign, living);
}

async function measureLight(context: BenchContext, nodes: BenchNetwork): Promise<Figure[]> {
  const figures = waitFigures(context, "a transfer each 100 ms", await sendLight(context, nodes, PROCESSES));
  return figures.map((figure, i) => (i === 0 ? { ...figure, aim: { atMost: AIM_FINALITY_P50_MS } } : figure));
}

/** The last validator is killed. Its turns as the first primary of a height are known by the formula (height mod N). */
async function measureAbsence(context: BenchContext, nodes: BenchNetwork): Promise<Figure[]> {
  const { network: made, clients } = nodes;
  const { current } = await clients[0]!.getValidators();
  const dead = made.validators.at(-1)!;
  const absent = await readSeat(nodes, current.validators);
  await dead.kill();
  const waits = await sendLight(context, nodes, PROCESSES - 1);
  const [missed, others] = [waits.filter(isMissed), waits.filter((wait) => !isMissed(wait))];
  function isMissed({ height }: Wait): boolean {
    return height % PROCESSES === absent;
  }
  const limit = { name: "base timeout", value: BASE_TIMEOUT_MS };
  const finals = waits.map(({ finalMs }) => finalMs);
  const added =
    percentile(
      missed.map(({ finalMs }) => finalMs),
      50,
    ) -
    percentile(
      others.map(({ finalMs }) => finalMs),
      50,
    );
  return [
    {
      name: `${TITLE}, one dead: finality p50, a transfer each 100 ms`,
      value: percentile(finals, 50),
      unit: "ms",
      limit,
    },
    {
      name: `${TITLE}, one dead: finality p99, a transfer each 100 ms`,
      value: percentile(finals, 99),
      unit: "ms",
      limit,
    },
    {
      name: `${TITLE}, one dead: added at its turn, p50`,
      value: added,
      unit: "ms",
      limit,
      aim: { atMost: BASE_TIMEOUT_MS },
    },
  ];
}

async function readSeat(
  { network: made }: BenchNetwork,
  validators: readonly { readonly consensusKey: string }[],
): Promise<number> {
  const key = await readConsensusKey(made.validators.at(-1)!.seat.home);
  return validators.findIndex(({ consensusKey }) => consensusKey === key);
}

/** A node with nothing but the genesis fetches all blocks, while nothing else happens; then it goes. */
async function measureCatchUp(nodes: BenchNetwork, liveRate: number): Promise<Figure[]> {
  const { network: made, clients } = nodes;
  const observer = made.observers[0]!;
  const { height: target } = await clients[0]!.getStatus();
  const blocks = await readBlocks(clients[0]!, target);
  observer.spawn();
  const first = await watchHeight(observer, 0);
  const last = await watchHeight(observer, target);
  await observer.kill();
  const seconds = (last.atMs - first.atMs) / 1_000;
  const fetched = blocks.filter(({ height }) => height > first.height);
  if (fetched.length < blocks.length / 2)
    throw new Error("the new node had caught up before it could be watched");
  const sum = (pick: (block: BlockSummary) => number): number =>
    fetched.reduce((total, block) => total + pick(block), 0) / seconds;
  return [
    { name: `${TITLE}: a new node catches up`, value: fetched.length / seconds, unit: "blocks/s" },
    {
      name: `${TITLE}: a new node catches up, bytes`,
      value: sum(({ sizeBytes }) => sizeBytes) / 1e6,
      unit: "MB/s",
    },
    {
      name: `${TITLE}: a new node catches up, transfers`,
      value: sum(({ statements }) => statements),
      unit: "/s",
      limit: { name: `${TITLE}: transfers`, value: liveRate },
      aim: { atLeast: AIM_CATCH_UP * liveRate },
    },
  ];
}

/** Until the node says that it is at this height, or above. */
async function watchHeight(node: NodeProcess, target: number): Promise<{ height: number; atMs: number }> {
  for (;;) {
    const status = await node.client.getStatus().catch(() => undefined);
    const atMs = performance.now();
    if (status !== undefined && status.height >= target) return { height: status.height, atMs };
    if (!node.isRunning) throw new Error(node.tellLog());
    await sleep(POLL_MS);
  }
}

async function readBlocks(client: Client, upTo: number): Promise<BlockSummary[]> {
  const blocks: BlockSummary[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await client.listBlocks({ limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    blocks.push(...page.items.filter(({ height }) => height <= upTo));
    cursor = page.next;
    if (cursor === undefined) return blocks;
  }
}
