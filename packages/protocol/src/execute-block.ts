/** Executes a block over the state: the one state transition. Pure: what it changes stands in an overlay. */
import { equalKeys, getAccount, setAccount } from "./core/accounts.ts";
import { nextDueMs } from "./core/agenda.ts";
import { computeBytesRoot } from "./core/block/header.ts";
import {
  computeNoticesRoot,
  computeTouchedRoot,
  type Outcome,
  outcome,
  sortTouched,
} from "./core/block/outcome.ts";
import { equalBytes } from "./core/bytes.ts";
import { encode } from "./core/codec/definition.ts";
import type { Sign1 } from "./core/cose.ts";
import type { Crypto } from "./core/crypto.ts";
import { assertInvariant } from "./core/errors.ts";
import { checkGenesis, computeChainId, type Genesis } from "./core/genesis.ts";
import { type BlockContext, Inadmissible, type StatementContext } from "./core/module.ts";
import type { Notice } from "./core/notice.ts";
import { getParameters } from "./core/parameters.ts";
import { StateOverlay } from "./core/state/overlay.ts";
import type { PartitionLogs, StateCommit, VersionedState } from "./core/state/versioned-state.ts";
import { STATUS, StatementFailure } from "./core/status.ts";
import { appendHistory } from "./history.ts";
import { executeMessage, initGenesis, MODULES } from "./ledger.ts";
import { chargeCollection, executeCollection } from "./modules/collection/collection.ts";
import type { Collection } from "./modules/collection/messages.ts";
import { acknowledgeCommands } from "./modules/command/command.ts";
import { getDevice } from "./modules/identity/devices.ts";
import { chargeFee, collectFees } from "./modules/token/token.ts";
import { chargeCapture, executeCapture } from "./modules/trace/capture.ts";
import { isRecorded, type Misbehaviour, recordMisbehaviour } from "./modules/validators/validators.ts";
import { type Failure, LogAppender } from "./partition-logs.ts";
import { admitStatement, computeGas, homeOf, type PreparedStatement } from "./statements.ts";

/** In UTF-16 units; the store bounds the text in bytes. */
const FAILURE_TEXT_MAX = 1_000;

/** A cut may part a surrogate pair, and half of one has no UTF-8. */
function cutText(text: string): string {
  return text.slice(0, FAILURE_TEXT_MAX).toWellFormed();
}

export interface CandidateStatement {
  readonly statement: PreparedStatement;
  /** Found by the node's verifiers under the one signature rule. */
  readonly isSignatureValid: boolean;
}

export interface BlockInput {
  readonly chainId: string;
  readonly height: number;
  readonly timeMs: number;
  readonly statements: readonly CandidateStatement[];
  /** What the block's evidence proves, verified by the node against the validators of its height. */
  readonly misbehaviours: readonly Misbehaviour[];
}

/** What became of one admitted statement of the block. */
export interface ExecutedStatement {
  readonly statement: PreparedStatement;
  readonly position: number;
  readonly outcome: Outcome;
  readonly notices: readonly Notice[];
  readonly touched: readonly Uint8Array[];
}

export interface SkippedStatement {
  readonly statement: PreparedStatement;
  readonly position: number;
  readonly reason: Inadmissible;
}

export interface BlockResult {
  /** Whether the block changed the state at all. */
  readonly isWorking: boolean;
  readonly executed: readonly ExecutedStatement[];
  readonly skipped: readonly SkippedStatement[];
  /** RFC 9162 root over the encoded outcomes, in order. */
  readonly resultsHash: Uint8Array;
  readonly overlay: StateOverlay;
  readonly commit: StateCommit;
}

/** Executes a block on top of `state`; committing the result is the caller's. */
export function executeBlock(crypto: Crypto, state: VersionedState, input: BlockInput): BlockResult {
  const overlay = new StateOverlay(state);
  const run = new BlockRun(crypto, state, overlay, input);
  const due = nextDueMs(overlay);
  if (due !== undefined && due <= input.timeMs) run.begin();
  for (const entry of input.misbehaviours) run.record(entry);
  for (const [position, candidate] of input.statements.entries()) run.offer(candidate, position);
  return run.finish();
}

/** The state of genesis, as version 0. Throws `genesis.*` when genesis contradicts itself. */
export function executeGenesis(crypto: Crypto, state: VersionedState, genesis: Genesis): StateCommit {
  checkGenesis(genesis);
  const overlay = new StateOverlay(state);
  initGenesis(
    {
      hasher: crypto,
      verifier: crypto,
      state: overlay,
      chainId: computeChainId(crypto, genesis),
      height: 0,
      timeMs: genesis.timeMs,
      parameters: genesis.parameters,
    },
    genesis,
  );
  return state.prepareCommit(overlay, [], 0);
}

/** Guards the order of a block: history and hooks before the first statement, hooks after the last. */
class BlockRun {
  private readonly crypto: Crypto;
  private readonly state: VersionedState;
  private readonly overlay: StateOverlay;
  private readonly input: BlockInput;
  private readonly logs: LogAppender;
  private readonly executed: ExecutedStatement[] = [];
  private readonly skipped: SkippedStatement[] = [];
  private readonly outcomes: Uint8Array[] = [];
  private context: BlockContext;
  private isWorking = false;
  private fees = 0n;

  constructor(crypto: Crypto, state: VersionedState, overlay: StateOverlay, input: BlockInput) {
    this.crypto = crypto;
    this.state = state;
    this.overlay = overlay;
    this.input = input;
    this.logs = new LogAppender(crypto, overlay, (partition) => state.getPartitionRecord(state, partition));
    this.context = this.makeContext();
  }

