/** Receipts: a statement, what became of it, and the proof of both down to a certified header. */
import { digest } from "../account.ts";
import { type Outcome, outcome } from "../block/outcome.ts";
import { equalBytes } from "../bytes.ts";
import { array, bytes, decode, type Infer, nullable, record, uint } from "../codec/definition.ts";
import {
  computeStatementId,
  decodeSign1,
  MAX_STATEMENT_BYTES,
  type Sign1,
  toSignatureCheck,
} from "../cose.ts";
import type { Crypto } from "../crypto.ts";
import { LhgError } from "../errors.ts";
import { hashLeaf, verifyInclusion } from "../merkle/log.ts";
import { verifyTrieProof } from "../merkle/trie-proof.ts";
import { type Capture, capture } from "../statement/capture.ts";
import {
  anchor,
  type ConfirmedAppHash,
  type Trust,
  trieProof,
  type VerifiedAnchor,
  verifyAnchor,
} from "./anchor.ts";

/** One event of a capture, opened: its receipt discloses the head and this slice alone. */
export const openedEvent = record(undefined, {
  /** Index of the event in its document. */
  index: uint(),
  head: bytes({ max: 16 << 20 }),
  headPath: array(digest, { max: 64 }),
  slice: bytes({ max: 16 << 20 }),
  slicePath: array(digest, { max: 64 }),
});
export type OpenedEvent = Infer<typeof openedEvent>;

export const receipt = record(1, {
  statement: bytes({ min: 1, max: MAX_STATEMENT_BYTES }),
  outcome: bytes({ min: 1, max: 512 }),
  /** Of the statement and its outcome in the logs of the partition. */
  index: uint(),
  path: array(digest, { max: 64 }),
  anchor,
  event: nullable(openedEvent),
});
export type Receipt = Infer<typeof receipt>;

export interface VerifiedReceipt {
  readonly statement: Sign1;
  readonly id: Uint8Array;
  readonly outcome: Outcome;
  readonly anchor: VerifiedAnchor;
  readonly event:
    | { readonly index: number; readonly head: Uint8Array; readonly slice: Uint8Array }
    | undefined;
}

/**
 * Verifies a receipt offline. Throws LhgError naming what does not hold: `receipt.*`, `anchor.*`, `header.*`,
 * `certificate.*`, `cose.*` or `cbor.*`. An archived receipt is refreshed by `confirmed`, from a history proof.
 */
export function verifyReceipt(
  crypto: Crypto,
  trust: Trust,
  receiptBytes: Uint8Array,
  confirmed?: ConfirmedAppHash,
): VerifiedReceipt {
  const subject = decode(receipt, receiptBytes, "receipt");
  const statement = decodeSign1(subject.statement);
  if (!crypto.verify(toSignatureCheck(statement)))
    throw new LhgError("receipt.signature", "the statement's signature is wrong", "receipt.statement");
  const result = decode(outcome, subject.outcome, "receipt.outcome");
  const id = computeStatementId(crypto, statement);
  if (!equalBytes(result.id, id) || !equalBytes(result.statementLeafHash, hashLeaf(crypto, statement.bytes)))
    throw new LhgError("receipt.outcome", "the outcome is of another statement", "receipt.outcome");
  const verified = verifyAnchor(crypto, trust, subject.anchor, confirmed);
  const isIncluded = verifyInclusion(crypto, {
    leafHash: hashLeaf(crypto, subject.outcome),
    index: subject.index,
    size: verified.partition.size,
    path: subject.path,
    root: verified.partition.outcomesRoot,
  });
  if (!isIncluded)
    throw new LhgError("receipt.inclusion", "the outcome is not in the partition's log", "receipt.path");
  const event = subject.event === null ? undefined : openEvent(crypto, statement, subject.event);
  return { statement, id, outcome: result, anchor: verified, event };
}

function openEvent(crypto: Crypto, statement: Sign1, opened: OpenedEvent): VerifiedReceipt["event"] {
  if (statement.kind !== "capture")
    throw new LhgError("receipt.event", "only captures have events", "receipt.event");
  const captured = decode(capture, statement.payload, "capture");
  checkSlice(crypto, captured, opened.head, 0, opened.headPath, "receipt.event.head");
  // Leaf 0 is the head and the last leaf the tail.
  if (opened.index + 2 >= captured.sliceCount)
    throw new LhgError("receipt.event", "is no event of the document", "receipt.event.index");
  checkSlice(crypto, captured, opened.slice, opened.index + 1, opened.slicePath, "receipt.event.slice");
  return { index: opened.index, head: opened.head, slice: opened.slice };
}

/** Checks that `slice` is leaf `index` of a capture's slices. */
function checkSlice(
  crypto: Pick<Crypto, "sha256">,
  { slicesRoot, sliceCount }: Capture,
  slice: Uint8Array,
  index: number,
  path: readonly Uint8Array[],
  field: string,
): void {
  const proof = { leafHash: hashLeaf(crypto, slice), index, size: sliceCount, path, root: slicesRoot };
  if (!verifyInclusion(crypto, proof))
    throw new LhgError("receipt.slice", "is no slice of the capture", field);
}

/** What a key of a partition's map holds, or that it holds nothing. */
export const valueProof = record(1, {
  key: bytes({ min: 1, max: 2048 }),
  value: nullable(bytes({ max: 1 << 20 })),
  proof: trieProof,
  anchor,
});
export type ValueProof = Infer<typeof valueProof>;

/** Verifies a value or its absence. Throws `value.proof` and what anchors throw. */
export function verifyValue(
  crypto: Crypto,
  trust: Trust,
  proofBytes: Uint8Array,
): { subject: ValueProof; anchor: VerifiedAnchor } {
  const subject = decode(valueProof, proofBytes, "proof");
  const verified = verifyAnchor(crypto, trust, subject.anchor);
  const verdict = verifyTrieProof(
    crypto,
    verified.partition.mapRoot,
    crypto.sha256(subject.key),
    subject.proof,
  );
  const holds =
    verdict !== undefined &&
    (subject.value === null
      ? !verdict.present
      : verdict.present && equalBytes(verdict.valueHash, crypto.sha256(subject.value)));
  if (!holds) throw new LhgError("value.proof", "the proof does not show this value", "proof");
  return { subject, anchor: verified };
}
