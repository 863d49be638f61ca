/** A node of CometBFT as its application meets it: it dies at any point, and replays what it stored (internal/consensus/replay.go of CometBFT). */

import { hashValidators } from "@lhg/protocol/core/block/validator-set";
import { equalBytes } from "@lhg/protocol/core/bytes";
import type { Trust } from "@lhg/protocol/core/proof/anchor";
import { verifyValue } from "@lhg/protocol/core/proof/receipt";
import { createDisk, type Disk } from "../e2e/memory-node.ts";
import { createRandom, type Random } from "../simulation/random.ts";
import { nameSubmission } from "../src/blocks/leaf-hashed.ts";
import {
  CheckTxType,
  type Response,
  ResponseProcessProposal_ProposalStatus,
} from "../src/consensus/comet/abci/generated/abci_pb.ts";
import type { RequestInit } from "../src/consensus/comet/abci/testing.ts";
import { CODE_MALFORMED, CODE_NOT_YET, CODE_OK } from "../src/consensus/comet/comet-block.ts";
import type { Finalized } from "../src/consensus/comet/comet-engine.ts";
import { sodiumCrypto } from "../src/crypto/sodium.ts";
import { createCrashingStore } from "../src/store/memory-store.ts";
import { blockRequest, type FakeNetwork, type Proposal } from "./fake-network.ts";
import type { ReplicaRecord } from "./record.ts";
import { openReplicaLife, type ReplicaLife } from "./replica-life.ts";
import { passTurns } from "./thread.ts";
import { createWatch } from "./watched-ledger.ts";
import { foundingValidators, type World } from "./world.ts";

/** "engine": CometBFT dies, the application lives on. "power": both machines' power goes; CometBFT's own store is synced. */
export type CrashKind = "engine" | "power";

export interface CrashPlan {
  readonly kind: CrashKind;
  /** Turns of the event loop after the call was sent: it may be anywhere by then, or answered. */
  readonly afterTurns: number;
}

class Crash extends Error {
  readonly kind: CrashKind;

  constructor(kind: CrashKind) {
    super(`the ${kind} goes`);
    this.kind = kind;
  }
}

export interface FakeNodeParts {
  readonly world: World;
  readonly name: string;
  readonly network: FakeNetwork;
  readonly random: Random;
  /** Asked at every call that CometBFT's consensus makes, by node, height and method. */
  readonly planCrash: (call: string) => CrashPlan | undefined;
  readonly tell: (line: string) => void;
  /** A crash forgets the last commits as well. */
  readonly dropUnsynced: boolean;
}

type ValueOf<C extends Response["value"]["case"]> = Extract<Response["value"], { case: C }>["value"];

/** Guards what CometBFT keeps: it never forgets a block it decided, nor calls what the grammar of ABCI does not allow. */
export class FakeNode {
  readonly name: string;
  private readonly parts: FakeNodeParts;
  private readonly watch = createWatch();
  private readonly disk: Disk;
  private readonly answers: { height: number; answer: Finalized }[] = [];
  private life: ReplicaLife | undefined;
  private isConnected = false;
  /** Of CometBFT's block store, and of its own state. */
  private storeHeight = 0;
  private stateHeight = 0;
  /** Checks and questions under way. */
  private readonly beside = new Set<Promise<void>>();
  private waiting: (() => Promise<void>)[] = [];

  constructor(parts: FakeNodeParts) {
    this.parts = parts;
    this.name = parts.name;
    const seed = parts.random.below(1 << 30);
    const { dropUnsynced } = parts;
    this.disk = { ...createDisk(seed), ledger: createCrashingStore(seed, { dropUnsynced }) };
  }

  get height(): number {
    return this.stateHeight;
  }

  /** Of the running life. */
  get running(): ReplicaLife {
    return this.life!;
  }

  record(): ReplicaRecord {
    const { starts, commits, told, violations } = this.watch;
    const { name, answers } = this;
    return { name, starts, commits, told, violations, answers, ledger: this.running.ledger };
  }

  /** Opens the application and shakes hands, through whatever crashes come. */
  start(): Promise<void> {
    return this.untilDone(async () => {});
  }

