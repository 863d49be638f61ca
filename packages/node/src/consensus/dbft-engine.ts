/**
 * The dBFT engine of a process: drives the cores of its validators, or of one observer, over one application. Validators of one process
 * hand messages to each other by reference; those of other processes are reached over the gossip. Only the execution of a decided block
 * is done once, because one machine is one failure domain anyway.
 */
import {
  type Certificate,
  certificate as certificateCodec,
  verifyCertificate,
} from "@lhg/protocol/core/block/certificate";
import { evidence as evidenceCodec } from "@lhg/protocol/core/block/evidence";
import { hashHeader } from "@lhg/protocol/core/block/header";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import { EPOCH } from "@lhg/protocol/core/proof/anchor";
import type { ChainTip, CommitSummary, StatementInput } from "../application/port.ts";
import { checkLastCertificate, openCertificate, parentOf } from "../blocks/last-certificate.ts";
import { makeProposal, matchesBase, type OpenedProposal } from "../blocks/proposal.ts";
import { proposalOf, type WireBlock } from "../blocks/wire-block.ts";
import type { PeerId } from "../p2p/network.ts";
import type { ConsensusSigner } from "../signer/consensus-signer.ts";
import { createAheadBuffer } from "./ahead-buffer.ts";
import { type Candidate, Candidates } from "./candidates.ts";
import { createClockGuard } from "./clock-guard.ts";
import type { CoreConfig, Decision, Durable, Effect, Input } from "./dbft/core.ts";
import type { Message } from "./dbft/messages.ts";
import { type DrivenEffect, Driver, type Outcome } from "./driver.ts";
import type { Application, CommittedBlock, PeeredEngine, StatementSource } from "./engine.ts";
import { createEvidencePool, type EvidencePool } from "./evidence-pool.ts";
import type { ConsensusGossip, JoinConsensus } from "./gossip.ts";
import { rememberVerified } from "./verified-votes.ts";
import type { VoteStore } from "./vote-store.ts";

export interface EngineParts {
  readonly crypto: Crypto;
  readonly chainId: string;
  /** Consensus keys of the validators this process runs; none makes it an observer. */
  readonly signers: readonly ConsensusSigner[];
  /** Signatures come from elsewhere, not at once. */
  readonly hasRemoteSigner?: boolean;
  readonly application: Application;
  readonly source: StatementSource;
  readonly votes: VoteStore;
  /** A validator whose votes are not on record sits out what may have begun before; true where its key cannot have voted. */
  readonly votesWithoutRecord: boolean;
  readonly tip: ChainTip;
  /** Certificate of the head; null before the first block. */
  readonly headCertificate: Uint8Array | null;
  readonly baseTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly blockStatementsMax: number;
  /** Reaches the validators of other processes; undefined where there are none. */
  readonly joinConsensus?: JoinConsensus;
  /** Others speak of this height: this node may have to catch up. */
  readonly noteAhead?: (height: number) => void;
  /** Hears of every committed block before the next height begins. */
  readonly onCommitted: (block: CommittedBlock, summary: CommitSummary) => Promise<void>;
  readonly onViewChange?: (change: { readonly height: number; readonly view: number }) => void;
  readonly onInvalidMessage?: () => void;
  readonly onFatal: (error: unknown) => void;
  readonly log: (level: "debug" | "warn", fields: object, message: string) => void;
}

const MAX_DRIFT_MS = 10_000;
/** The node is just executing, as a rule; only after this it is behind. */
const AHEAD_PATIENCE_MS = 500;

type Task = () => void;

/** Guards that a height is executed and committed once, and that no validator acts between decision and commit. */
class DbftEngine implements PeeredEngine {
  tip: ChainTip;
  private readonly parts: EngineParts;
  private readonly clock = createClockGuard(Date.now(), performance.now());
  private readonly drivers: readonly Driver[];
  private readonly candidates: Candidates;
  private headCertificate: Uint8Array | null;
  /** Validators without a record of their votes: what they find may be what they voted in before they lost it. */
  private readonly mute = new Set<Driver>();
  private readonly startedAtMs = Date.now();
  private readonly evidence: EvidencePool;
  private readonly tasks: Task[] = [];
  private isDraining = false;
  private committing: Promise<unknown> | undefined;
  private dueTimer: NodeJS.Timeout | undefined;
  private readonly ahead = createAheadBuffer();
  /** The last height of which others were found ahead. */
  private aheadOf = 0;
  private readonly gossip: ConsensusGossip | undefined;
  private isStopped = false;

