/** Driver: LHG's own engine in this process, with all validators, over stores that lose power. */
import { ENGINE_DBFT } from "@lhg/protocol/core/proof/anchor";
import { crashDisk, createDisk, type MemoryNode, startMemoryNode } from "../e2e/memory-node.ts";
import { createRandom } from "../simulation/random.ts";
import type { RunRecord } from "./record.ts";
import { hashStore } from "./store-hash.ts";
import { passTurns } from "./thread.ts";
import { createTraffic } from "./traffic.ts";
import { createWatch, watchLedger } from "./watched-ledger.ts";
import { createWorld } from "./world.ts";

export interface DbftRunOptions {
  /** Of what is sent and when the power goes; the engine's own timers are real. */
  readonly seed: number;
  readonly lives: number;
}

const VALIDATORS = 4;
/** Of the event loop: some blocks are made meanwhile. */
const LIFE_TURNS_MAX = 80;
const BLOCKS_AT_END = 4;

export async function runDbft({ seed, lives }: DbftRunOptions): Promise<RunRecord> {
  const random = createRandom(seed);
  const world = createWorld(random, { validators: VALIDATORS, timeMs: Date.now() - 60_000 });
  const traffic = createTraffic(world, random);
  const disk = createDisk(seed);
  const watch = createWatch();

  async function start(): Promise<MemoryNode> {
    watch.life = watch.starts.length;
    const { life } = watch;
    const storeHash = await hashStore(disk.ledger.store);
    return await startMemoryNode({
      dev: world.dev,
      disk,
      wrap: (application, ledger) => {
        const watched = watchLedger(watch, ledger, storeHash);
        return {
          ...application,
          execute: async (block) => watched.execute(block),
          commit: (hash, certificate) => watched.commit(hash, certificate),
        };
      },
      onBlock: (height) => watch.told.push({ life, height }),
    });
  }

  /** Sends until `isOver`, whatever becomes of it. */
  async function send(node: MemoryNode, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const some = [
        ...traffic.draw(1 + random.below(5), node.application),
        ...traffic.drawHostile(random.below(3), node.application),
      ];
      await node.intake.submit(some).catch(() => []);
      await passTurns(random.below(20));
    }
  }

  for (let i = 0; i < lives; i++) {
    const node = await start();
    let isOver = false;
    const sending = send(node, () => isOver).catch(() => {});
    await passTurns(random.below(LIFE_TURNS_MAX));
    isOver = true;
    crashDisk(disk);
    node.engine.stop().catch(() => {});
    void sending;
  }
  const node = await start();
  const enough = node.application.head.height + BLOCKS_AT_END;
  await send(node, () => node.application.head.height >= enough);
  await node.engine.stop();
  const { starts, commits, told, violations } = watch;
  const replica = { name: "node", starts, commits, told, violations, answers: [], ledger: node.application };
  return { engine: ENGINE_DBFT, world, indexBlock: () => [], replicas: [replica] };
}
