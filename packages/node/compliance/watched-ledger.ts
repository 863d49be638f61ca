/** The application port with a watch on both of its sides, and what passes over it noted. */
import { isDeepStrictEqual } from "node:util";
import { computeBytesRoot } from "@lhg/protocol/core/block/header";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { toSignatureCheck } from "@lhg/protocol/core/cose";
import { LhgError } from "@lhg/protocol/core/errors";
import { logRoot } from "@lhg/protocol/core/merkle/log";
import { ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import { submission } from "@lhg/protocol/core/statement/submission";
import { prepareStatement } from "@lhg/protocol/statements";
import type { LedgerApplication } from "../src/application/application.ts";
import type {
  BlockToExecute,
  CommitSummary,
  ExecutionReport,
  StatementInput,
} from "../src/application/port.ts";
import { hashCertificate, matchesBase } from "../src/blocks/proposal.ts";
import { sodiumCrypto } from "../src/crypto/sodium.ts";
import type { CommitNote, StartNote } from "./record.ts";
import { hashStore } from "./store-hash.ts";

/** Outlives the lives of one replica. */
export interface Watch {
  life: number;
  /** A commit under way: after a crash it is there whole, or not at all. */
  pending: Pick<CommitNote, "life" | "block" | "report"> | undefined;
  readonly starts: StartNote[];
  readonly commits: CommitNote[];
  readonly told: { readonly life: number; readonly height: number }[];
  readonly violations: string[];
}

export function createWatch(): Watch {
  return { life: 0, pending: undefined, starts: [], commits: [], told: [], violations: [] };
}

export interface WatchedLedger {
  execute(block: BlockToExecute): { readonly blockHash: Uint8Array };
  describeExecution(blockHash: Uint8Array): ExecutionReport;
  commit(blockHash: Uint8Array, certificate: Uint8Array | null): Promise<CommitSummary>;
  certify(header: Uint8Array, certificate: Uint8Array, isParentShared: boolean): Promise<void>;
}

type CertifyArgs = Parameters<WatchedLedger["certify"]>;

/** Begins a life; `storeHash` is of the store as it was opened. Every block is executed twice, with another one between: whatever the engine asks, the answer is the second one's. */
export function watchLedger(watch: Watch, ledger: LedgerApplication, storeHash: string): WatchedLedger {
  const { life } = watch;
  const { pending } = watch;
  if (pending?.block.header.height === ledger.head.height)
    watch.commits.push({ ...pending, head: ledger.head, storeHash });
  watch.pending = undefined;
  watch.starts.push({ life, head: ledger.head, storeHash });
  const accuse = (problem: string): void => {
    watch.violations.push(`life ${life}, head ${ledger.head.height}: ${problem}`);
  };
  /** The application's part: it throws only where the engine is wrong, and then an LhgError at most where the port says so. */
  async function judge<T>(name: string, task: () => T | Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      const isOver = error instanceof LhgError && error.code === "store.closed";
      if (!isOver && !(name === "certify" && error instanceof LhgError))
        accuse(`the application broke in ${name}: ${(error as Error).stack}`);
      throw error;
    }
  }
  let executed: { readonly block: BlockToExecute; readonly blockHash: Uint8Array } | undefined;
  let committing = false;

  function execute(block: BlockToExecute): { readonly blockHash: Uint8Array } {
    if (committing) accuse("the engine executes a block while one is being committed");
    for (const problem of judgeBlock(ledger, block)) accuse(problem);
    const { blockHash } = ledger.execute(block);
    const report = ledger.describeExecution(blockHash);
    ledger.execute(withoutStatements(block));
    ledger.execute(block);
    if (!isDeepStrictEqual(ledger.describeExecution(blockHash), report))
      accuse(`block ${toHex(blockHash)} executed again gives something else`);
    executed = { block, blockHash };
    return { blockHash };
  }

  function describeExecution(blockHash: Uint8Array): ExecutionReport {
    if (executed === undefined || !equalBytes(executed.blockHash, blockHash))
      accuse("the engine asks for a block that is not the one executed last");
    return ledger.describeExecution(blockHash);
  }

  async function commit(blockHash: Uint8Array, certificate: Uint8Array | null): Promise<CommitSummary> {
    if (committing) accuse("the engine commits twice at once");
    if (executed === undefined || !equalBytes(executed.blockHash, blockHash))
      accuse("the engine commits a block that is not the one executed last");
    if ((certificate === null) !== (ledger.engine === ENGINE_COMETBFT))
      accuse("the certificate comes as with the other engine");
    committing = true;
    const { block } = executed!;
    const pending = { life, block, report: ledger.describeExecution(blockHash) };
    watch.pending = pending;
    const summary = await ledger.commit(blockHash, certificate);
    committing = false;
    executed = undefined;
    const note = { ...pending, head: ledger.head, storeHash: await hashStore(ledger.store) };
    // Else the power went meanwhile, and the next life has noted it.
    if (watch.pending === pending) watch.commits.push(note);
    watch.pending = undefined;
    return summary;
  }

  async function certify(...[header, certificate, isParentShared]: CertifyArgs): Promise<void> {
    const before = ledger.certifiedHeight;
    await ledger.certify(header, certificate, isParentShared);
    const { certifiedHeight } = ledger;
    // The newest one may be certified again, by the commit that all nodes have.
    if (certifiedHeight !== before && certifiedHeight !== before + 1)
      accuse("a certificate was taken out of order");
  }

  return {
    execute: (block) => {
      try {
        return execute(block);
      } catch (error) {
        if (!(error instanceof LhgError && error.code === "store.closed"))
          accuse(`the application broke in execute: ${(error as Error).stack}`);
        throw error;
      }
    },
    describeExecution,
    commit: (blockHash, certificate) => judge("commit", () => commit(blockHash, certificate)),
    certify: (...args) => judge("certify", () => certify(...args)),
  };
}

