/**
 * The way in: verify, check against the state, write to the inbox log, then wait in the mempool. What is
 * acknowledged is on disk, and is submitted again after a crash until it is committed or finally refused.
 */
import { byteString, equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Refusal, SubmitResult } from "../api/service.ts";
import type { CheckVerdict, CommitSummary, StatementInput } from "../application/port.ts";
import type { LeafHashed } from "../blocks/leaf-hashed.ts";
import type { Obtained, StatementSource } from "../consensus/engine.ts";
import { EARLY, IN_FLIGHT, type Mempool, type MempoolEntry } from "../mempool/mempool.ts";
import type { InboxLog, InboxRecord } from "../store/inbox-log.ts";
import type { StatementSummary, VerifyVerdict } from "../threads/verify-worker.ts";
import { EXPIRED, entryOf, findTwin, pickRefusal, REPLACED, TOO_EARLY, type Verified } from "./answers.ts";
import { createKeptStatements, type KeptStatements } from "./kept-statements.ts";
import { type Fetched, obtainStatements } from "./obtain-statements.ts";
import { isOfStatement, splitBySize, withoutBody } from "./submissions.ts";

/** Refusals after acceptance are remembered for whoever asks, the newest of them. */
const REFUSALS_MAX = 100_000;
/** Waiting statements looked at again after a block. */
const RECHECK_MAX = 500;
/** What becomes durable at once, of what waited in memory. */
const PROMOTE_BYTES_MAX = 8 << 20;
const RECOVERY_BATCH = 512;
const RECOVERY_BATCH_BYTES = 16 << 20;

export interface IntakeParts {
  readonly mempool: Mempool;
  readonly inbox: Pick<InboxLog, "appendMany" | "markSettled" | "recover">;
  readonly verify: (submissions: readonly Uint8Array[]) => Promise<VerifyVerdict[]>;
  readonly check: (inputs: readonly Pick<StatementInput, "bytes" | "leafHash">[]) => Promise<CheckVerdict[]>;
  /** Whether this statement has an outcome on chain. */
  readonly isCommitted: (ids: readonly Uint8Array[]) => Promise<boolean[]>;
  readonly noteWork: () => void;
  /** Blocks come one upon the other, until this node has caught up: what waits is looked at after them. */
  readonly isBehind?: () => boolean;
  /** Where there are other nodes: they are told of what this one answers for, and asked for what it lacks. */
  readonly peers?: {
    /** Statements that are durable here; offered again while they wait. */
    offer(statements: readonly LeafHashed[]): void;
    /** The same of those that were offered before a restart. */
    remember(statements: readonly LeafHashed[]): void;
    /** Some of these statements from a peer that has them. */
    fetch(leafHashes: readonly Uint8Array[]): Promise<Fetched | undefined>;
  };
}

interface Taken {
  readonly verdicts: readonly VerifyVerdict[];
  readonly results: SubmitResult[];
  /** Accepted, and not known before. */
  readonly fresh: readonly LeafHashed[];
}

/** Guards that whatever is in the mempool was verified and is in the inbox log, until it is settled. */
export class Intake implements StatementSource {
  private readonly parts: IntakeParts;
  private readonly refusals = new Map<string, Refusal>();
  private readonly kept: KeptStatements;
  /** Blocks settled since the start. */
  private blocks = 0;
  /** Calls find their places in the order in which they came, however long their signatures took: who sends in order is not told of gaps. */
  private lastTurn: Promise<void> = Promise.resolve();
  private readonly underWay = new Set<Promise<unknown>>();
  private isStopped = false;

  constructor(parts: IntakeParts) {
    this.parts = parts;
    this.kept = createKeptStatements(parts.inbox);
  }

  /** One result for each submission, in the order given. What is accepted here is offered to the peers. */
  async submit(submissions: readonly Uint8Array[]): Promise<SubmitResult[]> {
    const { results, fresh } = await this.take(submissions, true);
    if (fresh.length > 0) this.parts.peers?.offer(fresh);
    return results;
  }

