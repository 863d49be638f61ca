/** Blocks of CometBFT as blocks of the ledger, and what CometBFT is told of their execution. Pure; the same on every node. */
import { computeBytesRoot, type Header } from "@lhg/protocol/core/block/header";
import { type Validator, type ValidatorSet, validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { byteString, equalBytes, ZERO32 } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { logRoot } from "@lhg/protocol/core/merkle/log";
import type { BlockToExecute, ChainTip, ExecutionReport, StatementInput } from "../../application/port.ts";
import {
  type CometMisbehaviour,
  cometMisbehaviour,
  MISBEHAVIOURS_PER_BLOCK_MAX,
} from "../../blocks/comet-misbehaviour.ts";
import { followCometTime } from "../../blocks/comet-time.ts";
import { EVIDENCE_HEIGHTS_MAX } from "../../blocks/proposal.ts";

/** What proposals and decided blocks say alike. */
export interface CometBlock {
  readonly height: number;
  readonly timeMs: number;
  /** Of CometBFT's header. */
  readonly hash: Uint8Array;
  readonly txs: readonly Uint8Array[];
  readonly proposerAddress: Uint8Array;
  readonly misbehaviours: readonly CometMisbehaviour[];
}

/** Codes of transactions, as CometBFT's header commits to them; never renumbered. */
export const CODE_OK = 0;
/** Not admitted: no outcome, no fee, no trace in the ledger. */
export const CODE_SKIPPED = 1;
/** No statement, or its signature is wrong. */
export const CODE_MALFORMED = 2;
/** Not admissible yet, or no room for it: worth another try. For the mempool alone. */
export const CODE_NOT_YET = 3;
/** A failed statement has 16 and its status. */
const CODE_FAILED_FIRST = 16;

/**
 * The ledger's header of a block follows from CometBFT's block and the chain so far. It is this node's record; what is certified is
 * CometBFT's own header, by its hash. `statements` has undefined where a transaction is none. Throws `comet.proposer`.
 */
export function toLedgerBlock(
  hasher: Hasher,
  tip: ChainTip,
  block: CometBlock,
  statements: readonly (StatementInput | undefined)[],
): BlockToExecute {
  const admitted = statements.filter((entry) => entry !== undefined);
  const evidence = listEvidence(block);
  const header: Header = {
    ...tip.base,
    timeMs: followCometTime(tip.head.timeMs, block.timeMs),
    proposer: findProposer(hasher, tip.validators, block.proposerAddress).operator,
    transactionsRoot: logRoot(
      hasher,
      admitted.map((entry) => entry.leafHash),
    ),
    lastCertificateHash: ZERO32,
    evidenceHash: computeBytesRoot(hasher, evidence),
  };
  return { header, blockHash: block.hash, statements: admitted, lastCertificate: null, evidence };
}

/** Each once: two votes of several rounds are one misbehaviour to the ledger. */
function listEvidence({ height, misbehaviours }: CometBlock): Uint8Array[] {
  const recent = misbehaviours.filter(
    (entry) => entry.height >= 1 && entry.height <= height && entry.height >= height - EVIDENCE_HEIGHTS_MAX,
  );
  const encoded = recent.map((entry) => encode(cometMisbehaviour, entry, "misbehaviour"));
  const distinct = new Map(encoded.map((bytes) => [byteString(bytes), bytes]));
  return [...distinct.values()].slice(0, MISBEHAVIOURS_PER_BLOCK_MAX);
}

function findProposer(hasher: Hasher, validators: ValidatorSet, address: Uint8Array): Validator {
  const found = validators.find(({ consensusKey }) =>
    equalBytes(validatorAddress(hasher, consensusKey), address),
  );
  if (found === undefined)
    throw new LhgError(
      "comet.proposer",
      "is no validator of this height by the ledger: engine and ledger have different validators",
      "proposerAddress",
    );
  return found;
}

export interface TxResult {
  readonly code: number;
  readonly gasUsed: number;
  /** For people; not part of what the header commits to. */
  readonly log: string;
}

/** One result for each transaction, in the order of the block. */
export function listTxResults(
  statements: readonly (StatementInput | undefined)[],
  report: ExecutionReport,
): TxResult[] {
  const byPosition: TxResult[] = [];
  for (const { position, status, gasUsed } of report.executed)
    byPosition[position] = { code: status === 0 ? CODE_OK : CODE_FAILED_FIRST + status, gasUsed, log: "" };
  for (const { position, code } of report.skipped)
    byPosition[position] = { code: CODE_SKIPPED, gasUsed: 0, log: code };
  let position = 0;
  return statements.map((entry) =>
    entry === undefined
      ? { code: CODE_MALFORMED, gasUsed: 0, log: "statement.malformed" }
      : byPosition[position++]!,
  );
}

export interface ValidatorUpdate {
  readonly consensusKey: Uint8Array;
  /** 0 removes it. */
  readonly power: bigint;
}

/** What turns one set into the other: every key at most once, none removed that is not there. */
export function listValidatorUpdates(from: ValidatorSet, to: ValidatorSet): ValidatorUpdate[] {
  const findIn = (set: ValidatorSet, key: Uint8Array): Validator | undefined =>
    set.find((entry) => equalBytes(entry.consensusKey, key));
  const removed = from.filter(({ consensusKey }) => findIn(to, consensusKey) === undefined);
  const changed = to.filter(({ consensusKey, power }) => findIn(from, consensusKey)?.power !== power);
  return [
    ...removed.map(({ consensusKey }) => ({ consensusKey, power: 0n })),
    ...changed.map(({ consensusKey, power }) => ({ consensusKey, power })),
  ];
}
