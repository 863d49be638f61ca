/**
 * The ledger as an application of either engine, after ABCI 2.0: check, execute (pure), commit (one durable
 * batch), query. It runs in the thread that owns the store.
 */

import { nextDueMs } from "@lhg/protocol/core/agenda";
import { certificate as certificateCodec } from "@lhg/protocol/core/block/certificate";
import { hashHeader, PROTOCOL_VERSION } from "@lhg/protocol/core/block/header";
import { outcome } from "@lhg/protocol/core/block/outcome";
import { hashValidators, type ValidatorSet } from "@lhg/protocol/core/block/validator-set";
import { equalBytes, ZERO32 } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import { computeChainId, type Genesis, genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { emptyLogRoot } from "@lhg/protocol/core/merkle/log";
import { Inadmissible } from "@lhg/protocol/core/module";
import { getParameters } from "@lhg/protocol/core/parameters";
import {
  type CertifiedHeader,
  certifiedHeader,
  ENGINE_COMETBFT,
  readLightHeader,
  verifyCertifiedHeader,
} from "@lhg/protocol/core/proof/anchor";
import { VersionedState } from "@lhg/protocol/core/state/versioned-state";
import { submission } from "@lhg/protocol/core/statement/submission";
import { statusName } from "@lhg/protocol/core/status";
import { type BlockResult, executeBlock, executeGenesis } from "@lhg/protocol/execute-block";
import { getProtocolVersionAt } from "@lhg/protocol/modules/chain/chain";
import { getValidatorsAt, isRecorded, type Misbehaviour } from "@lhg/protocol/modules/validators/validators";
import { executedKey, executedRecord } from "@lhg/protocol/partition-logs";
import { admitStatement, type PreparedStatement, prepareStatement } from "@lhg/protocol/statements";
import { checkParentCertificate, readCertifiedHeader } from "../blocks/certified-headers.ts";
import { hashCertificate } from "../blocks/proposal.ts";
import {
  type BlockRecord,
  blockRecord,
  certifiedRecord,
  type HeadRecord,
  headRecord,
  KEEPS_ALL,
  type KeptRecord,
  keptRecord,
  transitionsRecord,
} from "../blocks/records.ts";
import {
  blockKey,
  CERTIFIED_KEY,
  certificateKey,
  GENESIS_KEY,
  HEAD_KEY,
  KEPT_KEY,
  keptHeaderKey,
  RESTORING_KEY,
  statementKey,
  TRANSITIONS_KEY,
} from "../blocks/store-keys.ts";
import { encodeWireBlock } from "../blocks/wire-block.ts";
import type { Store } from "../store/store.ts";
import { makeBlockWrites } from "./block-writes.ts";
import { beginEngine, checkEngine, readCertifiedHeight, readEngine } from "./engine-mark.ts";
import { openEvidence } from "./evidence.ts";
import type {
  BlockIndexer,
  BlockToExecute,
  ChainTip,
  CheckVerdict,
  CommitSummary,
  ExecutionReport,
  SkipResult,
  StatementInput,
} from "./port.ts";

interface Executed {
  readonly input: BlockToExecute;
  readonly blockHash: Uint8Array;
  readonly result: BlockResult;
}

/** Guards that the store, the state's caches and the head change together, once per block. */
export class LedgerApplication {
  readonly crypto: Crypto;
  readonly store: Store;
  readonly genesis: Genesis;
  readonly chainId: string;
  readonly state: VersionedState;
  head: HeadRecord;
  /** Which blocks this node still has. */
  kept: KeptRecord;
  /** ENGINE_DBFT or ENGINE_COMETBFT: who decides, and so what a certified header is. */
  readonly engine: number;
  /** The newest height whose header is certified here: the head's with dBFT; CometBFT's commits are fetched after the block. */
  certifiedHeight: number;
  private tipCache: ChainTip | undefined;
  private lastCertificate: Uint8Array | null;
  private executed: Executed | undefined;
  private readonly indexBlock: BlockIndexer;

  private constructor(
    crypto: Crypto,
    store: Store,
    genesis: Genesis,
    indexBlock: BlockIndexer,
    state: VersionedState,
    head: HeadRecord,
  ) {
    this.engine = readEngine(store);
    this.certifiedHeight = readCertifiedHeight(store, this.engine, head.height);
    this.indexBlock = indexBlock;
    this.crypto = crypto;
    this.store = store;
    this.genesis = genesis;
    this.chainId = computeChainId(crypto, genesis);
    this.state = state;
    this.head = head;
    this.lastCertificate = store.get(certificateKey(head.height)) ?? null;
    const kept = store.get(KEPT_KEY);
    this.kept = kept === undefined ? KEEPS_ALL : decode(keptRecord, kept, "kept");
  }

  /**
   * Opens the chain in `store`, or begins it under `engine`. Throws `genesis.mismatch` when the store holds another chain,
   * `engine.mismatch` when another engine made its blocks, `snapshot.unfinished` when it holds part of a snapshot.
   */
  static async open(
    crypto: Crypto,
    store: Store,
    genesis: Genesis,
    indexBlock: BlockIndexer,
    engine?: number,
  ): Promise<LedgerApplication> {
    const encoded = encode(genesisCodec, genesis, "genesis");
    const state = new VersionedState(crypto, store);
    if (store.get(RESTORING_KEY) !== undefined)
      throw new LhgError(
        "snapshot.unfinished",
        "the data folder holds a snapshot that was not restored to its end",
      );
    const stored = store.get(HEAD_KEY);
    if (stored !== undefined) {
      const held = store.get(GENESIS_KEY);
      if (held === undefined || !equalBytes(held, encoded))
        throw new LhgError("genesis.mismatch", "the data folder holds another chain", "genesis");
      checkEngine(store, engine);
      const head = decode(headRecord, stored, "head");
      assertInvariant(
        equalBytes(state.getAppHash(head.height), head.appHash),
        "the stored state does not have the app hash of the stored head",
      );
      return new LedgerApplication(crypto, store, genesis, indexBlock, state, head);
    }
    const commit = executeGenesis(crypto, state, genesis);
    const head: HeadRecord = {
      height: 0,
      timeMs: genesis.timeMs,
      blockHash: ZERO32,
      appHash: commit.appHash,
      resultsHash: emptyLogRoot(crypto),
      certificateHash: ZERO32,
    };
    await store.commit([
      ...commit.writes,
      { key: GENESIS_KEY, value: encoded },
      { key: HEAD_KEY, value: encode(headRecord, head) },
      ...beginEngine(engine),
    ]);
    commit.accept();
    return new LedgerApplication(crypto, store, genesis, indexBlock, state, head);
  }

  get tip(): ChainTip {
    this.tipCache ??= this.computeTip();
    return this.tipCache;
  }

  private computeTip(): ChainTip {
    const { head, state, crypto } = this;
    const height = head.height + 1;
    const protocolVersion = getProtocolVersionAt(state, height);
    if (protocolVersion !== PROTOCOL_VERSION)
      throw new LhgError(
        "protocol.unsupported",
        `from height ${height} on the chain runs protocol version ${protocolVersion}; this node knows version ${PROTOCOL_VERSION}: install a newer one`,
        "protocolVersion",
      );
    const validators = getValidatorsAt(state, height);
    const before = head.height === 0 ? undefined : this.getBlock(head.height);
    const { blockSizeBytesMax, blockStatementsMax } = getParameters(state);
    return {
      head,
      validators,
      headValidators: this.findValidators(head.height) ?? [],
      base: {
        chainId: this.chainId,
        protocolVersion,
        height,
        parent: head.blockHash,
        appHash: head.appHash,
        resultsHash: head.resultsHash,
        validatorsHash: hashValidators(crypto, validators),
        nextValidatorsHash: hashValidators(crypto, getValidatorsAt(state, height + 1)),
      },
      isUnproven: before === undefined || !equalBytes(before.header.appHash, head.appHash),
      nextDueMs: nextDueMs(state),
      limits: { blockSizeBytesMax, blockStatementsMax },
    };
  }

  /** Certificate of the head, which the next block carries. */
  get headCertificate(): Uint8Array | null {
    return this.lastCertificate;
  }

  getBlock(height: number): BlockRecord | undefined {
    const stored = this.store.get(blockKey(height));
    return stored === undefined ? undefined : decode(blockRecord, stored, "block");
  }

  /** Of a committed height whose block, and the one after it, are kept. */
  getBlockHash(height: number): Uint8Array {
    return height === this.head.height ? this.head.blockHash : this.getBlock(height + 1)!.header.parent;
  }

  /** Heights below `height` whose headers hand over to another set of validators, ascending. */
  transitionsBefore(height: number): number[] {
    const stored = this.store.get(TRANSITIONS_KEY);
    if (stored === undefined) return [];
    return decode(transitionsRecord, stored, "transitions").filter((entry) => entry < height);
  }

  /**
   * Decodes a statement, for the check and again for the block: keeping it between the two cost more in the
   * garbage collector than decoding (measured).
   */
  private prepare({ bytes }: Pick<StatementInput, "bytes">): PreparedStatement {
    return prepareStatement(this.crypto, decode(submission, bytes, "submission"));
  }

  /** Judges statements against the committed state, as if each came first in the next block. */
  check(inputs: readonly Pick<StatementInput, "bytes" | "leafHash">[]): CheckVerdict[] {
    const context = {
      hasher: this.crypto,
      state: this.state,
      chainId: this.chainId,
      timeMs: this.head.timeMs,
      height: this.head.height + 1,
      parameters: getParameters(this.state),
    };
    return inputs.map((input) => {
      try {
        admitStatement(context, this.prepare(input));
        return { verdict: "admissible" };
      } catch (error) {
        return toVerdict(error);
      }
    });
  }

  /** Executes a block on the head without committing it; the result waits for `commit`. */
  execute(input: BlockToExecute): { readonly blockHash: Uint8Array } {
    assertInvariant(input.header.height === this.head.height + 1, "a block is executed on the one before it");
    const blockHash = input.blockHash ?? hashHeader(this.crypto, input.header);
    if (this.executed !== undefined && equalBytes(this.executed.blockHash, blockHash)) return { blockHash };
    const result = executeBlock(this.crypto, this.state, {
      chainId: this.chainId,
      height: input.header.height,
      timeMs: input.header.timeMs,
      misbehaviours: input.evidence.flatMap((bytes) => this.openEvidence(bytes, input.header.height) ?? []),
      statements: input.statements.map((entry) => ({
        statement: this.prepare(entry),
        isSignatureValid: entry.isSignatureValid,
      })),
    });
    this.executed = { input, blockHash, result };
    return { blockHash };
  }

  /** What became of the block executed last, before it is committed. Engines that must tell their own network ask for it. */
  describeExecution(blockHash: Uint8Array): ExecutionReport {
    const { executed, head } = this;
    assertInvariant(
      executed !== undefined && equalBytes(executed.blockHash, blockHash),
      "what is described was executed",
    );
    const { result } = executed;
    const { overlay } = result;
    const { blockSizeBytesMax } = getParameters(overlay);
    return {
      appHash: result.commit.appHash,
      executed: result.executed.map(({ position, outcome }) => ({
        position,
        status: outcome.status,
        gasUsed: outcome.gasUsed,
      })),
      skipped: result.skipped.map(({ position, reason }) => ({ position, code: reason.code })),
      validators: getValidatorsAt(overlay, head.height + 2),
      nextValidators: getValidatorsAt(overlay, head.height + 3),
      blockSizeBytesMax: { before: getParameters(this.state).blockSizeBytesMax, after: blockSizeBytesMax },
    };
  }

  /** Whether this evidence would be put on record now: sound, of a recent height, and not there yet. */
  isFreshEvidence(encoded: Uint8Array): boolean {
    try {
      const opened = this.openEvidence(encoded, this.head.height + 1);
      return opened !== undefined && !isRecorded(this.state, opened);
    } catch (error) {
      if (error instanceof LhgError) return false;
      throw error;
    }
  }

  /** A decided block as peers are given it, encoded; undefined where it is not stored. */
  readWireBlock(height: number): Uint8Array | undefined {
    const block = this.getBlock(height);
    const certificate = this.store.get(certificateKey(height));
    if (block === undefined || certificate === undefined) return undefined;
    const statements: Uint8Array[] = [];
    for (let position = 0; position < block.statements; position++) {
      const bytes = this.store.get(statementKey(height, position));
      if (bytes === undefined) return undefined;
      statements.push(bytes);
    }
    const { header, lastCertificate, evidence } = block;
    return encodeWireBlock({ header, statements, lastCertificate, evidence, certificate });
  }

  /** Throws `evidence.*`: such a block is no block. */
  private openEvidence(bytes: Uint8Array, height: number): Misbehaviour | undefined {
    const validatorsAt = (at: number): ValidatorSet | undefined =>
      at === height ? this.tip.validators : this.findValidators(at);
    const { crypto, chainId, engine } = this;
    return openEvidence({ crypto, chainId, engine, validatorsAt }, bytes, height);
  }

  /** Who signed a committed height; of heights before a snapshot only as far as evidence reaches. */
  private findValidators(height: number): ValidatorSet | undefined {
    const { base } = this.kept;
    const block = this.getBlock(height);
    if (block !== undefined || base === null || height < 1 || height > base.height) return block?.validators;
    return base.validators.findLast(({ fromHeight }) => fromHeight <= height)?.set;
  }

  /** Commits the block executed last in one durable batch, with its certificate; CometBFT's comes later, by `certify`. */
  async commit(blockHash: Uint8Array, certificate: Uint8Array | null): Promise<CommitSummary> {
    const { executed } = this;
    assertInvariant(
      executed !== undefined && equalBytes(executed.blockHash, blockHash),
      "commit follows execute",
    );
    if (certificate !== null) decode(certificateCodec, certificate, "certificate");
    assertInvariant(
      (certificate === null) === (this.engine === ENGINE_COMETBFT),
      "dBFT decides by a certificate, CometBFT without",
    );
    const { input, result } = executed;
    const head: HeadRecord = {
      height: input.header.height,
      timeMs: input.header.timeMs,
      blockHash,
      appHash: result.commit.appHash,
      resultsHash: result.resultsHash,
      certificateHash: hashCertificate(this.crypto, certificate),
    };
    await this.store.commit([
      ...result.commit.writes,
      ...makeBlockWrites({
        input,
        blockHash,
        result,
        certificate,
        validators: getValidatorsAt(this.state, head.height),
        transitions: this.transitionsBefore(head.height),
      }),
      ...this.indexBlock({
        crypto: this.crypto,
        height: head.height,
        timeMs: head.timeMs,
        executed: result.executed,
        overlay: result.overlay,
      }),
      { key: HEAD_KEY, value: encode(headRecord, head) },
    ]);
    result.commit.accept();
    this.head = head;
    if (certificate !== null) this.certifiedHeight = head.height;
    this.lastCertificate = certificate;
    this.executed = undefined;
    this.tipCache = undefined;
    return this.summarize(result);
  }

  /**
   * Keeps what makes a committed block final, where the engine tells it after the block: height by height, the engine's own header and
   * the certificate. The newest may be given again. `isParentShared`: of the block before, the certificate that is kept must be the one that
   * this header names. Throws `header.*` and `certificate.*` where they are not this chain's, `certificate.order` out of order,
   * `certificate.parent` where the block before has to be given again first.
   */
  async certify(header: Uint8Array, certificate: Uint8Array, isParentShared = false): Promise<void> {
    const { height } = readLightHeader({ engine: this.engine, header });
    const validators = height > this.head.height ? undefined : this.findValidators(height);
    if (validators === undefined || height < this.certifiedHeight || height > this.certifiedHeight + 1)
      throw new LhgError("certificate.order", `must be of height ${this.certifiedHeight + 1}`, "header");
    const certified: CertifiedHeader = { engine: this.engine, header, certificate, validators };
    const { hash } = verifyCertifiedHeader(this.crypto, this.chainId, certified);
    if (!equalBytes(hash, this.getBlockHash(height)))
      throw new LhgError("header.hash", "is of another block than the one executed here", "header");
    checkParentCertificate(this.crypto, readCertifiedHeader(this.store, height - 1), header, isParentShared);
    await this.store.commit([
      { key: keptHeaderKey(height), value: encode(certifiedHeader, certified, "header") },
      { key: CERTIFIED_KEY, value: encode(certifiedRecord, height) },
    ]);
    this.certifiedHeight = height;
  }

  /** Where statements stand and what became of them; null for one without an outcome. */
  locate(ids: readonly Uint8Array[]): ({ readonly height: number; readonly status: string } | null)[] {
    return ids.map((id) => {
      const stored = this.state.getDerived(executedKey(id));
      if (stored === undefined) return null;
      const { height, outcome: encoded } = decode(executedRecord, stored, "statement");
      return { height, status: statusName(decode(outcome, encoded, "outcome").status) };
    });
  }

  private summarize(result: BlockResult): CommitSummary {
    return {
      tip: this.tip,
      executed: result.executed.map(({ statement, outcome }) => ({
        id: statement.id,
        leafHash: statement.leafHash,
        status: statusName(outcome.status),
      })),
      skipped: result.skipped.map(({ statement, reason }) => ({
        id: statement.id,
        leafHash: statement.leafHash,
        verdict: toVerdict(reason) as SkipResult["verdict"],
      })),
    };
  }
}

function toVerdict(error: unknown): CheckVerdict {
  if (!(error instanceof LhgError)) throw error;
  const { code, field, message } = error;
  const verdict = error instanceof Inadmissible && error.notYet ? "not-yet" : "refused";
  return { verdict, code, field, message: field === "" ? message : message.slice(field.length + 2) };
}