  /** Takes what a peer offers. Returns what of it is durable here now and was not before; undefined when the peer should not have passed it on. */
  async receive(submissions: readonly Uint8Array[]): Promise<readonly LeafHashed[] | undefined> {
    const { verdicts, fresh } = await this.take(submissions, false);
    return verdicts.every((verdict) => verdict.ok) ? fresh : undefined;
  }

  /** Takes what another engine's network passes on, with a result for each. */
  async receiveEach(submissions: readonly Uint8Array[]): Promise<SubmitResult[]> {
    return (await this.take(submissions, false)).results;
  }

  /** Whether this statement waits here, with the same bytes beside it. */
  isHeld(leafHash: Uint8Array, bytes: Uint8Array): boolean {
    const held = this.parts.mempool.getByLeafHash(leafHash);
    return held !== undefined && equalBytes(held.bytes, bytes);
  }

  /** Takes nothing more; resolves when what was under way has its answer. Later calls are refused with `node.stopping`. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.allSettled(this.underWay);
  }

  private async take(submissions: readonly Uint8Array[], isOwn: boolean): Promise<Taken> {
    if (this.isStopped) throw new LhgError("node.stopping", "the node stops: send it to another, or again");
    const taken = this.takeInTurn(submissions, isOwn);
    this.underWay.add(taken);
    try {
      return await taken;
    } finally {
      this.underWay.delete(taken);
    }
  }

  private async takeInTurn(submissions: readonly Uint8Array[], isOwn: boolean): Promise<Taken> {
    const before = this.lastTurn;
    const turn = Promise.withResolvers<void>();
    this.lastTurn = turn.promise;
    try {
      const verdicts = await this.parts.verify(submissions);
      const results = verdicts.map((verdict): SubmitResult | undefined =>
        verdict.ok ? undefined : { id: "", state: "refused", ...pickRefusal(verdict) },
      );
      await before;
      const { blocks } = this;
      const judged = await this.judge(submissions, verdicts, results, isOwn);
      const { due, early } = this.partByOrder(judged);
      for (const entry of early) results[entry.at] = this.keepEarly(entry);
      const placed = due.filter((entry) => this.place(entry, results));
      turn.resolve();
      if (placed.length > 0) await this.makeDurable(placed, results);
      // A block since the check may have been what they wait for, and the next one may be a heartbeat away.
      if (blocks !== this.blocks) await this.wakeAdmissible(judged.filter((entry) => !entry.isReady));
      await this.promote();
      if (judged.length > 0) this.parts.noteWork();
      const accepted = placed.filter(({ at }) => results[at]?.state === "accepted");
      return {
        verdicts,
        results: results.map((result, at) => result ?? findTwin(verdicts, results, at)),
        fresh: accepted.map(({ bytes, summary }) => ({ bytes, leafHash: summary.leafHash })),
      };
    } finally {
      turn.resolve();
    }
  }

  /** What is admissible, or follows in its lane on what is: that is acknowledged. The rest came too early. */
  private partByOrder(judged: readonly Verified[]): { due: Verified[]; early: Verified[] } {
    const placeOf = ({ account, stream }: StatementSummary, sequence: number): string =>
      `${byteString(account)}/${stream}/${sequence}`;
    const taken = new Set<string>();
    const due: Verified[] = [];
    const early: Verified[] = [];
    for (const entry of judged) {
      const { summary } = entry;
      const follows =
        taken.has(placeOf(summary, summary.sequence - 1)) || this.parts.mempool.followsReady(summary);
      if (!entry.isReady && !follows) early.push(entry);
      else {
        due.push(entry);
        taken.add(placeOf(summary, summary.sequence));
      }
    }
    return { due, early };
  }

  /**
   * Gives a statement its place in the mempool before it is written: what follows on it in another call is due
   * too. It is proposed only once it is durable.
   */
  private place(entry: Verified, results: (SubmitResult | undefined)[]): boolean {
    const { mempool } = this.parts;
    const { id } = entry.summary;
    // The same statement in another call: its record will stand for both.
    if (mempool.isInFlight(id)) return true;
    // It may have come too early before: now it is promised.
    mempool.remove(id);
    try {
      const replaced = mempool.add(entryOf(entry, IN_FLIGHT), entry.isReady);
      if (replaced !== undefined) this.settle(replaced, REPLACED);
      return true;
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      results[entry.at] = { id: toHex(id), state: "not-yet", ...pickRefusal(error) };
      return false;
    }
  }