  private makeContext(): BlockContext {
    const { chainId, height, timeMs } = this.input;
    const parameters = getParameters(this.overlay);
    return {
      hasher: this.crypto,
      verifier: this.crypto,
      state: this.overlay,
      chainId,
      height,
      timeMs,
      parameters,
    };
  }

  begin(): void {
    if (this.isWorking) return;
    this.isWorking = true;
    appendHistory(this.context, this.state.getAppHash(this.input.height - 1));
    for (const module of MODULES) module.beginBlock?.(this.context);
    // Due actions may have changed the parameters.
    this.context = this.makeContext();
  }

  /** Evidence is work once: the same again changes nothing. */
  record(entry: Misbehaviour): void {
    if (isRecorded(this.overlay, entry)) return;
    this.begin();
    recordMisbehaviour(this.context, entry);
  }

  offer({ statement, isSignatureValid }: CandidateStatement, position: number): void {
    try {
      if (!isSignatureValid) throw new Inadmissible("statement.signature", "is wrong", "statement.signature");
      admitStatement(this.context, statement);
    } catch (reason) {
      if (!(reason instanceof Inadmissible)) throw reason;
      this.skipped.push({ statement, position, reason });
      return;
    }
    this.begin();
    this.execute(statement, position);
  }

  private execute(statement: PreparedStatement, position: number): void {
    const notices: Notice[] = [];
    const touched: Uint8Array[] = [];
    const context: StatementContext = {
      ...this.context,
      statementId: statement.id,
      statementLeafHash: statement.leafHash,
      emit: (module, kind, ...attributes) => notices.push({ module, kind, attributes }),
      touch: (itemKey) => touched.push(itemKey),
    };
    const home = homeOf(context, statement);
    assertInvariant(home !== undefined, "an admitted statement has a home");
    const { gasUsed, fee } = charge(context, statement);
    this.fees += fee;
    const checkpoint = this.overlay.checkpoint();
    let status: number = STATUS.ok;
    let failure: Failure | null = null;
    try {
      runStatement(context, statement);
    } catch (thrown) {
      if (!(thrown instanceof StatementFailure)) throw thrown;
      this.overlay.revert(checkpoint);
      status = STATUS[thrown.status];
      // The outcome commits the status alone: texts are for people, and rewording one must not fork the chain.
      failure = { field: cutText(thrown.field), message: cutText(thrown.message) };
      touched.length = 0;
      notices.length = 0;
    }
    const result: Outcome = {
      id: statement.id,
      statementLeafHash: statement.leafHash,
      status,
      gasUsed,
      noticesRoot: computeNoticesRoot(this.crypto, notices),
      touchedRoot: computeTouchedRoot(this.crypto, touched),
    };
    const encoded = encode(outcome, result, "outcome");
    const touchedKeys = sortTouched(touched);
    this.logs.append(home, statement, {
      height: this.input.height,
      position,
      outcome: encoded,
      notices,
      touched: touchedKeys,
      failure,
    });
    this.outcomes.push(encoded);
    this.executed.push({ statement, position, outcome: result, notices, touched: touchedKeys });
  }

  finish(): BlockResult {
    if (this.isWorking) {
      collectFees(this.overlay, this.fees);
      for (const module of MODULES) module.endBlock?.(this.context);
    }
    const logs: PartitionLogs[] = this.logs.finish();
    return {
      isWorking: this.isWorking,
      executed: this.executed,
      skipped: this.skipped,
      resultsHash: computeBytesRoot(this.crypto, this.outcomes),
      overlay: this.overlay,
      commit: this.state.prepareCommit(this.overlay, logs, this.input.height),
    };
  }
}

/** Takes what a statement costs whether it succeeds or not. */
function charge(context: StatementContext, statement: PreparedStatement): { gasUsed: number; fee: bigint } {
  if (statement.kind === "collection") {
    chargeCollection(context, statement.payload, statement.sizeBytes);
    return { gasUsed: 0, fee: 0n };
  }
  if (statement.kind === "capture") {
    chargeCapture(context, statement.payload, statement.submission.body!);
    return { gasUsed: 0, fee: 0n };
  }
  const { sender, payer, gasPrice } = statement.payload;
  const held = getAccount(context.state, sender);
  setAccount(context.state, sender, { ...held, nonce: held.nonce + 1 });
  const gasUsed = computeGas(context.parameters, statement);
  const fee = BigInt(gasUsed) * gasPrice;
  chargeFee(context.state, payer, sender, fee, !equalBytes(payer, sender));
  return { gasUsed, fee };
}

function runStatement(context: StatementContext, statement: PreparedStatement): void {
  const { sign1, submission } = statement;
  if (statement.kind === "transaction") runTransaction(context, statement);
  else if (statement.kind === "collection") runCollection(context, sign1, statement.payload);
  else executeCapture(context, statement.payload, sign1.key, submission.body!);
}

function runCollection(context: StatementContext, { key }: Sign1, payload: Collection): void {
  const readings = executeCollection(context, payload);
  const owned = getDevice(context.state, payload.device);
  assertInvariant(owned !== undefined, "the device was found at admission");
  const { revokedFromHeight } = owned.device;
  const isInForce =
    equalKeys(key, owned.device.key) && (revokedFromHeight === null || context.height < revokedFromHeight);
  if (isInForce) acknowledgeCommands(context, owned.vendor, payload.device, readings);
}

function runTransaction(
  context: StatementContext,
  statement: PreparedStatement & { kind: "transaction" },
): void {
  const { sender, messages } = statement.payload;
  messages.forEach((entry, i) => {
    try {
      executeMessage({ ...context, sender }, entry);
    } catch (failure) {
      if (!(failure instanceof StatementFailure)) throw failure;
      const within = failure.field === "" ? "" : `.${failure.field}`;
      throw new StatementFailure(failure.status, failure.message, `transaction.messages[${i}]${within}`);
    }
  });
}
