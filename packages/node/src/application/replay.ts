/** Replay: the blocks of a chain executed again from their stored bytes alone, compared at every height. */
import { hashHeader } from "@lhg/protocol/core/block/header";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { toSignatureCheck } from "@lhg/protocol/core/cose";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { logRoot } from "@lhg/protocol/core/merkle/log";
import { type CertifiedHeader, ENGINE_COMETBFT, ENGINE_DBFT } from "@lhg/protocol/core/proof/anchor";
import { submission } from "@lhg/protocol/core/statement/submission";
import { prepareStatement } from "@lhg/protocol/statements";
import { readCertifiedHeader } from "../blocks/certified-headers.ts";
import { checkLastCertificate, parentOf } from "../blocks/last-certificate.ts";
import { hashCertificate, matchesBase } from "../blocks/proposal.ts";
import type { BlockRecord } from "../blocks/records.ts";
import { statementKey } from "../blocks/store-keys.ts";
import type { Store } from "../store/store.ts";
import { LedgerApplication } from "./application.ts";
import type { BlockIndexer, BlockToExecute, ChainTip, StatementInput } from "./port.ts";

export interface ReplayedBlock {
  readonly height: number;
  readonly block: BlockRecord;
  /** Undefined where the engine had not told yet. */
  readonly certified: CertifiedHeader | undefined;
  /** The chain as executed again, after this block. */
  readonly application: LedgerApplication;
}

/** A chain whose blocks are at hand: a LedgerApplication that commits nothing meanwhile. */
export type ChainSource = Pick<
  LedgerApplication,
  | "crypto"
  | "store"
  | "genesis"
  | "head"
  | "kept"
  | "engine"
  | "certifiedHeight"
  | "getBlock"
  | "getBlockHash"
>;

/**
 * Executes all blocks of `source` again, from genesis, into the empty `scratch` store. Every signature is verified, every app hash
 * and results hash compared. Throws `history.pruned`, or LhgError with a `replay.*` code and the height as field at the first block that differs.
 */
export async function* replayChain(
  source: ChainSource,
  scratch: Store,
  indexBlock: BlockIndexer = () => [],
): AsyncGenerator<ReplayedBlock, LedgerApplication> {
  const { crypto, genesis } = source;
  const { height: last } = source.head;
  const { firstHeight } = source.kept;
  if (firstHeight > 1)
    throw new LhgError(
      "history.pruned",
      `blocks below ${firstHeight} are not kept here: nobody can execute this chain again from genesis with this folder`,
      "blocks[1]",
    );
  const { engine } = source;
  const application = await LedgerApplication.open(crypto, scratch, genesis, indexBlock, engine);
  if (application.head.height !== 0)
    throw new LhgError("replay.scratch", "must be an empty store", "scratch");
  for (let height = 1; height <= last; height++) {
    const block = source.getBlock(height);
    const certified = readCertifiedHeader(source.store, height);
    if (block === undefined || (certified === undefined && height <= source.certifiedHeight))
      throw fail(height, "replay.block-missing", "the block or its certificate is not stored");
    const statements = readStatements(source, height, block.statements);
    checkHeader(source, application, block, statements);
    await runBlock(source, application, { ...block, statements }, certified);
    checkRecord(application, block);
    yield { height, block, certified, application };
  }
  checkHead(source, application);
  return application;
}

async function runBlock(
  source: ChainSource,
  application: LedgerApplication,
  block: BlockToExecute,
  certified: CertifiedHeader | undefined,
): Promise<void> {
  if (source.engine === ENGINE_DBFT) {
    const { blockHash } = application.execute(block);
    await application.commit(blockHash, certified!.certificate);
    return;
  }
  const blockHash = source.getBlockHash(block.header.height);
  application.execute({ ...block, blockHash });
  await application.commit(blockHash, null);
  if (certified !== undefined) await application.certify(certified.header, certified.certificate);
}