/** Another block of the same height: what is executed instead must not show in what is executed then. */
function withoutStatements(block: BlockToExecute): BlockToExecute {
  const header = {
    ...block.header,
    timeMs: block.header.timeMs + 1,
    transactionsRoot: logRoot(sodiumCrypto, []),
    evidenceHash: computeBytesRoot(sodiumCrypto, []),
  };
  const named =
    block.blockHash === undefined ? {} : { blockHash: block.blockHash.map((byte) => byte ^ 0xff) };
  return { ...block, ...named, header, statements: [], evidence: [] };
}

/** What is wrong with a block that an engine hands over. */
function* judgeBlock(ledger: LedgerApplication, block: BlockToExecute): Iterable<string> {
  const { header, statements, lastCertificate, evidence, blockHash } = block;
  const { tip, head, engine } = ledger;
  const isComet = engine === ENGINE_COMETBFT;
  if (header.height !== head.height + 1) yield `the engine executes block ${header.height}`;
  else if (!matchesBase(header, tip.base)) yield "the header does not follow from the chain so far";
  if (header.timeMs <= head.timeMs) yield `time does not ascend: ${header.timeMs} after ${head.timeMs}`;
  if (!tip.validators.some(({ operator }) => equalBytes(operator, header.proposer)))
    yield "the proposer is no validator of this height";
  const leafHashes = statements.map((entry) => entry.leafHash);
  if (!equalBytes(logRoot(sodiumCrypto, leafHashes), header.transactionsRoot))
    yield "the header names other statements";
  if (!equalBytes(computeBytesRoot(sodiumCrypto, evidence), header.evidenceHash))
    yield "the header names other evidence";
  if (!equalBytes(hashCertificate(sodiumCrypto, lastCertificate), header.lastCertificateHash))
    yield "the header names another certificate of the block before";
  if ((blockHash !== undefined) !== isComet) yield "the block is named as with the other engine";
  for (const [i, entry] of statements.entries())
    if (!isAsJudged(entry)) yield `statement ${i} is not what the engine says of it`;
}

function isAsJudged({ bytes, leafHash, isSignatureValid }: StatementInput): boolean {
  try {
    const prepared = prepareStatement(sodiumCrypto, decode(submission, bytes, "submission"));
    const isValid = sodiumCrypto.verify(toSignatureCheck(prepared.sign1));
    return equalBytes(prepared.leafHash, leafHash) && isValid === isSignatureValid;
  } catch (error) {
    if (error instanceof LhgError) return false;
    throw error;
  }
}
