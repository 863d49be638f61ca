/**
 * CometBFT as the engine: the ledger behind ABCI 2.0. CometBFT decides and keeps blocks; this node executes them, keeps what it keeps under
 * either engine, and fetches the certificate of each block after it. State changes in Commit alone, in one durable batch with height and app hash.
 */
import { byteString, equalBytes, toHex } from "@lhg/protocol/core/bytes";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import type { Genesis } from "@lhg/protocol/core/genesis";
import type {
  BlockToExecute,
  ChainTip,
  CommitSummary,
  ExecutionReport,
  StatementInput,
} from "../../application/port.ts";
import { type LeafHashed, nameSubmission } from "../../blocks/leaf-hashed.ts";
import { STATEMENTS_MAX } from "../../blocks/proposal.ts";
import type { VerifyVerdict } from "../../threads/verify-worker.ts";
import type { Engine, StatementSource } from "../engine.ts";
import type { Certificates } from "./certificates.ts";
import { checkGenesis, type GenesisAnnounced } from "./check-genesis.ts";
import {
  type CometBlock,
  listTxResults,
  listValidatorUpdates,
  type TxResult,
  toLedgerBlock,
  type ValidatorUpdate,
} from "./comet-block.ts";

export interface CometApplication {
  execute(block: BlockToExecute): Promise<{ readonly blockHash: Uint8Array }>;
  describeExecution(blockHash: Uint8Array): Promise<ExecutionReport>;
  commit(blockHash: Uint8Array, certificate: null): Promise<CommitSummary>;
}

export interface CometEngineParts {
  readonly crypto: Crypto;
  readonly genesis: Genesis;
  readonly application: CometApplication;
  readonly source: Pick<StatementSource, "select" | "find">;
  /** A statement that was verified and waits here. */
  readonly findHeld: (leafHash: Uint8Array) => Uint8Array | undefined;
  readonly verify: (submissions: readonly Uint8Array[]) => Promise<VerifyVerdict[]>;
  readonly tip: ChainTip;
  readonly blockStatementsMax: number;
  readonly certificates: Certificates;
  /** Hears of every committed block before CometBFT does. */
  readonly onCommitted: (block: BlockToExecute, summary: CommitSummary) => Promise<void>;
}

export interface Finalized {
  readonly appHash: Uint8Array;
  readonly txResults: readonly TxResult[];
  readonly validatorUpdates: readonly ValidatorUpdate[];
  /** Where the ledger changed it. */
  readonly blockSizeBytesMax: number | undefined;
}

/** A block on its way: named, its statements verified. */
interface Candidate {
  readonly block: BlockToExecute;
  readonly statements: readonly (StatementInput | undefined)[];
}

/** Rounds of one height beyond these are prepared again when they are decided. */
const CANDIDATES_MAX = 8;
/** Tag and length of a transaction in CometBFT's block. */
const TX_OVERHEAD_BYTES = 6;

/** Guards that a block is executed on the one before it, and committed as it was executed. */
export class CometEngine implements Engine {
  tip: ChainTip;
  private readonly parts: CometEngineParts;
  private readonly candidates = new Map<string, Promise<Candidate>>();
  private finalized: BlockToExecute | undefined;
  /** The block of this height is known; it is being executed, or waits for its commit. */
  private isDecided = false;

  constructor(parts: CometEngineParts) {
    this.parts = parts;
    this.tip = parts.tip;
    parts.certificates.follow(parts.tip.head.height);
  }

  get certifiedHeight(): number {
    return this.parts.certificates.certifiedHeight;
  }

  /** CometBFT hears of work from its own mempool. */
  noteWork(): void {}

  async stop(): Promise<void> {
    await this.parts.certificates.stop();
  }

  /** The ledger, which had no blocks, begins anew with a snapshot. */
  restart(tip: ChainTip): void {
    assertInvariant(!this.isDecided && this.finalized === undefined, "no block is under way");
    this.tip = tip;
    this.candidates.clear();
    this.parts.certificates.restart(tip.head.height);
  }

  /** The state of genesis for CometBFT's first header. Throws `genesis.mismatch` where CometBFT has another genesis. */
  initChain(announced: GenesisAnnounced): { readonly appHash: Uint8Array } {
    const { crypto, genesis } = this.parts;
    const { head } = this.tip;
    if (head.height !== 0)
      throw new LhgError(
        "comet.height",
        `CometBFT begins the chain, but the ledger stands at height ${head.height}: give CometBFT its data folder back, or begin with an empty ledger too`,
        "height",
      );
    checkGenesis(crypto, genesis, announced);
    return { appHash: head.appHash };
  }