  /** Follows the network up to this height. Proposals are those that it hears of before the last block is decided. */
  async goTo(height: number, proposals: readonly Proposal[] = []): Promise<void> {
    await this.untilDone(async () => {
      while (this.stateHeight < height) {
        const next = this.stateHeight + 1;
        if (next === height && this.storeHeight < next) await this.hear(proposals);
        this.storeHeight = Math.max(this.storeHeight, next);
        await this.apply(next);
      }
    });
  }

  /** Transactions for a block, as its own proposer asks for them. */
  async prepare(maxTxBytes: number): Promise<readonly Uint8Array[]> {
    let txs: readonly Uint8Array[] = [];
    await this.untilDone(async () => {
      const { network } = this.parts;
      const height = BigInt(network.height + 1);
      const request = { maxTxBytes: BigInt(maxTxBytes), txs: [], height };
      txs = (await this.call("prepareProposal", { case: "prepareProposal", value: request })).txs;
    });
    const sizeBytes = txs.reduce((sum, tx) => sum + tx.length + 1 + varintLength(tx.length), 0);
    if (sizeBytes > maxTxBytes) this.accuse(`PrepareProposal answers ${sizeBytes} of ${maxTxBytes} bytes`);
    return txs;
  }

  /** Is done at some time soon, beside whatever else goes on. */
  besides(task: (life: ReplicaLife) => Promise<void>): void {
    this.waiting.push(async () => {
      const { running } = this;
      await task(running);
    });
  }

  /** As the mempool asks. */
  check(tx: Uint8Array, type: CheckTxType = CheckTxType.NEW): void {
    this.besides(async (life) => {
      const answer = await life.ask({ case: "checkTx", value: { tx, type } });
      const { code } = readAnswer("checkTx", answer);
      const isMalformed = nameSubmission(sodiumCrypto, tx) === undefined;
      if (code > CODE_NOT_YET) this.accuse(`CheckTx answers ${code}`);
      if (isMalformed && code !== CODE_MALFORMED)
        this.accuse(`CheckTx answers ${code} to what is no statement`);
    });
  }

  /** Asks for a value, and verifies the answer as a stranger would. */
  query(partition: string, key: Uint8Array): void {
    this.besides(async (life) => {
      const path = Buffer.from(`/value/${partition}`);
      const answer = readAnswer("query", await life.ask({ case: "query", value: { path, data: key } }));
      if (answer.code !== CODE_OK) return;
      const proof = answer.proofOps!.ops[0]!.data;
      const { subject, anchor } = verifyValue(sodiumCrypto, this.trust(), proof);
      const isAsTold =
        equalBytes(subject.value ?? new Uint8Array(0), answer.value) &&
        BigInt(anchor.header.height) === answer.height + 1n;
      if (!isAsTold) this.accuse("Query answers what its proof does not show");
    });
  }

  /** Resolves when all that is committed is certified and nothing else is under way. */
  async settle(): Promise<void> {
    await this.untilDone(async () => {
      while (this.waiting.length > 0) this.startBesides();
      await Promise.all(this.beside);
      for (let turns = 0; this.running.engine.certifiedHeight < this.stateHeight; turns++) {
        if (turns > 20_000) return this.accuse("certificates do not follow");
        await passTurns(1);
      }
    });
  }

  /** Power goes once more, and everything is opened again. */
  async restart(): Promise<void> {
    this.die("power");
    await this.start();
  }

  private trust(): Trust {
    const { world } = this.parts;
    const validatorsHash = hashValidators(sodiumCrypto, foundingValidators(world));
    return { chainId: world.chainId, validatorsHash };
  }

  private accuse(problem: string): void {
    this.watch.violations.push(`${this.name}, height ${this.stateHeight}: ${problem}`);
  }

