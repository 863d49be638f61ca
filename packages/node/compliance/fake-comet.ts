/** Driver: a network of CometBFT's nodes that are not there, each walking the calls of ABCI over a real application, by seed. */

import { toHex } from "@lhg/protocol/core/bytes";
import { ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import { streamKey } from "@lhg/protocol/modules/collection/streams";
import { addressOf } from "../e2e/statements.ts";
import { createRandom, type Random } from "../simulation/random.ts";
import { CheckTxType } from "../src/consensus/comet/abci/generated/abci_pb.ts";
import { indexBlock } from "../src/queries/indexes.ts";
import { createFakeNetwork, drawMisbehaviours, type FakeNetwork, type Proposal } from "./fake-network.ts";
import { type CrashPlan, FakeNode } from "./fake-node.ts";
import type { RunRecord } from "./record.ts";
import { createTraffic, type Traffic } from "./traffic.ts";
import { createWorld, type World } from "./world.ts";

export interface FakeRunOptions {
  readonly seed: number;
  readonly heights: number;
  readonly nodes: number;
  /** Validators that misbehave: dBFT proves that in its own way, so its chain is another one then. */
  readonly withMisbehaviour: boolean;
  /** Of a call, named by node, height and method; by default some crash, by seed. */
  readonly planCrash?: (call: string) => CrashPlan | undefined;
}

export interface FakeRun extends RunRecord {
  readonly story: readonly string[];
}

const GENESIS_MS = 1_800_000_000_000;
const VALIDATORS = 4;
const ROUNDS_MAX = 3;
/** Turns after which every call was answered. */
const TURNS_MAX = 40;
const CRASH_CHANCE = 0.06;
const BLOCK_BYTES_MAX = 60_000;

interface Context {
  readonly options: FakeRunOptions;
  readonly world: World;
  readonly random: Random;
  readonly network: FakeNetwork;
  readonly nodes: readonly FakeNode[];
  readonly traffic: Traffic;
  readonly tell: (line: string) => void;
}

/** A seed gives the same run again. Throws an Error that ends with the story where a node stops; `checks.ts` judges the rest. */
export async function runFakeComet(options: FakeRunOptions): Promise<FakeRun> {
  const story: string[] = [];
  try {
    return { ...(await run(options, (line) => story.push(line))), story };
  } catch (error) {
    throw new Error(`seed ${options.seed} stopped:\n${story.join("\n")}`, { cause: error });
  }
}

async function run(options: FakeRunOptions, tell: (line: string) => void): Promise<RunRecord> {
  const random = createRandom(options.seed);
  const world = createWorld(random, { validators: VALIDATORS, timeMs: GENESIS_MS });
  const network = createFakeNetwork(world, random);
  const planByChance = (): CrashPlan | undefined =>
    random.chance(CRASH_CHANCE)
      ? { kind: random.chance(0.6) ? "power" : "engine", afterTurns: random.below(TURNS_MAX) }
      : undefined;
  const nodes = Array.from({ length: options.nodes }, (_, i) => {
    const planCrash = options.planCrash ?? planByChance;
    const dropUnsynced = random.chance(0.3);
    return new FakeNode({ world, name: `node ${i}`, network, random, planCrash, tell, dropUnsynced });
  });
  const traffic = createTraffic(world, random);
  const context = { options, world, random, network, nodes, traffic, tell };
  for (const node of nodes) await node.start();
  while (network.height < options.heights) await decideBlock(context);
  for (const node of nodes) await node.goTo(network.height);
  for (const node of nodes) await node.settle();
  for (const node of nodes) await node.restart();
  for (const node of nodes) await node.settle();
  return { engine: ENGINE_COMETBFT, world, indexBlock, replicas: nodes.map((node) => node.record()) };
}

/** The nodes that are up to date take part; some of them, one at least, take the block at once. */
async function decideBlock(context: Context): Promise<void> {
  const { random, network, nodes, tell } = context;
  const present = nodes.filter((node) => node.height === network.height);
  send(context, random.pick(present));
  const proposals: Proposal[] = [];
  for (let round = 0; round < 1 + random.below(ROUNDS_MAX); round++)
    proposals.push(await propose(context, round, random.pick(present)));
  // Proposals of rounds before may be heard of; the last one is decided, mostly.
  const decided = random.chance(0.8) ? proposals.at(-1)! : random.pick(proposals);
  const { height, round, txs, misbehaviours, header } = decided;
  tell(
    `block ${height}, round ${round} of ${proposals.length}: ${toHex(header.hash).slice(0, 8)}, ${txs.length} transactions, ${misbehaviours.length} misbehaviours`,
  );
  const first = random.pick(present);
  network.decide(decided);
  await first.goTo(height, proposals);
  // Who is away catches up by the blocks alone.
  for (const node of nodes)
    if (node !== first && random.chance(0.7)) {
      if (node.height === height - 1) await node.goTo(height, proposals);
      else await node.goTo(height);
    }
}

async function propose(context: Context, round: number, proposer: FakeNode): Promise<Proposal> {
  const { random, network, traffic, options } = context;
  const isOfApplication = random.chance(0.6);
  const txs = isOfApplication
    ? await proposer.prepare(1 + random.below(BLOCK_BYTES_MAX))
    : traffic.drawHostile(random.below(12), proposer.running.ledger);
  const misbehaviours =
    options.withMisbehaviour && random.chance(0.5) ? drawMisbehaviours(random, network) : [];
  return network.propose({ round, txs, misbehaviours, isOfApplication });
}

/** Statements reach some nodes by their API, some by CometBFT's mempool, some not at all. */
function send({ random, nodes, traffic, world }: Context, view: FakeNode): void {
  const { ledger } = view.running;
  for (const statement of traffic.draw(random.below(10), ledger))
    for (const node of nodes) {
      if (random.chance(0.5)) node.besides((life) => life.submit([statement]));
      if (random.chance(0.5)) node.check(statement);
      if (random.chance(0.2)) node.check(statement, CheckTxType.RECHECK);
    }
  for (const tx of traffic.drawHostile(random.below(4), ledger)) random.pick(nodes).check(tx);
  const vendor = toHex(addressOf(world.dev.vendors[0]!.key));
  random.pick(nodes).query(`vendor:${vendor}`, streamKey(addressOf(world.device), 0));
  random.pick(nodes).query(random.pick(["base", "items", "nothing"]), Uint8Array.of(random.below(256)));
}