  /** The statements of a proposal of this node; `bytesMax` counts what CometBFT's block adds to each. */
  prepareProposal(bytesMax: number): Uint8Array[] {
    const { source, blockStatementsMax } = this.parts;
    const { limits } = this.tip;
    const chosen = source.select({
      statementsMax: Math.min(limits.blockStatementsMax, blockStatementsMax),
      bytesMax: Math.min(limits.blockSizeBytesMax, bytesMax),
    });
    const txs: Uint8Array[] = [];
    let rest = bytesMax;
    for (const { leafHash } of chosen) {
      const found = source.find(leafHash);
      if (found === undefined) continue;
      rest -= found.bytes.length + TX_OVERHEAD_BYTES;
      if (rest < 0) break;
      txs.push(found.bytes);
    }
    return txs;
  }

  /** What is wrong with a proposal, by rules that are cheap and the same everywhere; a sound one begins to be executed. */
  processProposal(block: CometBlock): string | undefined {
    const { limits, base } = this.tip;
    const { txs } = block;
    if (block.height !== base.height) return "comet.height";
    if (txs.length > Math.min(limits.blockStatementsMax, STATEMENTS_MAX)) return "proposal.statements";
    if (txs.reduce((sum, tx) => sum + tx.length, 0) > limits.blockSizeBytesMax) return "proposal.size";
    const named = txs.map((tx) => nameSubmission(this.parts.crypto, tx));
    if (named.includes(undefined)) return "proposal.malformed";
    if (new Set(named.map((entry) => byteString(entry!.leafHash))).size !== named.length)
      return "proposal.duplicate";
    this.executeAhead(block, named);
    return undefined;
  }

  /**
   * While the votes travel. The ledger keeps what it executed last: once a block is decided nothing else is executed on the one before.
   * Whatever fails comes again when the block is decided.
   */
  private executeAhead(block: CometBlock, named: readonly (LeafHashed | undefined)[]): void {
    const { tip } = this;
    void this.prepare(block, named)
      .then(async (candidate) => {
        if (this.tip === tip && !this.isDecided) await this.parts.application.execute(candidate.block);
      })
      .catch(() => {});
  }

  /** Executes a decided block; nothing is kept of it before `commit`. Throws `comet.height`, `comet.proposer`. */
  async finalizeBlock(block: CometBlock): Promise<Finalized> {
    const { head } = this.tip;
    if (block.height !== head.height + 1)
      throw new LhgError(
        "comet.height",
        `CometBFT asks for block ${block.height}, but the ledger stands at ${head.height}: one of them lost its data, restore both from one backup or begin with a snapshot`,
        "height",
      );
    const { application } = this.parts;
    this.isDecided = true;
    const candidate = await this.prepare(block);
    await application.execute(candidate.block);
    const report = await application.describeExecution(block.hash);
    this.finalized = candidate.block;
    const { before, after } = report.blockSizeBytesMax;
    return {
      appHash: report.appHash,
      txResults: listTxResults(candidate.statements, report),
      validatorUpdates: listValidatorUpdates(report.validators, report.nextValidators),
      blockSizeBytesMax: before === after ? undefined : after,
    };
  }

  /** Makes the finalized block durable. */
  async commit(): Promise<void> {
    const { finalized } = this;
    assertInvariant(finalized?.blockHash !== undefined, "commit follows the finalized block");
    const { application, certificates, onCommitted } = this.parts;
    const summary = await application.commit(finalized.blockHash, null);
    this.finalized = undefined;
    this.candidates.clear();
    this.tip = summary.tip;
    this.isDecided = false;
    await onCommitted(finalized, summary);
    certificates.follow(finalized.header.height);
  }

  private prepare(
    block: CometBlock,
    named: readonly (LeafHashed | undefined)[] = block.txs.map((tx) => nameSubmission(this.parts.crypto, tx)),
  ): Promise<Candidate> {
    const name = toHex(block.hash);
    const known = this.candidates.get(name);
    if (known !== undefined) return known;
    const { tip } = this;
    const made = this.verify(named).then(
      (statements): Candidate => ({
        statements,
        block: toLedgerBlock(this.parts.crypto, tip, block, statements),
      }),
    );
    this.candidates.set(name, made);
    if (this.candidates.size > CANDIDATES_MAX) this.candidates.delete(this.candidates.keys().next().value!);
    return made;
  }

  /**
   * What waits here was verified when it came; the rest is verified now. Its bytes are copied: those of a block are views of one buffer,
   * which would travel whole with each of them.
   */
  private async verify(named: readonly (LeafHashed | undefined)[]): Promise<(StatementInput | undefined)[]> {
    const { findHeld, verify } = this.parts;
    const statements = named.map((entry): StatementInput | undefined => {
      if (entry === undefined) return undefined;
      const held = findHeld(entry.leafHash);
      const isHeld = held !== undefined && equalBytes(held, entry.bytes);
      return { ...entry, bytes: isHeld ? held : entry.bytes.slice(), isSignatureValid: isHeld };
    });
    const unknown = [...statements.keys()].filter((i) => statements[i]?.isSignatureValid === false);
    const verdicts = await verify(unknown.map((i) => statements[i]!.bytes));
    for (const [at, i] of unknown.entries())
      statements[i] = verdicts[at]!.ok ? { ...statements[i]!, isSignatureValid: true } : undefined;
    return statements;
  }
}