  private async makeDurable(
    placed: readonly Verified[],
    results: (SubmitResult | undefined)[],
  ): Promise<void> {
    const { mempool, inbox } = this.parts;
    let first: number;
    try {
      first = await inbox.appendMany(placed.map((entry) => entry.bytes));
    } catch (error) {
      for (const { summary } of placed) if (!mempool.isDurable(summary.id)) mempool.remove(summary.id);
      throw error;
    }
    for (const [i, { at, summary }] of placed.entries()) {
      if (mempool.isDurable(summary.id) || !mempool.setPosition(summary.id, first + i))
        inbox.markSettled(first + i);
      results[at] = { id: toHex(summary.id), state: "accepted" };
    }
  }

  /** Keeps for a while, in memory, what came too early. Nothing is promised: it is answered "not yet". */
  private keepEarly(entry: Verified): SubmitResult {
    const { mempool } = this.parts;
    const id = toHex(entry.summary.id);
    try {
      if (!mempool.has(entry.summary.id)) {
        const replaced = mempool.add(entryOf(entry, EARLY), false);
        if (replaced !== undefined) this.settle(replaced, REPLACED);
      }
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      return { id, state: "not-yet", ...pickRefusal(error) };
    }
    return { id, state: "not-yet", ...(entry.obstacle ?? TOO_EARLY) };
  }

  /** Sorts out what is refused now or known already; the rest is to be kept. */
  private async judge(
    submissions: readonly Uint8Array[],
    verdicts: readonly VerifyVerdict[],
    results: (SubmitResult | undefined)[],
    isOwn: boolean,
    isRecovery = false,
  ): Promise<Verified[]> {
    const seen = new Set<string>();
    const fresh: Omit<Verified, "isReady" | "obstacle" | "isOwn">[] = [];
    for (const [at, verdict] of verdicts.entries()) {
      if (!verdict.ok) continue;
      const { id } = verdict.summary;
      const name = byteString(id);
      if (seen.has(name)) continue;
      seen.add(name);
      if (this.parts.mempool.isDurable(id)) results[at] = { id: toHex(id), state: "accepted" };
      else fresh.push({ at, bytes: submissions[at]!, summary: verdict.summary });
    }
    if (fresh.length === 0) return [];
    const checks = await this.parts.check(
      fresh.map(({ bytes, summary }) => ({ bytes, leafHash: summary.leafHash })),
    );
    const refused = fresh.filter((_, i) => checks[i]!.verdict === "refused");
    const committed =
      refused.length === 0 ? [] : await this.parts.isCommitted(refused.map((entry) => entry.summary.id));
    for (const [i, entry] of refused.entries()) {
      const id = toHex(entry.summary.id);
      const check = checks[fresh.indexOf(entry)] as Refusal & CheckVerdict;
      // Sent again after it was committed: the sender asks for what it already has.
      results[entry.at] = committed[i]
        ? { id, state: "accepted" }
        : { id, state: "refused", ...pickRefusal(check) };
    }
    return fresh.flatMap((entry, i): Verified[] => {
      const check = checks[i]!;
      if (check.verdict === "refused") return [];
      const judged: Verified = {
        ...entry,
        isOwn,
        isReady: check.verdict === "admissible",
        obstacle: check.verdict === "admissible" ? undefined : pickRefusal(check),
      };
      // What was acknowledged before a restart is taken up whatever room there is.
      if (isRecovery) return [judged];
      const full = this.parts.mempool.findObstacle(entryOf(judged, 0));
      if (full === undefined) return [judged];
      results[entry.at] = { id: toHex(entry.summary.id), state: "not-yet", ...pickRefusal(full) };
      return [];
    });
  }

  /** Takes up a statement that was acknowledged before a restart. */
  private keep(entry: Verified, position: number): SubmitResult {
    const id = toHex(entry.summary.id);
    const { mempool, inbox } = this.parts;
    if (mempool.isDurable(entry.summary.id)) {
      inbox.markSettled(position);
      return { id, state: "accepted" };
    }
    try {
      const replaced = mempool.add(entryOf(entry, position), entry.isReady, true);
      if (replaced !== undefined) this.settle(replaced, REPLACED);
      return { id, state: "accepted" };
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      inbox.markSettled(position);
      return { id, state: "not-yet", ...pickRefusal(error) };
    }
  }