  constructor(parts: EngineParts) {
    this.parts = parts;
    this.tip = parts.tip;
    this.headCertificate = parts.headCertificate;
    const { crypto, application, source, onFatal } = parts;
    this.evidence = createEvidencePool(crypto, application);
    this.candidates = new Candidates({ crypto, application, source, onFatal });
    const verify = rememberVerified(crypto);
    this.gossip = parts.joinConsensus?.({
      onMessage: (message, from, sizeBytes) => this.hear(message, from, sizeBytes),
      onEvidence: (encoded) => this.takeEvidence(encoded),
    });
    const core = this.configureCores();
    const signers: readonly (ConsensusSigner | undefined)[] =
      parts.signers.length === 0 ? [undefined] : parts.signers;
    this.drivers = signers.map((signer) => {
      const carryOut = (driver: Driver, effect: DrivenEffect): void => this.carryOut(driver, effect);
      const { votes, log, hasRemoteSigner: isRemote = false } = parts;
      return new Driver({ signer, isRemote, core, verify, votes, carryOut, onFatal, log });
    });
  }

  private configureCores(): Omit<CoreConfig, "consensusKey" | "signing"> {
    const { chainId, baseTimeoutMs, maxTimeoutMs, heartbeatMs } = this.parts;
    return {
      chainId,
      openProposal: (encoded) => {
        const opened = this.candidates.open(encoded);
        if (opened === undefined) return undefined;
        const { height, timeMs, parent } = opened.header;
        return { blockHash: opened.blockHash, height, timeMs, parentHash: parent };
      },
      baseTimeoutMs,
      maxTimeoutMs,
      heartbeatMs,
      maxDriftMs: MAX_DRIFT_MS,
    };
  }

  /** No block is committed without. */
  get certifiedHeight(): number {
    return this.tip.head.height;
  }

  start(): void {
    const { votes, votesWithoutRecord, log } = this.parts;
    for (const driver of this.drivers) {
      const durable = driver.key && votes.load(driver.key);
      if (driver.key !== undefined && durable === undefined && !votesWithoutRecord) {
        this.mute.add(driver);
        log("warn", {}, "no votes are on record: heights that may have begun before are sat out");
      }
      this.startHeight(driver, { durable });
    }
    this.armDueTimer();
  }

  /**
   * Whether a validator must not vote at this height, as it may have done so before it lost its record. It may where the height began after the
   * process did, and at the first height: there is no chain yet, or it comes from peers before the vote is worth anything. Only a first block
   * that was made while this process ran is the beginning of a chain; an older one proves nothing, whoever repeats its votes.
   */
  private sitsOut(driver: Driver): boolean {
    const { base, head } = this.tip;
    if (!this.mute.has(driver)) return false;
    if (head.timeMs > this.startedAtMs + MAX_DRIFT_MS) this.mute.delete(driver);
    return this.mute.has(driver) && base.height > 1;
  }

