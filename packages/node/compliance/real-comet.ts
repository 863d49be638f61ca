/** Driver: one validator under the real CometBFT, over a Unix socket. It is killed, and the power of the application goes, while work comes. */
import { join } from "node:path";
import { encodeCometCommit } from "@lhg/protocol/core/block/comet-commit";
import { encodeCometHeader } from "@lhg/protocol/core/block/comet-header";
import { ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import { createDisk } from "../e2e/memory-node.ts";
import { createRandom } from "../simulation/random.ts";
import { type AbciServer, startAbciServer } from "../src/consensus/comet/abci/server.ts";
import { writeCometHome } from "../src/consensus/comet/process/comet-home.ts";
import { connectCometRpc } from "../src/consensus/comet/process/comet-rpc.ts";
import { superviseComet } from "../src/consensus/comet/process/supervisor.ts";
import { atEnd, findPorts, makeFolder, planHome, until } from "../src/consensus/comet/process/testing.ts";
import { indexBlock } from "../src/queries/indexes.ts";
import type { SyncClock } from "../src/sync/sync-clock.ts";
import type { ReplicaRecord, RunRecord } from "./record.ts";
import { openReplicaLife, type ReplicaLife } from "./replica-life.ts";
import { createTraffic, type PowerChange } from "./traffic.ts";
import { createWatch } from "./watched-ledger.ts";
import { createWorld } from "./world.ts";

/** "application": its power goes, and CometBFT ends for want of it. */
export type RealCrash = "engine" | "application" | "both";

export interface RealRunOptions {
  readonly test: Parameters<typeof makeFolder>[0];
  readonly binary: string;
  /** Of what is sent; what CometBFT makes of it is its own. */
  readonly seed: number;
  readonly crashes: readonly RealCrash[];
}

/** Far more than any other has: the others are not there, and it must decide alone. */
const POWER = 1_000n;
const BLOCKS_BETWEEN = 3;
const FRAME_BYTES_MAX = 96 << 20;
const RETRY_MS = 20;
const END_MS_MAX = 3_000;

/** Pauses of the supervisor are a tenth. */
const HASTY: SyncClock = {
  nowMs: () => 10 * performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs / 10);
    return () => clearTimeout(timer);
  },
};

export interface RealRun extends RunRecord {
  /** How often CometBFT did not end by itself when its application was gone. */
  readonly hung: number;
}