  private settle(entry: MempoolEntry, refusal: Refusal | undefined): void {
    if (entry.position >= 0) this.parts.inbox.markSettled(entry.position);
    this.kept.retire(entry.leafHash, entry.bytes);
    if (refusal !== undefined) this.rememberRefusal(toHex(entry.id), refusal);
  }

  private rememberRefusal(id: string, refusal: Refusal): void {
    this.refusals.set(id, refusal);
    if (this.refusals.size > REFUSALS_MAX) this.refusals.delete(this.refusals.keys().next().value!);
  }

  /** Takes up again what an earlier run had acknowledged. Returns how many statements wait. */
  async recover(): Promise<number> {
    let batch: InboxRecord[] = [];
    let batchBytes = 0;
    for await (const entry of this.parts.inbox.recover()) {
      batch.push(entry);
      batchBytes += entry.record.length;
      if (batch.length < RECOVERY_BATCH && batchBytes < RECOVERY_BATCH_BYTES) continue;
      await this.recoverBatch(batch);
      batch = [];
      batchBytes = 0;
    }
    if (batch.length > 0) await this.recoverBatch(batch);
    return this.parts.mempool.size;
  }

  private async recoverBatch(batch: readonly InboxRecord[]): Promise<void> {
    const submissions = batch.map((entry) => entry.record);
    const verdicts = await this.parts.verify(submissions);
    const results: (SubmitResult | undefined)[] = verdicts.map(() => undefined);
    const kept = new Map(
      (await this.judge(submissions, verdicts, results, true, true)).map((entry) => [entry.at, entry]),
    );
    for (const [at, { position, record }] of batch.entries()) {
      const entry = kept.get(at);
      const result = entry === undefined ? results[at] : this.keep(entry, position);
      if (entry === undefined) this.parts.inbox.markSettled(position);
      else this.parts.peers?.remember([{ bytes: record, leafHash: entry.summary.leafHash }]);
      if (result === undefined || result.state === "accepted") continue;
      const verdict = verdicts[at]!;
      if (verdict.ok) this.kept.retire(verdict.summary.leafHash, record);
      this.rememberRefusal(result.id, pickRefusal(result));
    }
  }

  /** Settles what a block decided, and looks again at what waits. */
  async settleBlock({ executed, skipped, tip }: CommitSummary): Promise<void> {
    const { mempool } = this.parts;
    this.kept.noteBlock();
    this.blocks += 1;
    for (const { id } of executed) {
      const entry = mempool.remove(id);
      if (entry !== undefined) this.settle(entry, undefined);
    }
    for (const { id, verdict } of skipped) {
      if (verdict.verdict === "not-yet") mempool.setReady(id, false);
      else {
        const entry = mempool.remove(id);
        if (entry !== undefined) this.settle(entry, pickRefusal(verdict));
      }
    }
    const { expired, forgotten } = mempool.removeExpired(tip.head.timeMs, performance.now());
    for (const entry of expired) this.settle(entry, EXPIRED);
    for (const entry of forgotten) this.settle(entry, undefined);
    if (this.parts.isBehind?.() === true) return;
    await this.recheckWaiting();
    await this.promote();
  }

  /** What came too early and is due now becomes durable: nothing is proposed that a crash could lose. */
  private async promote(): Promise<void> {
    const promotable = this.parts.mempool.listPromotable(PROMOTE_BYTES_MAX);
    if (promotable.length === 0) return;
    try {
      await this.secure(promotable);
    } catch (error) {
      // No room now; the next block or submission tries again.
      if (error instanceof LhgError) return;
      throw error;
    }
    this.parts.peers?.offer(promotable.filter((entry) => entry.isOwn));
  }

  /** Makes durable what waits in memory only, a portion at a time. Throws what the inbox log says, and leaves the rest as it was. */
  private async secure(entries: readonly MempoolEntry[]): Promise<void> {
    for (const portion of splitBySize(entries, PROMOTE_BYTES_MAX)) await this.securePortion(portion);
  }

