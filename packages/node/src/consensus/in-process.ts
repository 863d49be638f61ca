/**
 * dBFT validators of one process over one shared application: every validator runs its own core with its own
 * key and durable votes; only the execution of a decided block is done once, because one machine is one failure
 * domain anyway.
 */
import { certificate as certificateCodec } from "@lhg/protocol/core/block/certificate";
import { evidence as evidenceCodec } from "@lhg/protocol/core/block/evidence";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import type { Signer } from "@lhg/protocol/core/cose";
import { ALG_EDDSA, type Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { EPOCH } from "@lhg/protocol/core/proof/anchor";
import type { BlockToExecute, ChainTip, CommitSummary, StatementInput } from "../application/application.ts";
import { makeProposal, matchesBase, type OpenedProposal, openProposal } from "../blocks/proposal.ts";
import { createClockGuard } from "./clock-guard.ts";
import type { CoreConfig, CoreState, Decision, Effect, Input } from "./dbft/core.ts";
import { createState, step } from "./dbft/step.ts";
import type { Application, Engine, StatementSource } from "./engine.ts";
import type { VoteStore } from "./vote-store.ts";

export interface InProcessOptions {
  readonly crypto: Crypto;
  readonly chainId: string;
  /** Consensus keys of the validators this process runs. */
  readonly signers: readonly Signer[];
  readonly application: Application;
  readonly source: StatementSource;
  readonly votes: VoteStore;
  readonly tip: ChainTip;
  /** Certificate of the head; null before the first block. */
  readonly headCertificate: Uint8Array | null;
  readonly baseTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly blockStatementsMax: number;
  /** Hears of every committed block before the next height begins. */
  readonly onCommitted: (block: OpenedProposal, summary: CommitSummary) => Promise<void>;
  readonly onFatal: (error: unknown) => void;
  readonly log: (level: "debug" | "warn", fields: object, message: string) => void;
}

const MAX_DRIFT_MS = 10_000;
const TIMEOUT_MS_MAX = 60_000;
const EVIDENCE_PER_BLOCK_MAX = 16;
const VERIFIED_VOTES_MAX = 4096;

interface Member {
  readonly index: number;
  readonly config: CoreConfig;
  readonly key: Uint8Array;
  state: CoreState;
  readonly pending: Effect[];
  isRunning: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** A proposal of this height with the statements it names, on its way through the application. */
interface Candidate {
  readonly proposal: OpenedProposal;
  readonly block: BlockToExecute;
  /** False when its evidence does not hold; any other failure is fatal. */
  readonly executed: Promise<boolean>;
}

type Task = () => void;

/** Guards that a height is executed and committed once, and that no member acts between decision and commit. */
class InProcessEngine implements Engine {
  tip: ChainTip;
  private readonly options: InProcessOptions;
  private readonly clock = createClockGuard(Date.now(), performance.now());
  private readonly members: Member[];
  private readonly open: (encoded: Uint8Array) => OpenedProposal | undefined;
  private headCertificate: Uint8Array | null;
  /** Proposals seen at this height, with the statements they name. */
  private readonly candidates = new Map<string, Candidate>();
  private readonly evidence = new Map<string, Uint8Array>();
  private readonly tasks: Task[] = [];
  private isDraining = false;
  private committing: Promise<void> | undefined;
  private dueTimer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(options: InProcessOptions) {
    this.options = options;
    this.tip = options.tip;
    this.headCertificate = options.headCertificate;
    const verify = rememberVerified(options.crypto);
    this.open = rememberOpened(options.crypto);
    this.members = options.signers.map((signer, index) => ({
      index,
      key: signer.publicKey.bytes,
      state: createState(),
      pending: [],
      isRunning: false,
      timer: undefined,
      config: {
        chainId: options.chainId,
        consensusKey: signer.publicKey.bytes,
        signing: { sign: (message) => signer.sign(message), verify },
        openProposal: (encoded) => {
          const opened = this.open(encoded);
          if (opened === undefined) return undefined;
          const { height, timeMs, parent } = opened.header;
          return { blockHash: opened.blockHash, height, timeMs, parentHash: parent };
        },
        baseTimeoutMs: options.baseTimeoutMs,
        maxTimeoutMs: TIMEOUT_MS_MAX,
        heartbeatMs: options.heartbeatMs,
        maxDriftMs: MAX_DRIFT_MS,
      },
    }));
  }

  start(): void {
    for (const member of this.members)
      this.startHeight(member, { durable: this.options.votes.load(member.key) });
    this.armDueTimer();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.dueTimer);
    for (const member of this.members) clearTimeout(member.timer);
    await this.committing;
  }

  noteWork(): void {
    for (const member of this.members) this.feed(member, { kind: "work", nowMs: performance.now() });
  }

  private hasWork(): boolean {
    const { isUnproven, nextDueMs } = this.tip;
    const isDue = nextDueMs !== undefined && nextDueMs <= Date.now();
    return isUnproven || isDue || this.evidence.size > 0 || this.options.source.hasReady();
  }

  private startHeight(member: Member, restart?: { durable: ReturnType<VoteStore["load"]> }): void {
    const { base, head, validators } = this.tip;
    this.feed(member, {
      kind: "start-height",
      nowMs: performance.now(),
      height: base.height,
      epoch: EPOCH,
      validators,
      parentHash: head.blockHash,
      parentTimeMs: head.timeMs,
      hasWork: this.hasWork(),
      ...(restart === undefined ? {} : { restart }),
    });
  }

  /** Wakes the chain when the next action of the agenda is due. */
  private armDueTimer(): void {
    clearTimeout(this.dueTimer);
    const { nextDueMs } = this.tip;
    if (nextDueMs === undefined || this.isStopped) return;
    const waitMs = Math.min(Math.max(nextDueMs - Date.now(), 0), 0x7fffffff);
    this.dueTimer = setTimeout(() => this.noteWork(), waitMs);
  }

  private feed(member: Member, input: Input): void {
    if (this.isStopped) return;
    const { state, effects } = step(member.config, member.state, input);
    member.state = state;
    member.pending.push(...effects);
    if (!member.isRunning) this.runEffects(member).catch((error) => this.options.onFatal(error));
  }

  /** Carries effects out in order; nothing overtakes a `persist` that is being written. */
  private async runEffects(member: Member): Promise<void> {
    member.isRunning = true;
    try {
      for (;;) {
        const effect = member.pending.shift();
        if (effect === undefined || this.isStopped) return;
        if (effect.kind === "persist") await this.options.votes.persist(member.key, effect.durable);
        else this.carryOut(member, effect);
      }
    } finally {
      member.isRunning = false;
    }
  }

  private carryOut(member: Member, effect: Exclude<Effect, { kind: "persist" }>): void {
    if (effect.kind === "send") this.deliver(member, effect);
    else if (effect.kind === "set-timer") this.setTimer(member, effect.atMs);
    else if (effect.kind === "build-proposal") this.buildProposal(member, effect);
    else if (effect.kind === "check-proposal") this.checkProposal(member, effect);
    else if (effect.kind === "decide") this.decide(effect);
    else if (effect.kind === "evidence") this.keepEvidence(encode(evidenceCodec, effect.evidence));
    else if (effect.kind === "invalid")
      this.options.log("warn", { member: member.index, reason: effect.reason }, "invalid consensus message");
    // The rest can't arise: sharing one application, no member lags, runs ahead or lacks what the others have.
  }

  private keepEvidence(encoded: Uint8Array): void {
    if (this.evidence.size >= EVIDENCE_PER_BLOCK_MAX) return;
    this.evidence.set(toHex(this.options.crypto.sha256(encoded)), encoded);
    this.noteWork();
  }

  private deliver(from: Member, { to, message }: Effect & { kind: "send" }): void {
    const { validators } = this.tip;
    for (const member of this.members) {
      if (member === from) continue;
      const index = validators.findIndex((entry) => equalBytes(entry.consensusKey, member.key));
      if (to !== "all" && !to.includes(index)) continue;
      this.enqueue(() =>
        this.feed(member, { kind: "message", nowMs: performance.now(), clockMs: Date.now(), message }),
      );
    }
  }

  /** Messages are handed over one by one, never from within the step that sent them. */
  private enqueue(task: Task): void {
    this.tasks.push(task);
    if (this.isDraining) return;
    this.isDraining = true;
    queueMicrotask(() => {
      try {
        for (let next = this.tasks.shift(); next !== undefined; next = this.tasks.shift()) next();
      } catch (error) {
        this.options.onFatal(error);
      } finally {
        this.isDraining = false;
      }
    });
  }

  private setTimer(member: Member, atMs: number | undefined): void {
    clearTimeout(member.timer);
    if (atMs === undefined) return;
    const waitMs = Math.max(0, atMs - performance.now());
    member.timer = setTimeout(() => this.feed(member, { kind: "timer", nowMs: performance.now() }), waitMs);
  }

  private buildProposal(member: Member, effect: Effect & { kind: "build-proposal" }): void {
    const { base, head, limits, validators } = this.tip;
    if (effect.height !== base.height) return;
    const chosen = this.options.source.select({
      statementsMax: Math.min(limits.blockStatementsMax, this.options.blockStatementsMax),
      bytesMax: limits.blockSizeBytesMax,
    });
    const proposal = makeProposal(this.options.crypto, base, {
      proposer: validators.find((entry) => equalBytes(entry.consensusKey, member.key))!.operator,
      timeMs:
        effect.usesParentTime || !this.isClockSteady()
          ? head.timeMs + 1
          : Math.max(head.timeMs + 1, Date.now()),
      statements: chosen.map((entry) => entry.leafHash),
      lastCertificate: this.headCertificate,
      evidence: [...this.evidence.values()],
    });
    this.feed(member, {
      kind: "proposal-built",
      nowMs: performance.now(),
      height: effect.height,
      view: effect.view,
      proposal,
    });
  }

  private checkProposal(
    member: Member,
    { height, blockHash, proposal }: Effect & { kind: "check-proposal" },
  ): void {
    if (height !== this.tip.base.height) return;
    const answer = (isValid: boolean): void =>
      this.enqueue(() =>
        this.feed(member, {
          kind: "proposal-checked",
          nowMs: performance.now(),
          height,
          blockHash,
          verdict: isValid ? "valid" : "bad",
        }),
      );
    const candidate = this.takeCandidate(proposal);
    if (candidate === undefined || candidate.block.evidence.length === 0) answer(candidate !== undefined);
    // Evidence is judged where the validators of its height are known; it is rare, so the vote waits for that.
    else void candidate.executed.then(answer);
  }

  /** Opens a proposal once for all members and begins to execute it while its votes travel. */
  private takeCandidate(encoded: Uint8Array): Candidate | undefined {
    const proposal = this.open(encoded);
    if (proposal === undefined) return undefined;
    const name = toHex(proposal.blockHash);
    const known = this.candidates.get(name);
    if (known !== undefined) return known;
    if (!matchesBase(proposal.header, this.tip.base)) return undefined;
    const statements = proposal.statements.map((leafHash) => this.options.source.find(leafHash));
    if (new Set(proposal.statements.map(toHex)).size !== statements.length) return undefined;
    if (!statements.every((entry) => entry !== undefined)) return undefined;
    if (!this.isWithinLimits(proposal, statements)) return undefined;
    const { header, lastCertificate, evidence } = proposal;
    const block: BlockToExecute = { header, statements, lastCertificate, evidence };
    this.options.source.pin(
      [...this.candidates.values()].flatMap((entry) => entry.proposal.statements).concat(proposal.statements),
    );
    const executed = this.options.application.execute(block).then(
      () => true,
      (error) => {
        if (!(error instanceof LhgError) || evidence.length === 0) this.options.onFatal(error);
        return false;
      },
    );
    const candidate: Candidate = { proposal, block, executed };
    this.candidates.set(name, candidate);
    return candidate;
  }

  private isClockSteady(): boolean {
    const isSteady = this.clock.isSteady(Date.now(), performance.now());
    if (!isSteady)
      this.options.log("warn", { wallMs: Date.now() }, "the clock has leapt; proposing the parent's time");
    return isSteady;
  }

  private isWithinLimits({ header }: OpenedProposal, statements: readonly StatementInput[]): boolean {
    const { limits, validators } = this.tip;
    let sizeBytes = 0;
    for (const { bytes } of statements) sizeBytes += bytes.length;
    return (
      statements.length <= limits.blockStatementsMax &&
      sizeBytes <= limits.blockSizeBytesMax &&
      validators.some((entry) => equalBytes(entry.operator, header.proposer))
    );
  }

  private decide({ height, blockHash, certificate, proposal }: Decision & { height: number }): void {
    if (height !== this.tip.base.height || this.committing !== undefined) return;
    this.committing = this.commit(blockHash, encode(certificateCodec, certificate), proposal)
      .then(() => {
        this.committing = undefined;
        if (!this.isStopped) this.startNextHeight();
      })
      .catch((error) => {
        this.isStopped = true;
        this.options.onFatal(error);
      });
  }

  private async commit(
    blockHash: Uint8Array,
    certificate: Uint8Array,
    proposal: Uint8Array | undefined,
  ): Promise<void> {
    if (proposal !== undefined) this.takeCandidate(proposal);
    const candidate = this.candidates.get(toHex(blockHash));
    if (candidate === undefined) throw new Error(`decided block ${toHex(blockHash)} was never seen`);
    // Of several proposals of one height the application keeps the one executed last.
    await this.options.application.execute(candidate.block);
    const summary = await this.options.application.commit(blockHash, certificate);
    this.tip = summary.tip;
    this.headCertificate = certificate;
    this.candidates.clear();
    for (const encoded of candidate.proposal.evidence)
      this.evidence.delete(toHex(this.options.crypto.sha256(encoded)));
    this.options.source.pin([]);
    await this.options.onCommitted(candidate.proposal, summary);
  }

  private startNextHeight(): void {
    this.armDueTimer();
    for (const member of this.members) this.startHeight(member);
  }
}

/** Proposals reach every member in one buffer: each is opened once. */
function rememberOpened(crypto: Crypto): (encoded: Uint8Array) => OpenedProposal | undefined {
  const opened = new WeakMap<Uint8Array, OpenedProposal>();
  return (encoded) => {
    const known = opened.get(encoded);
    if (known !== undefined) return known;
    const proposal = openProposal(crypto, encoded);
    if (proposal !== undefined) opened.set(encoded, proposal);
    return proposal;
  };
}

/** Votes reach every member of the process: each signature is checked once, by all its bytes. */
function rememberVerified(crypto: Crypto): CoreConfig["signing"]["verify"] {
  const verified = new Map<string, boolean>();
  return (publicKey, message, signature) => {
    const name = `${toHex(crypto.sha256(message))}${toHex(signature)}${toHex(publicKey)}`;
    const known = verified.get(name);
    if (known !== undefined) return known;
    const isValid = crypto.verify({ alg: ALG_EDDSA, publicKey, message, signature });
    verified.set(name, isValid);
    if (verified.size > VERIFIED_VOTES_MAX) verified.delete(verified.keys().next().value!);
    return isValid;
  };
}

export function startInProcessEngine(options: InProcessOptions): Engine {
  const engine = new InProcessEngine(options);
  engine.start();
  return engine;
}