export async function runRealComet({ test, binary, seed, crashes }: RealRunOptions): Promise<RealRun> {
  const random = createRandom(seed);
  const made = createWorld(random, { validators: 1, timeMs: Date.now() - 60_000, power: POWER });
  const traffic = createTraffic(made, random, { changesValidators: false });
  const { genesis, chainId, dev } = made;
  const folder = await makeFolder(test);
  const [rpcPort, p2pPort] = await findPorts(2);
  const path = join(folder, "abci.sock");
  const plan = planHome(join(folder, "comet"), {
    chainId,
    genesisTimeMs: genesis.timeMs,
    validators: genesis.validators.map(({ consensusKey, power }) => ({ consensusKey, power, name: "node0" })),
    consensusKey: dev.consensusKeys[0]!,
    abci: `unix://${path}`,
    rpc: `tcp://127.0.0.1:${rpcPort}`,
    p2p: `tcp://127.0.0.1:${p2pPort}`,
    blockBytesMax: genesis.parameters.blockSizeBytesMax,
  });
  await writeCometHome(plan);
  const rpc = connectCometRpc({ address: plan.rpc });
  atEnd(test, () => rpc.close());

  const watch = createWatch();
  const answers: ReplicaRecord["answers"][number][] = [];
  const disk = createDisk(seed);
  let hung = 0;
  let server: AbciServer | undefined;
  let life: ReplicaLife | undefined;

  async function openLife(): Promise<void> {
    watch.life = watch.starts.length;
    const opened = await openReplicaLife({
      world: made,
      disk,
      watch,
      random: createRandom(random.below(1 << 30)),
      fetchCertificate: async (height) => {
        const { header, commit } = await rpc.commit(BigInt(height));
        return { header: encodeCometHeader(header), commit: encodeCometCommit(commit) };
      },
      onFinalized: (height, answer) => answers.push({ height, answer }),
      blockStatementsMax: 100,
      broadcast: (transactions) => rpc.broadcastTxs(transactions),
    });
    const { life: number } = watch;
    server = await startAbciServer({
      address: { path },
      handler: opened.handler,
      frameBytesMax: FRAME_BYTES_MAX,
      log(level, fields, message) {
        if (level === "error" && life === opened)
          watch.violations.push(`life ${number}: ${message}: ${(fields as { err?: Error }).err?.stack}`);
      },
      onFatal: (error) => {
        if (life === opened) watch.violations.push(`life ${number}: ${(error as Error).stack}`);
      },
    });
    life = opened;
  }

  async function endLife(): Promise<void> {
    const ended = life!;
    life = undefined;
    ended.end();
    await server?.stop();
  }

  await openLife();
  atEnd(test, endLife);
  const engine = superviseComet({
    binary,
    home: plan.home,
    rpc: plan.rpc,
    clock: HASTY,
    log: () => {},
    onState: (state) => {
      // Its mempool is empty.
      if (state === "running") life?.offerAll();
    },
    onFatal: (error) => watch.violations.push(`CometBFT is given up: ${error.message}`),
  });
  atEnd(test, () => engine.stop());
  const heightOf = (): number => life?.ledger.head.height ?? 0;

  /** Sends until so many more blocks are there. */
  async function work(blocks: number): Promise<void> {
    const enough = heightOf() + blocks;
    await until(async () => {
      const { ledger } = life!;
      await life!.submit(traffic.draw(1 + random.below(5), ledger));
      // Whoever reaches the RPC may send this.
      await rpc.broadcastTxs(traffic.drawHostile(1 + random.below(4), ledger)).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      if (watch.violations.length > 0) throw new Error(watch.violations.join("\n"));
      return heightOf() >= enough;
    });
  }

  async function crash(kind: RealCrash): Promise<void> {
    const { pid } = engine;
    if (kind !== "application" && pid !== undefined) process.kill(pid, "SIGKILL");
    if (kind === "engine") return;
    await endLife();
    await openLife();
    if (kind === "application") await waitForEnd(pid);
  }

  /**
   * CometBFT ends where its application is gone. But a call that is queued just after its connection broke is never answered (socketClient.Flush
   * of v0.39.4), and the call of consensus waits for ever, and with it the stop of the node: only SIGKILL helps then.
   */
  async function waitForEnd(pid: number | undefined): Promise<void> {
    const endMs = performance.now() + END_MS_MAX;
    await until(() => engine.pid !== pid || performance.now() > endMs);
    if (pid === undefined || engine.pid !== pid) return;
    hung += 1;
    process.kill(pid, "SIGKILL");
  }

  await work(BLOCKS_BETWEEN);
  /** Joins, gains power and leaves; it never votes. */
  const powers = [1n, 2n, 0n];
  for (const [i, kind] of crashes.entries()) {
    const changes: PowerChange[] = [
      [0, POWER + BigInt(i + 1)],
      [1, powers[i % powers.length]!],
    ];
    await life!.submit([traffic.changeValidators(changes, life!.ledger)]);
    await new Promise((resolve) => setTimeout(resolve, random.below(100)));
    await crash(kind);
    await work(BLOCKS_BETWEEN);
  }
  const { ledger } = life!;
  // After the last work CometBFT makes one block more, for the app hash.
  await until(() => !life!.engine.tip.isUnproven && ledger.certifiedHeight === ledger.head.height);
  await engine.stop();
  const { starts, commits, told, violations } = watch;
  const replica: ReplicaRecord = { name: "node", starts, commits, told, violations, answers, ledger };
  return { engine: ENGINE_COMETBFT, world: made, indexBlock, replicas: [replica], hung };
}
