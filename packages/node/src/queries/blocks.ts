import { header } from "@lhg/protocol/core/block/header";
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { BlockRecord } from "../blocks/records.ts";
import { blockHashKey } from "../blocks/store-keys.ts";
import type { QueryContext } from "./context.ts";
import { NUMBER_BYTES, openPage, type PageArgs, pageNumbers, readHex } from "./paging.ts";
import { buildCertifiedHeader, viewProof } from "./proofs.ts";
import { historyPruned, isProvable, readBlock, requireBlock } from "./stored.ts";
import type { BlockSummary, BlockView, Page } from "./views.ts";

export function viewSummary(context: QueryContext, block: BlockRecord): BlockSummary {
  const { height, timeMs, proposer } = block.header;
  return {
    height,
    hash: toHex(hashOf(context, height)),
    timeMs,
    proposer: toHex(proposer),
    statements: block.statements,
    isWorking: block.isWorking === 1,
    isProvable: isProvable(context, height),
    sizeBytes: block.sizeBytes,
  };
}

/** As the engine names it: the block after it says so. */
function hashOf(context: QueryContext, height: number): Uint8Array {
  const { head } = context;
  return height === head.height ? head.blockHash : requireBlock(context, height + 1).header.parent;
}

export type GetBlockArgs =
  | { readonly height: number; readonly hash?: undefined; readonly proof?: boolean }
  | { readonly hash: string; readonly height?: undefined; readonly proof?: boolean };

/** Throws `block.not-found`, `history.pruned`. The proof of a block is its certified header. */
export function getBlock(context: QueryContext, args: GetBlockArgs): BlockView {
  const height = args.hash === undefined ? args.height : findHeight(context, args.hash);
  const block = requireBlock(context, height);
  return {
    ...viewSummary(context, block),
    header: header.toJson(block.header),
    skipped: block.skipped.map((entry) => ({ ...entry })),
    evidence: block.evidence.map(toHex),
    ...(args.proof ? { proof: viewProof("header", height, buildCertifiedHeader(context, height)) } : {}),
  };
}

function findHeight(context: QueryContext, hash: string): number {
  const stored = context.store.get(blockHashKey(readHex(hash, 32, "hash")));
  if (stored === undefined && context.firstHeight > 1) throw historyPruned(context, "hash");
  if (stored === undefined) throw new LhgError("block.not-found", "there is no block of this hash", "hash");
  return Number(new DataView(stored.buffer, stored.byteOffset, NUMBER_BYTES).getBigUint64(0));
}

/** Newest first. */
export function listBlocks(context: QueryContext, args: PageArgs): Page<BlockSummary> {
  const paging = openPage(context, "listBlocks", args, NUMBER_BYTES);
  return pageNumbers(
    paging,
    { first: context.head.height, last: context.firstHeight, step: -1 },
    (height) => {
      const block = readBlock(context, height);
      return block === undefined ? undefined : viewSummary(context, block);
    },
  );
}