  /** A chain has begun: its validators have a record from here on. From view N on a first block takes the time of genesis. */
  private noteBeginning({ height, timeMs }: OpenedProposal["header"], genesisMs: number): void {
    const isNew = timeMs + MAX_DRIFT_MS >= this.startedAtMs || timeMs === genesisMs + 1;
    if (height === 1 && isNew) this.mute.clear();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.dueTimer);
    for (const driver of this.drivers) driver.stop();
    for (const { answer } of this.ahead.takeAll()) answer("unheard");
    await this.committing;
  }

  noteWork(): void {
    for (const driver of this.drivers) this.feed(driver, { kind: "work", nowMs: performance.now() });
  }

  private hasWork(): boolean {
    const { isUnproven, nextDueMs } = this.tip;
    const isDue = nextDueMs !== undefined && nextDueMs <= Date.now();
    return isUnproven || isDue || this.evidence.size > 0 || this.parts.source.hasReady();
  }

  private startHeight(driver: Driver, restart?: { readonly durable: Durable | undefined }): void {
    const { base, head, validators } = this.tip;
    const sitsOut = this.sitsOut(driver);
    this.feed(driver, {
      kind: "start-height",
      nowMs: performance.now(),
      height: base.height,
      epoch: EPOCH,
      validators,
      parentHash: head.blockHash,
      parentTimeMs: head.timeMs,
      hasWork: this.hasWork(),
      ...(sitsOut ? { sitsOut } : {}),
      ...(restart !== undefined && driver.key !== undefined && !sitsOut ? { restart } : {}),
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

  private feed(driver: Driver, input: Input, answer?: (outcome: Outcome) => void): void {
    if (!this.isStopped) driver.feed(input, answer);
    else answer?.("unheard");
  }

  private carryOut(driver: Driver, effect: DrivenEffect): void {
    switch (effect.kind) {
      case "send":
        this.deliver(driver, effect);
        return;
      case "build-proposal":
        this.buildProposal(driver, effect);
        return;
      case "check-proposal":
        this.checkProposal(driver, effect);
        return;
      case "decide":
        this.decide(effect);
        return;
      case "evidence":
        this.shareEvidence(encode(evidenceCodec, effect.evidence));
        return;
      case "ahead":
        if (effect.height > this.tip.base.height + 1) this.parts.noteAhead?.(effect.height);
        return;
      case "invalid":
        this.parts.onInvalidMessage?.();
        this.parts.log("debug", { reason: effect.reason }, "invalid consensus message");
        return;
      default:
        // Statements are obtained as soon as they are missed; stragglers ask for blocks by themselves.
        return;
    }
  }

  private deliver(from: Driver, { to, message }: Effect & { kind: "send" }): void {
    const { validators } = this.tip;
    for (const driver of this.drivers) {
      if (driver === from) continue;
      const index = validators.findIndex((entry) => driver.key && equalBytes(entry.consensusKey, driver.key));
      if (to === "all" || to.includes(index)) this.enqueue(() => this.feed(driver, messageInput(message)));
    }
    if (message.type === "change-view") this.noteViewChange(message.body.vote.view);
    this.gossip?.send(message);
  }

  private noteViewChange(view: number): void {
    const { height } = this.tip.base;
    this.parts.onViewChange?.({ height, view });
    // Nobody answers, it seems; or the others went on without this node.
    this.parts.noteAhead?.(height);
  }

  /** A message from another process: every validator of this one hears it. Says what it was to the first of them. */
  private hear(message: Message, from: PeerId, sizeBytes: number): Promise<Outcome> {
    return new Promise((resolve) => {
      const { height } = this.tip.base;
      if (message.body.height === height + 1) {
        if (this.ahead.keep({ message, from, sizeBytes, answer: resolve })) this.noteOneAhead(height);
        return;
      }
      for (const [i, driver] of this.drivers.entries())
        this.feed(driver, messageInput(message), i === 0 ? resolve : undefined);
    });
  }

  private noteOneAhead(height: number): void {
    if (this.aheadOf === height) return;
    this.aheadOf = height;
    setTimeout(() => {
      if (this.isOpen(height)) this.parts.noteAhead?.(height + 1);
    }, AHEAD_PATIENCE_MS).unref();
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
        this.parts.onFatal(error);
      } finally {
        this.isDraining = false;
      }
    });
  }

  private shareEvidence(encoded: Uint8Array): void {
    this.gossip?.sendEvidence(encoded);
    void this.takeEvidence(encoded);
  }

  /** True when it was new. */
  private async takeEvidence(encoded: Uint8Array): Promise<boolean> {
    const isNew = await this.evidence.take(encoded);
    if (isNew) this.noteWork();
    return isNew;
  }

  /** Whether the height is still to be decided. While its block is being committed, nothing more is executed on the one before. */
  private isOpen(height: number): boolean {
    return !this.isStopped && this.committing === undefined && height === this.tip.base.height;
  }

  private buildProposal(driver: Driver, effect: Effect & { kind: "build-proposal" }): void {
    const { base, head, limits, validators } = this.tip;
    if (!this.isOpen(effect.height)) return;
    const chosen = this.parts.source.select({
      statementsMax: Math.min(limits.blockStatementsMax, this.parts.blockStatementsMax),
      bytesMax: limits.blockSizeBytesMax,
    });
    const own = validators.find((entry) => driver.key && equalBytes(entry.consensusKey, driver.key))!;
    const proposal = makeProposal(this.parts.crypto, base, {
      proposer: own.operator,
      timeMs:
        effect.usesParentTime || !this.isClockSteady()
          ? head.timeMs + 1
          : Math.max(head.timeMs + 1, Date.now()),
      statements: chosen.map((entry) => entry.leafHash),
      lastCertificate: this.headCertificate,
      evidence: this.evidence.list(),
    });
    // Executed at once, while the others are still being told of it.
    this.candidates.judge(proposal, this.tip);
    const { height, view } = effect;
    this.feed(driver, { kind: "proposal-built", nowMs: performance.now(), height, view, proposal });
  }

  private isClockSteady(): boolean {
    const isSteady = this.clock.isSteady(Date.now(), performance.now());
    if (!isSteady)
      this.parts.log("warn", { wallMs: Date.now() }, "the clock has leapt; proposing the parent's time");
    return isSteady;
  }

  private checkProposal(driver: Driver, effect: Effect & { kind: "check-proposal" }): void {
    const { height, blockHash, proposal } = effect;
    if (!this.isOpen(height)) return;
    const answer = (verdict: "valid" | "bad" | "missing"): void =>
      this.enqueue(() =>
        this.feed(driver, {
          kind: "proposal-checked",
          nowMs: performance.now(),
          height,
          blockHash,
          verdict,
        }),
      );
    const judgement = this.candidates.judge(proposal, this.tip);
    if (judgement.verdict === "valid") {
      const { block, executed } = judgement.candidate;
      // Evidence is judged where the validators of its height are known; it is rare, so the vote waits for that.
      if (block.evidence.length === 0) answer("valid");
      else void executed.then((isSound) => answer(isSound ? "valid" : "bad"));
      return;
    }
    answer(judgement.verdict);
    if (judgement.verdict === "bad") {
      this.parts.log("warn", { height, reason: judgement.reason }, "a bad proposal");
      return;
    }
    const isWanted = (): boolean => this.isOpen(height);
    void this.parts.source.obtain(judgement.leafHashes, isWanted).then((obtained) => {
      if (!isWanted()) return;
      if (obtained === "invalid") answer("bad");
      else if (obtained === "obtained") this.checkProposal(driver, effect);
    }, this.parts.onFatal);
  }

  private decide(decision: Decision & { height: number }): void {
    const { height, certificate } = decision;
    if (!this.isOpen(height)) return;
    const candidate = this.findDecided(decision);
    if (candidate === undefined) {
      // Decided without all that it decides: the block comes from a peer, unless its statements come first.
      this.parts.noteAhead?.(height + 1);
      return;
    }
    const encoded = encode(certificateCodec, certificate);
    void this.exclusively(() => this.commit(candidate, encoded, certificate));
  }

  private findDecided(decision: Decision & { height: number }): Candidate | undefined {
    const { blockHash, proposal } = decision;
    const known = this.candidates.find(blockHash);
    if (known !== undefined || proposal === undefined) return known;
    const judgement = this.candidates.judge(proposal, this.tip);
    if (judgement.verdict === "valid") return judgement.candidate;
    assertInvariant(judgement.verdict === "missing", "a decided block is sound");
    const isWanted = (): boolean => this.isOpen(decision.height);
    void this.parts.source.obtain(judgement.leafHashes, isWanted).then((obtained) => {
      if (obtained === "obtained") this.decide(decision);
    }, this.parts.onFatal);
    return undefined;
  }

  async applyBlock(block: WireBlock, statements: readonly StatementInput[]): Promise<boolean> {
    while (this.committing !== undefined) await this.committing;
    const { header, certificate } = block;
    if (this.isStopped || header.height !== this.tip.base.height) return false;
    const { crypto, chainId } = this.parts;
    const { height } = header;
    const blockHash = hashHeader(crypto, header);
    const opened = openCertificate(certificate, "block.certificate");
    verifyCertificate(crypto, { chainId, epoch: EPOCH, height }, blockHash, opened, this.tip.validators);
    const proposal = proposalOf(crypto, block, statements);
    if (proposal === undefined || !matchesBase(header, this.tip.base))
      throw new LhgError("block.header", "is not the header that follows from the chain", "block.header");
    checkLastCertificate(crypto, parentOf(this.tip), block.lastCertificate);
    return this.exclusively(async () => {
      const candidate = this.candidates.find(blockHash) ?? this.candidates.adopt(proposal, statements);
      await this.commit(candidate, certificate, opened);
    });
  }

  /** One decided block at a time. Resolves with whether the height was decided; an error in it is fatal. */
  private async exclusively(work: () => Promise<void>): Promise<boolean> {
    const { height } = this.tip.base;
    const running = work().catch((error) => {
      this.isStopped = true;
      this.parts.onFatal(error);
    });
    this.committing = running;
    await running;
    this.committing = undefined;
    const isDecided = this.tip.base.height > height;
    if (isDecided && !this.isStopped) this.startNextHeight();
    return isDecided;
  }

  private async commit(candidate: Candidate, encoded: Uint8Array, certificate: Certificate): Promise<void> {
    const { application } = this.parts;
    // Of several proposals of one height the application keeps the one executed last.
    await application.execute(candidate.block);
    const summary = await application.commit(candidate.proposal.blockHash, encoded);
    this.noteBeginning(candidate.proposal.header, this.tip.head.timeMs);
    this.tip = summary.tip;
    this.headCertificate = encoded;
    this.candidates.clear();
    await this.evidence.review();
    const { header, evidence } = candidate.proposal;
    await this.parts.onCommitted({ header, certificate, evidence }, summary);
  }

  private startNextHeight(): void {
    this.armDueTimer();
    for (const driver of this.drivers) this.startHeight(driver);
    for (const { message, from, sizeBytes, answer } of this.ahead.takeAll())
      void this.hear(message, from, sizeBytes).then(answer);
  }
}

function messageInput(message: Message): Input {
  return { kind: "message", nowMs: performance.now(), clockMs: Date.now(), message };
}

export function startDbftEngine(parts: EngineParts): PeeredEngine {
  const engine = new DbftEngine(parts);
  engine.start();
  return engine;
}
