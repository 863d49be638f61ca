/** The logs that everything provable hangs on: history, and the statements and outcomes of partitions. */
import { toHex } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import { consistencyPath } from "@lhg/protocol/core/merkle/log";
import { anchor } from "@lhg/protocol/core/proof/anchor";
import { getLeaf, logNodes, proveInclusion } from "@lhg/protocol/core/state/log";
import type { StateReader } from "@lhg/protocol/core/state/overlay";
import { BASE } from "@lhg/protocol/core/state/partition";
import {
  getHistory,
  HISTORY_LOG,
  type HistoryLeaf,
  historyKey,
  historyLeaf,
  historyProof,
} from "@lhg/protocol/history";
import { outcomesLog, statementsLog } from "@lhg/protocol/partition-logs";
import { openState, type ProofArgs } from "./accounts.ts";
import type { QueryContext } from "./context.ts";
import { NUMBER_BYTES, openPage, type PageArgs, pageNumbers } from "./paging.ts";
import { parsePartition } from "./partitions.ts";
import { buildValueProof, requireProvable, viewProof } from "./proofs.ts";
import type { ConsistencyView, HistoryEntry, HistoryProofView, Page, PartitionView } from "./views.ts";

function readLeaf(state: StateReader, index: number): HistoryLeaf {
  const leaf = getLeaf(state, HISTORY_LOG, index);
  assertInvariant(leaf !== undefined, `leaf ${index} of the history is missing`);
  return decode(historyLeaf, leaf, "history");
}

function viewLeaf(index: number, { height, timeMs, previousAppHash }: HistoryLeaf): HistoryEntry {
  return { index, height, timeMs, previousAppHash: toHex(previousAppHash) };
}

/** Working blocks with the app hash before each, newest first. */
export function listHistory(context: QueryContext, args: PageArgs): Page<HistoryEntry> {
  const paging = openPage(context, "listHistory", args, NUMBER_BYTES);
  const size = getHistory(context.state)?.size ?? 0;
  return pageNumbers(paging, { first: size - 1, last: 0, step: -1 }, (index) =>
    viewLeaf(index, readLeaf(context.state, index)),
  );
}

/** Index of the first leaf of at least this height. */
function findLeaf(state: StateReader, size: number, height: number): number {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (readLeaf(state, middle).height < height) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Proves the app hash before the first working block from `height` on under a new anchor: what refreshes a
 * receipt after the trust period. Throws `history.not-found`, `proof.not-yet`.
 */
export function getHistoryProof(context: QueryContext, args: { readonly height: number }): HistoryProofView {
  const height = requireProvable(context);
  const { crypto, state, provable } = context;
  const log = getHistory(provable);
  const index = log === undefined ? 0 : findLeaf(state, log.size, args.height);
  if (log === undefined || index >= log.size)
    throw new LhgError("history.not-found", "no provable working block is of this height or later", "height");
  const leaf = readLeaf(state, index);
  const value = {
    entry: encode(historyLeaf, leaf),
    index,
    path: proveInclusion(crypto, state, HISTORY_LOG, index, log.size),
    head: buildValueProof(context, BASE, historyKey()),
  };
  return {
    height,
    entry: viewLeaf(index, leaf),
    proof: viewProof("history", height, encode(historyProof, value, "proof")),
  };
}

/** What the app hash commits of a partition. Throws `partition.not-found`. */
export function getPartition(
  context: QueryContext,
  args: ProofArgs & { readonly partition: string },
): PartitionView {
  const partition = parsePartition(args.partition);
  const { state, height } = openState(context, args);
  const found = context.state.getPartitionRecord(state, partition);
  if (found === undefined)
    throw new LhgError("partition.not-found", "nothing was written to this partition yet", "partition");
  return {
    height,
    partition: args.partition,
    partitionId: toHex(partition.id),
    mapRoot: toHex(found.mapRoot),
    size: found.size,
    outcomesRoot: toHex(found.outcomesRoot),
    statementsRoot: toHex(found.statementsRoot),
    ...(args.proof ? { anchor: toHex(encode(anchor, context.anchorOf(partition))) } : {}),
  };
}

export interface ConsistencyArgs {
  readonly partition: string;
  readonly log: "statements" | "outcomes";
  /** Size that the asker knows, at least 1. */
  readonly from: number;
  /** Newer size; the newest by default. */
  readonly to?: number;
}

/** RFC 9162 consistency proof: the log only grew. Throws `log.size-invalid`, `partition.not-found`. */
export function getConsistency(context: QueryContext, args: ConsistencyArgs): ConsistencyView {
  const { partition: name, log, from } = args;
  const { size } = getPartition(context, { partition: name });
  const to = args.to ?? size;
  if (to > size) throw new LhgError("log.size-invalid", `the log has ${size} leaves`, "to");
  if (from < 1 || from > to) throw new LhgError("log.size-invalid", `must be from 1 to ${to}`, "from");
  const partition = parsePartition(name);
  const id = log === "statements" ? statementsLog(partition) : outcomesLog(partition);
  const path = consistencyPath(context.crypto, logNodes(context.crypto, context.state, id), from, to);
  return { height: context.head.height, partition: name, log, from, to, path: path.map(toHex) };
}