  private async securePortion(entries: readonly MempoolEntry[]): Promise<void> {
    const { mempool, inbox } = this.parts;
    for (const { id } of entries) mempool.setPosition(id, IN_FLIGHT);
    let first: number;
    try {
      first = await inbox.appendMany(entries.map((entry) => entry.bytes));
    } catch (error) {
      for (const { id } of entries) mempool.setPosition(id, EARLY);
      throw error;
    }
    for (const [i, { id }] of entries.entries())
      if (!mempool.setPosition(id, first + i)) inbox.markSettled(first + i);
  }

  private async recheckWaiting(): Promise<void> {
    const waiting = this.parts.mempool.listWaiting(RECHECK_MAX);
    if (waiting.length === 0) return;
    // What else is known of them stays here: it would travel to the ledger's thread after every block.
    const checks = await this.parts.check(waiting.map(({ bytes, leafHash }) => ({ bytes, leafHash })));
    for (const [i, entry] of waiting.entries()) {
      const check = checks[i]!;
      if (check.verdict === "admissible") this.parts.mempool.setReady(entry.id, true);
      else if (check.verdict === "refused") {
        this.parts.mempool.remove(entry.id);
        this.settle(entry, pickRefusal(check));
      }
    }
  }

  /** Wakes those of the statements that the ledger would admit by now; to take one out is for the time between blocks. */
  private async wakeAdmissible(entries: readonly Verified[]): Promise<void> {
    if (entries.length === 0) return;
    const checks = await this.parts.check(
      entries.map(({ bytes, summary }) => ({ bytes, leafHash: summary.leafHash })),
    );
    for (const [i, { summary }] of entries.entries())
      if (checks[i]!.verdict === "admissible") this.parts.mempool.setReady(summary.id, true);
  }

  getRefusal(id: string): Refusal | undefined {
    return this.refusals.get(id);
  }

  hasReady(): boolean {
    return this.parts.mempool.hasReady();
  }

  select(limits: {
    readonly statementsMax: number;
    readonly bytesMax: number;
  }): { readonly leafHash: Uint8Array }[] {
    return this.parts.mempool.select(limits);
  }

  find(leafHash: Uint8Array): StatementInput | undefined {
    const waiting = this.parts.mempool.getByLeafHash(leafHash);
    const isDurable = waiting !== undefined && waiting.position >= 0;
    const bytes = isDurable ? waiting.bytes : this.kept.find(leafHash);
    return bytes === undefined ? undefined : { bytes, leafHash, isSignatureValid: true };
  }

  obtain(leafHashes: readonly Uint8Array[], isWanted: () => boolean): Promise<Obtained> {
    const { mempool, peers } = this.parts;
    return obtainStatements(
      {
        find: (leafHash) => this.find(leafHash),
        secure: async (missing) => {
          const entries = missing.map((leafHash) => mempool.getByLeafHash(leafHash));
          const early = entries.filter((entry) => entry?.position === EARLY) as MempoolEntry[];
          if (early.length > 0) await this.secure(early);
        },
        fetch: peers?.fetch,
        adopt: (fetched) => this.adopt(fetched),
        isWanted,
      },
      leafHashes,
    );
  }

  private async adopt({ statements, blame }: Fetched): Promise<boolean> {
    const { verdicts } = await this.take(
      statements.map((entry) => entry.bytes),
      false,
    );
    const refused = verdicts.flatMap((verdict) => (verdict.ok ? [] : [verdict]));
    if (refused.length > 0) {
      if (refused.some(isOfStatement)) return false;
      // The leaf hash covers the statement, not what stands beside it: that was the peer's to give. Is the statement itself sound?
      const bare = await this.parts.verify(statements.map((entry) => withoutBody(entry.bytes)));
      if (bare.some((verdict) => !verdict.ok && isOfStatement(verdict))) return false;
      blame();
    }
    const rest = statements.filter(({ leafHash }, i) => verdicts[i]!.ok && this.find(leafHash) === undefined);
    if (rest.length > 0) await this.kept.borrow(rest);
    return true;
  }

  pin(leafHashes: readonly Uint8Array[]): void {
    this.parts.mempool.pin(leafHashes);
  }
}