function readStatements({ store, crypto }: ChainSource, height: number, count: number): StatementInput[] {
  return Array.from({ length: count }, (_, position) => {
    const bytes = store.get(statementKey(height, position));
    if (bytes === undefined)
      throw fail(height, "replay.statement-missing", `statement ${position} is not stored`);
    const { sign1, leafHash } = prepareStatement(crypto, decode(submission, bytes, "submission"));
    return { bytes, leafHash, isSignatureValid: crypto.verify(toSignatureCheck(sign1)) };
  });
}

/** The header must be the one that the chain as executed so far demands, over exactly these statements. */
function checkHeader(
  { crypto, engine }: ChainSource,
  { tip, head }: LedgerApplication,
  { header, lastCertificate }: BlockRecord,
  statements: readonly StatementInput[],
): void {
  const { height } = tip.base;
  if (!equalBytes(header.appHash, head.appHash))
    throw fail(
      height,
      "replay.app-hash",
      `says ${toHex(header.appHash)}, executed again ${toHex(head.appHash)}`,
    );
  if (!equalBytes(header.resultsHash, head.resultsHash))
    throw fail(
      height,
      "replay.results-hash",
      `says ${toHex(header.resultsHash)}, executed again ${toHex(head.resultsHash)}`,
    );
  if (!matchesBase(header, tip.base))
    throw fail(height, "replay.header", "is not the header that follows from the block before");
  const root = logRoot(
    crypto,
    statements.map((entry) => entry.leafHash),
  );
  if (!equalBytes(header.transactionsRoot, root))
    throw fail(height, "replay.transactions-root", "is not the root of the stored statements");
  if (engine === ENGINE_DBFT) checkCertificateBefore(crypto, height, tip, { header, lastCertificate });
}

/** It is one of the quorum's, though not always the one that this node stored: others may have heard other commits. */
function checkCertificateBefore(
  crypto: Crypto,
  height: number,
  tip: ChainTip,
  { header, lastCertificate }: Pick<BlockRecord, "header" | "lastCertificate">,
): void {
  if (!equalBytes(hashCertificate(crypto, lastCertificate), header.lastCertificateHash))
    throw fail(height, "replay.last-certificate", "is not the certificate that the header names");
  try {
    checkLastCertificate(crypto, parentOf(tip), lastCertificate);
  } catch (error) {
    throw fail(height, "replay.last-certificate", (error as Error).message);
  }
}

/** What is kept of the block beside its header follows from execution too. */
function checkRecord(application: LedgerApplication, stored: BlockRecord): void {
  const again = application.getBlock(application.head.height)!;
  const isSame =
    again.isWorking === stored.isWorking &&
    again.skipped.length === stored.skipped.length &&
    again.skipped.every(
      ({ position, code }, i) => position === stored.skipped[i]!.position && code === stored.skipped[i]!.code,
    );
  if (!isSame)
    throw fail(application.head.height, "replay.skipped", "other statements are skipped when executed again");
}

function checkHead({ crypto, engine, head }: ChainSource, again: LedgerApplication): void {
  const { height } = head;
  if (!equalBytes(head.appHash, again.head.appHash))
    throw fail(
      height,
      "replay.app-hash",
      `the head says ${toHex(head.appHash)}, executed again ${toHex(again.head.appHash)}`,
    );
  if (!equalBytes(head.resultsHash, again.head.resultsHash))
    throw fail(height, "replay.results-hash", "the head's differs when executed again");
  // CometBFT's is the hash of a header that is not executed but certified.
  if (engine === ENGINE_COMETBFT || height === 0) return;
  if (!equalBytes(head.blockHash, hashHeader(crypto, again.getBlock(height)!.header)))
    throw fail(height, "replay.header", "the head names another block");
}

function fail(height: number, code: string, message: string): LhgError {
  return new LhgError(code, message, `blocks[${height}]`);
}
