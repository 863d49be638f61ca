/**
 * The history log in base: `[height, timeMs, previous app hash]` of every working block, and proofs that lead from
 * an app hash of the past to a present anchor.
 */
import { digest } from "./core/account.ts";
import { equalBytes } from "./core/bytes.ts";
import { array, bytes, decode, encode, type Infer, record, uint } from "./core/codec/definition.ts";
import type { Crypto } from "./core/crypto.ts";
import { LhgError } from "./core/errors.ts";
import { hashLeaf, verifyInclusion } from "./core/merkle/log.ts";
import type { BlockContext } from "./core/module.ts";
import { CORE_MODULE } from "./core/parameters.ts";
import type { ConfirmedAppHash, Trust } from "./core/proof/anchor.ts";
import { verifyValue } from "./core/proof/receipt.ts";
import { appendToLog, emptyLogHead, type LogHead, logHead } from "./core/state/log.ts";
import type { StateReader } from "./core/state/overlay.ts";
import { BASE } from "./core/state/partition.ts";
import { holdLogs } from "./core/state/stored-log.ts";
import { defineTable } from "./core/state/table.ts";

export const historyLeaf = record(undefined, { height: uint(), timeMs: uint(), previousAppHash: digest });
export type HistoryLeaf = Infer<typeof historyLeaf>;

const histories = defineTable<[], LogHead>("history", CORE_MODULE, 5, logHead);
export const HISTORY_LOG = ["history"] as const;
export const historyLogs = holdLogs(histories, (head) => [{ id: HISTORY_LOG, head }]);

export function getHistory(state: StateReader): LogHead | undefined {
  return histories.get(state, BASE);
}

export function historyKey(): Uint8Array {
  return histories.key();
}

export function appendHistory(
  { hasher, state, height, timeMs }: BlockContext,
  previousAppHash: Uint8Array,
): void {
  const head = getHistory(state) ?? emptyLogHead(hasher);
  const leaf = encode(historyLeaf, { height, timeMs, previousAppHash });
  histories.set(state, BASE, appendToLog(hasher, state, HISTORY_LOG, head, leaf));
}

/** One path from the app hash before a working block to a present anchor. */
export const historyProof = record(1, {
  /** An encoded history leaf. */
  entry: bytes({ min: 1, max: 64 }),
  index: uint(),
  path: array(digest, { max: 64 }),
  /** Value proof of the log's head, key `[0, 5]` of base. */
  head: bytes({ min: 1, max: 16 << 20 }),
});
export type HistoryProof = Infer<typeof historyProof>;

/**
 * Verifies a history proof offline: what refreshes a receipt after the trust period of its signers. Throws
 * `history.head`, `history.inclusion` and what values throw.
 */
export function verifyHistoryProof(
  crypto: Crypto,
  trust: Trust,
  proofBytes: Uint8Array,
): ConfirmedAppHash & { readonly entry: HistoryLeaf } {
  const proof = decode(historyProof, proofBytes, "history");
  const { subject, anchor } = verifyValue(crypto, trust, proof.head);
  const isHead = equalBytes(anchor.partitionId, BASE.id) && equalBytes(subject.key, historyKey());
  if (!isHead || subject.value === null)
    throw new LhgError("history.head", "is not the head of the history", "history.head");
  const { size, root } = decode(logHead, subject.value, "history.head");
  const leafHash = hashLeaf(crypto, proof.entry);
  if (!verifyInclusion(crypto, { leafHash, index: proof.index, size, path: proof.path, root }))
    throw new LhgError("history.inclusion", "the entry is not in the history", "history.path");
  const entry = decode(historyLeaf, proof.entry, "history.entry");
  return { appHash: entry.previousAppHash, vouchedBy: anchor, entry };
}