  private async untilDone(task: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        if (!this.isConnected) await this.connect();
        await task();
        return;
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        this.die(error.kind);
      }
    }
  }

  private die(kind: CrashKind): void {
    this.isConnected = false;
    // What the block store has, the state catches up with when CometBFT is back.
    if (kind === "engine") return;
    this.life?.end();
    this.life = undefined;
    this.beside.clear();
  }

  private async connect(): Promise<void> {
    const { parts, watch } = this;
    if (this.life === undefined) {
      watch.life = watch.starts.length;
      this.life = await openReplicaLife({
        world: parts.world,
        disk: this.disk,
        watch,
        random: createRandom(parts.random.below(1 << 30)),
        fetchCertificate: async (height) => {
          await passTurns(parts.random.below(4));
          return parts.network.certify(height);
        },
        onFinalized: (height, answer) => {
          this.answers.push({ height, answer });
          parts.network.noteAnswer(height, answer);
        },
        blockStatementsMax: 1 + parts.random.below(40),
      });
    }
    await this.shakeHands();
    this.isConnected = true;
  }

  /** Info, then whatever the application lacks. */
  private async shakeHands(): Promise<void> {
    const { network } = this.parts;
    const info = await this.call("info", {
      case: "info",
      value: { version: "0.39.4", abciVersion: "2.3.1" },
    });
    const height = Number(info.lastBlockHeight);
    if (height > this.storeHeight) return this.accuse(`Info says ${height}, beyond what was decided`);
    if (height === 0) {
      const { appHash } = await this.call("initChain", network.genesisRequest);
      network.noteGenesis(appHash);
    } else if (!equalBytes(info.lastBlockAppHash, network.appHashAt(height)))
      this.accuse(`Info names another app hash at height ${height}`);
    for (let next = height + 1; next <= this.storeHeight; next++) await this.apply(next);
    this.stateHeight = this.storeHeight;
  }

  private async hear(proposals: readonly Proposal[]): Promise<void> {
    const { random } = this.parts;
    for (const proposal of proposals) {
      // Once, never, or again after a replay of CometBFT's own log.
      for (let times = random.below(3); times > 0; times--) {
        const value = blockRequest(proposal);
        const { status } = await this.call("processProposal", { case: "processProposal", value });
        this.noteVerdict(proposal, status === ResponseProcessProposal_ProposalStatus.ACCEPT);
      }
    }
  }

  private noteVerdict(proposal: Proposal, isAccepted: boolean): void {
    const { verdicts } = proposal;
    verdicts.add(isAccepted);
    if (verdicts.size > 1) this.accuse(`ProcessProposal says yes and no of one proposal`);
    if (proposal.isOfApplication && !isAccepted)
      this.accuse("ProcessProposal rejects what PrepareProposal made");
  }

  private async apply(height: number): Promise<void> {
    const { network } = this.parts;
    const value = blockRequest(network.decidedAt(height));
    await this.call("finalizeBlock", { case: "finalizeBlock", value });
    await this.call("commit", { case: "commit", value: {} });
    const { head } = this.running.engine.tip;
    if (head.height !== height) this.accuse(`Commit leaves the engine at ${head.height}`);
    this.stateHeight = Math.max(this.stateHeight, height);
  }

  /** A call of consensus, which may be the last. */
  private async call<
    C extends "info" | "initChain" | "prepareProposal" | "processProposal" | "finalizeBlock" | "commit",
  >(name: C, request: RequestInit): Promise<ValueOf<C>> {
    const { random, planCrash, tell } = this.parts;
    while (this.waiting.length > 0 && random.chance(0.5)) this.startBesides();
    const call = `${name} at height ${this.stateHeight + 1}`;
    const plan = planCrash(`${this.name}, ${call}`);
    const answer = this.running.ask(request);
    if (plan === undefined) return readAnswer(name, await answer);
    answer.catch(() => {});
    tell(`${this.name}: the ${plan.kind} goes ${plan.afterTurns} turns into ${call}`);
    await passTurns(plan.afterTurns);
    throw new Crash(plan.kind);
  }

  private startBesides(): void {
    const { running } = this;
    const task = this.waiting.shift()!();
    const done: Promise<void> = task
      .catch((error: unknown) => {
        // Of a life that is over nobody waits for an answer.
        if (this.life === running) this.accuse(`a check or question failed: ${(error as Error).stack}`);
      })
      .then(() => void this.beside.delete(done));
    this.beside.add(done);
  }
}

function readAnswer<C extends Response["value"]["case"]>(name: C, answer: Response["value"]): ValueOf<C> {
  if (answer.case !== name) throw new Error(`${name} is answered with ${answer.case}`);
  return answer.value as ValueOf<C>;
}

function varintLength(value: number): number {
  return value < 128 ? 1 : 1 + varintLength(Math.floor(value / 128));
}
