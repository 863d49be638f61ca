/** Proofs for those who do not trust this node. All proofs of one answer stand at one provable height. */

import { toHex } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { hashLeaf, inclusionPath, inclusionPathOf } from "@lhg/protocol/core/merkle/log";
import { certifiedHeader } from "@lhg/protocol/core/proof/anchor";
import {
  type OpenedEvent,
  type Receipt,
  receipt,
  type ValueProof,
  valueProof,
} from "@lhg/protocol/core/proof/receipt";
import { logNodes } from "@lhg/protocol/core/state/log";
import type { Partition } from "@lhg/protocol/core/state/partition";
import { partitionRecord } from "@lhg/protocol/core/state/versioned-state";
import type { Submission } from "@lhg/protocol/core/statement/submission";
import { outcomesLog } from "@lhg/protocol/partition-logs";
import { readCertifiedHeader } from "../blocks/certified-headers.ts";
import type { QueryContext } from "./context.ts";
import { parsePartition, partitionOf } from "./partitions.ts";
import { findStatement, isProvable, readSubmission, requireBlock } from "./stored.ts";
import type { ProofView } from "./views.ts";

/** The provable height. Throws `proof.not-yet` while there is none. */
export function requireProvable({ provableHeight }: QueryContext): number {
  if (provableHeight === undefined)
    throw new LhgError("proof.not-yet", "nothing is provable before the second block", "height");
  return provableHeight;
}

/**
 * An encoded receipt of the statement with this id, with one event of a capture opened. Throws `statement.not-found`,
 * `event.not-found`, and `proof.not-yet` while no certified header commits to the statement.
 */
export function buildReceipt(context: QueryContext, id: string, eventIndex?: number): Uint8Array {
  const { record } = findStatement(context, id);
  const height = requireProvable(context);
  if (!isProvable(context, record.height))
    throw new LhgError(
      "proof.not-yet",
      `committed in block ${record.height}, and proofs reach to ${height}`,
      "id",
    );
  const partition = partitionOf(record.partitionId);
  const anchor = context.anchorOf(partition);
  const { size } = decode(partitionRecord, anchor.partitionRecord, "partition");
  const nodes = logNodes(context.crypto, context.state, outcomesLog(partition));
  const submitted = readSubmission(context, record);
  const value: Receipt = {
    statement: submitted.statement,
    outcome: record.outcome,
    index: record.index,
    path: inclusionPath(context.crypto, nodes, record.index, size),
    anchor,
    event: eventIndex === undefined ? null : openEvent(context, submitted, eventIndex),
  };
  return encode(receipt, value, "receipt");
}

function openEvent({ crypto }: QueryContext, { body }: Submission, index: number): OpenedEvent {
  const slice = body?.[index + 1];
  const head = body?.[0];
  if (body === null || head === undefined || slice === undefined || index + 2 >= body.length)
    throw new LhgError("event.not-found", "the statement has no such event", "index");
  const leaves = body.map((part) => hashLeaf(crypto, part));
  return {
    index,
    head,
    headPath: inclusionPathOf(crypto, leaves, 0),
    slice,
    slicePath: inclusionPathOf(crypto, leaves, index + 1),
  };
}

/** Proves at the provable height what a key of the partition's map holds, or that it holds nothing. */
export function buildValueProof(context: QueryContext, partition: Partition, key: Uint8Array): Uint8Array {
  const height = requireProvable(context);
  const value: ValueProof = {
    key,
    value: context.state.getValueAt(partition, key, height) ?? null,
    proof: context.state.proveValue(partition, key, height),
    anchor: context.anchorOf(partition),
  };
  return encode(valueProof, value, "proof");
}

/** The header of a block with the certificate that made it final. */
export function buildCertifiedHeader(context: QueryContext, height: number): Uint8Array {
  requireBlock(context, height);
  const certified = readCertifiedHeader(context.store, height);
  if (certified === undefined)
    throw new LhgError("block.not-found", `this node holds no certificate of block ${height}`, "height");
  return encode(certifiedHeader, certified);
}

export function viewProof(kind: ProofView["kind"], height: number, bytes: Uint8Array): ProofView {
  return { kind, height, bytes: toHex(bytes) };
}

export interface ReceiptAnswer {
  readonly height: number;
  /** The encoded receipt. */
  readonly bytes: Uint8Array;
}

export function getReceipt(
  context: QueryContext,
  { id, event }: { readonly id: string; readonly event?: number },
): ReceiptAnswer {
  const bytes = buildReceipt(context, id, event);
  return { height: requireProvable(context), bytes };
}

export function getValueProof(
  context: QueryContext,
  { partition, key }: { readonly partition: string; readonly key: string },
): ReceiptAnswer {
  const bytes = buildValueProof(context, parsePartition(partition), readKey(key));
  return { height: requireProvable(context), bytes };
}

const KEY_BYTES_MAX = 2048;

function readKey(key: string): Uint8Array {
  if (key.length === 0 || key.length > 2 * KEY_BYTES_MAX || !/^([0-9a-f]{2})+$/.test(key))
    throw new LhgError("hex.invalid", `must be 1 to ${KEY_BYTES_MAX} bytes in lower-case hex`, "key");
  return new Uint8Array(Buffer.from(key, "hex"));
}
