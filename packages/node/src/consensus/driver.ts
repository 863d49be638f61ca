/**
 * Drives the core of one validator, or of an observer: gives it one input at a time, has its votes signed, carries its effects out in
 * order and lets nothing overtake a `persist`.
 */
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { ConsensusSigner } from "../signer/consensus-signer.ts";
import type { CoreConfig, CoreState, Effect, Input, Received } from "./dbft/core.ts";
import { createState, step } from "./dbft/step.ts";
import type { VoteStore } from "./vote-store.ts";

export interface DriverParts {
  /** Undefined: an observer. */
  readonly signer: ConsensusSigner | undefined;
  /** Signs elsewhere: its signatures are not there at once. */
  readonly isRemote: boolean;
  readonly core: Omit<CoreConfig, "consensusKey" | "signing">;
  readonly verify: CoreConfig["signing"]["verify"];
  readonly votes: VoteStore;
  /** Hears every effect but `persist` and `set-timer`, in order. */
  readonly carryOut: (driver: Driver, effect: DrivenEffect) => void;
  readonly onFatal: (error: unknown) => void;
  readonly log: (level: "debug" | "warn", fields: object, message: string) => void;
}

export type DrivenEffect = Exclude<Effect, { kind: "persist" } | { kind: "set-timer" }>;
export type Outcome = Received | "unheard";

interface Waiting {
  readonly input: Input;
  readonly answer: ((outcome: Outcome) => void) | undefined;
  attempts: number;
}

/** A signature that has to be fetched: the step is undone and taken again with it. */
class SignaturePending extends Error {
  readonly signed: Uint8Array;
  constructor(signed: Uint8Array) {
    super("a signature is on its way");
    this.signed = signed;
  }
}

/** A signer that does not answer must not make inputs pile up. */
const WAITING_MAX = 2_000;
const RETRY_MS = 250;
const ATTEMPTS_MAX = 40;

/** Guards that inputs are stepped one by one and effects leave in order, behind the votes they depend on. */
export class Driver {
  readonly key: Uint8Array | undefined;
  state: CoreState = createState();
  private readonly parts: DriverParts;
  private readonly config: CoreConfig;
  private readonly signatures = new Map<string, Uint8Array>();
  private readonly waiting: Waiting[] = [];
  private isStepping = false;
  private readonly pending: Exclude<Effect, { kind: "set-timer" }>[] = [];
  private isRunning = false;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(parts: DriverParts) {
    this.parts = parts;
    this.key = parts.signer?.publicKey;
    const sign = (message: Uint8Array): Uint8Array => this.signNow(message);
    this.config = { ...parts.core, consensusKey: this.key, signing: { sign, verify: parts.verify } };
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /** Takes an input; `answer` hears what became of a message. Messages beyond the bound are lost, as on a bad line. */
  feed(input: Input, answer?: (outcome: Outcome) => void): void {
    if (this.isStopped || (input.kind === "message" && this.waiting.length >= WAITING_MAX)) {
      answer?.("unheard");
      return;
    }
    this.waiting.push({ input, answer, attempts: 0 });
    this.stepAll();
  }

  private stepAll(): void {
    if (this.isStepping) return;
    this.isStepping = true;
    for (;;) {
      const next = this.isStopped ? undefined : this.waiting.shift();
      if (next === undefined) break;
      const missing = this.stepOnce(next);
      if (missing === undefined) continue;
      // Nothing else is stepped until the signature is there: the inputs keep their order.
      this.fetchSignature(missing, next);
      return;
    }
    this.isStepping = false;
  }

  /** Returns what has to be signed first, having changed nothing. */
  private stepOnce({ input, answer }: Waiting): Uint8Array | undefined {
    const before = this.parts.isRemote ? structuredClone(this.state) : this.state;
    try {
      const { state, effects, received } = step(this.config, this.state, input);
      this.state = state;
      this.signatures.clear();
      for (const effect of effects) {
        if (effect.kind === "set-timer") this.setTimer(effect.atMs);
        else this.pending.push(effect);
      }
      answer?.(received ?? "dropped");
    } catch (error) {
      if (!(error instanceof SignaturePending)) throw error;
      this.state = before;
      return error.signed;
    }
    if (!this.isRunning) this.runEffects().catch(this.parts.onFatal);
    return undefined;
  }

  private signNow(message: Uint8Array): Uint8Array {
    const { signer } = this.parts;
    if (signer === undefined) throw new Error("an observer signs nothing");
    const known = this.signatures.get(toHex(message));
    if (known !== undefined) return known;
    if (this.parts.isRemote) throw new SignaturePending(message);
    return signer.sign(message) as Uint8Array;
  }

  private fetchSignature(message: Uint8Array, next: Waiting): void {
    Promise.resolve(this.parts.signer!.sign(message)).then(
      (signature) => {
        this.signatures.set(toHex(message), signature);
        this.waiting.unshift(next);
        this.goOn();
      },
      (error) => {
        this.parts.log("warn", { error: String(error) }, "the signer does not sign");
        this.takeLater(next, error);
      },
    );
  }

  /**
   * Without a signature a message is lost, as on a bad line; what this process has to say is said again a little later. A height is not
   * begun without what it begins with: the votes that were cast in it before a restart.
   */
  private takeLater(next: Waiting, error: unknown): void {
    const isRefused = error instanceof LhgError && error.code === "signer.refused";
    const { input } = next;
    next.attempts += 1;
    const isGivenUp = input.kind === "message" || isRefused || next.attempts > ATTEMPTS_MAX;
    if (isGivenUp && input.kind !== "start-height") {
      next.answer?.("dropped");
      if (input.kind === "timer") this.setTimer(performance.now() + RETRY_MS);
      this.goOn();
      return;
    }
    const again = { ...next, input: { ...input, nowMs: performance.now() + RETRY_MS } };
    if (input.kind !== "start-height") this.goOn();
    setTimeout(() => {
      if (input.kind === "start-height") {
        this.waiting.unshift(again);
        this.goOn();
      } else {
        this.waiting.push(again);
        this.stepAll();
      }
    }, RETRY_MS).unref();
  }

  private goOn(): void {
    this.isStepping = false;
    this.stepAll();
  }

  private setTimer(atMs: number | undefined): void {
    clearTimeout(this.timer);
    if (atMs === undefined || this.isStopped) return;
    const waitMs = Math.max(0, atMs - performance.now());
    this.timer = setTimeout(() => this.feed({ kind: "timer", nowMs: performance.now() }), waitMs);
  }

  private async runEffects(): Promise<void> {
    this.isRunning = true;
    try {
      for (;;) {
        const effect = this.pending.shift();
        if (effect === undefined || this.isStopped) return;
        if (effect.kind === "persist") await this.parts.votes.persist(this.key!, effect.durable);
        else this.parts.carryOut(this, effect);
      }
    } finally {
      this.isRunning = false;
    }
  }
}
