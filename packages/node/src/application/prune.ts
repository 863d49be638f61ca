import { outcome } from "@lhg/protocol/core/block/outcome";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { assertInvariant } from "@lhg/protocol/core/errors";
import { certifiedHeader } from "@lhg/protocol/core/proof/anchor";
import { submission } from "@lhg/protocol/core/statement/submission";
import type { ExecutedStatement } from "@lhg/protocol/execute-block";
import { executedKey, executedRecord } from "@lhg/protocol/partition-logs";
import { listPrunable } from "@lhg/protocol/prunable";
import { prepareStatement } from "@lhg/protocol/statements";
import { readCertifiedHeader } from "../blocks/certified-headers.ts";
import { type BlockRecord, type KeptRecord, keptRecord } from "../blocks/records.ts";
import {
  blockHashKey,
  blockKey,
  certificateKey,
  KEPT_KEY,
  keptHeaderKey,
  statementKey,
} from "../blocks/store-keys.ts";
import type { StoreWrite } from "../store/store.ts";
import type { LedgerApplication } from "./application.ts";

/** However old they are, so many of the newest certified blocks stay: evidence and lagging nodes ask for them. */
export const BLOCKS_KEPT_MIN = 128;

/** Of one call, which is a few milliseconds of the ledger's thread: a block commits between two of them. */
const STATEMENTS_PER_CALL = 100;
const BLOCKS_PER_CALL = 100;
const BYTES_PER_CALL = 4 << 20;

/** Keys of the indexes of some of a block's statements. */
export type IndexKeyLister = (block: {
  readonly crypto: LedgerApplication["crypto"];
  readonly height: number;
  readonly timeMs: number;
  readonly executed: readonly ExecutedStatement[];
  readonly overlay: LedgerApplication["state"];
}) => readonly Uint8Array[];

export interface PruneResult {
  readonly firstHeight: number;
  /** Nothing that old is left. */
  readonly isDone: boolean;
}

/**
 * Deletes the oldest blocks made before `beforeMs`: statements, outcomes by id, block records, certificates, indexes. Headers that
 * change the validators stay, as do the state, its logs and the records of events. Deletes no more than fits in a few milliseconds: call it again until
 * it is done. A crash leaves at most a block that is half deleted; it counts as pruned, and the next call goes on with it.
 */
export async function pruneBlocks(
  application: LedgerApplication,
  beforeMs: number,
  listIndexKeys: IndexKeyLister,
): Promise<PruneResult> {
  const budget = { statements: STATEMENTS_PER_CALL, bytes: BYTES_PER_CALL };
  const writes: StoreWrite[] = [];
  let kept: KeptRecord = application.kept;
  for (let blocks = 0; blocks < BLOCKS_PER_CALL && hasRoom(budget); blocks++) {
    const height = kept.prunedHeight + 1;
    const block = application.getBlock(height);
    if (!isOld(application, kept, block, beforeMs)) {
      await commitKept(application, kept, writes);
      return { firstHeight: kept.firstHeight, isDone: true };
    }
    assertInvariant(block !== undefined, "blocks that are not pruned are stored");
    const isEmptied = await dropStatements(application, block, listIndexKeys, budget, writes);
    if (isEmptied) dropBlock(application, block, writes);
    kept = { ...kept, firstHeight: height + 1, prunedHeight: isEmptied ? height : height - 1 };
  }
  await commitKept(application, kept, writes);
  return { firstHeight: kept.firstHeight, isDone: false };
}

interface Budget {
  statements: number;
  bytes: number;
}

function hasRoom({ statements, bytes }: Budget): boolean {
  return statements > 0 && bytes > 0;
}

/** A block that is half deleted is old, whatever is asked for now. */
function isOld(
  { certifiedHeight }: LedgerApplication,
  { firstHeight }: KeptRecord,
  block: BlockRecord | undefined,
  beforeMs: number,
): boolean {
  if (block === undefined) return false;
  const { height, timeMs } = block.header;
  return height < firstHeight || (timeMs < beforeMs && height <= certifiedHeight - BLOCKS_KEPT_MIN);
}

/** Deletes statements of a block from the first on; returns whether all are gone. */
async function dropStatements(
  { crypto, store, state }: LedgerApplication,
  { header: { height, timeMs } }: BlockRecord,
  listIndexKeys: IndexKeyLister,
  budget: Budget,
  writes: StoreWrite[],
): Promise<boolean> {
  const executed: ExecutedStatement[] = [];
  let isEmptied = true;
  for await (const { key, value } of store.iterate({
    gte: statementKey(height, 0),
    lt: statementKey(height + 1, 0),
  })) {
    if (!hasRoom(budget)) {
      isEmptied = false;
      break;
    }
    budget.statements -= 1;
    budget.bytes -= value.length;
    writes.push({ key, value: undefined });
    const statement = prepareStatement(crypto, decode(submission, value, "submission"));
    const stored = state.getDerived(executedKey(statement.id));
    const held = stored === undefined ? undefined : decode(executedRecord, stored, "statement");
    // What was skipped here may have been executed in another block.
    if (held?.height !== height || !equalBytes(statementKey(height, held.position), key)) continue;
    const { position, notices, touched } = held;
    executed.push({
      statement,
      position,
      outcome: decode(outcome, held.outcome, "outcome"),
      notices,
      touched,
    });
    for (const derived of listPrunable(statement)) writes.push(state.dropDerived(derived));
  }
  for (const key of listIndexKeys({ crypto, height, timeMs, executed, overlay: state }))
    writes.push({ key, value: undefined });
  return isEmptied;
}

function dropBlock(application: LedgerApplication, { header }: BlockRecord, writes: StoreWrite[]): void {
  const { store } = application;
  const { height } = header;
  const isTransition = !equalBytes(header.validatorsHash, header.nextValidatorsHash);
  const certified = isTransition ? readCertifiedHeader(store, height) : undefined;
  const kept = certified === undefined ? undefined : encode(certifiedHeader, certified, "header");
  const hash = application.getBlockHash(height);
  for (const key of [blockKey(height), blockHashKey(hash), certificateKey(height)])
    writes.push({ key, value: undefined });
  writes.push({ key: keptHeaderKey(height), value: kept });
}

async function commitKept(
  application: LedgerApplication,
  kept: KeptRecord,
  writes: readonly StoreWrite[],
): Promise<void> {
  if (writes.length === 0) return;
  await application.store.commit([...writes, { key: KEPT_KEY, value: encode(keptRecord, kept, "kept") }]);
  application.kept = kept;
}
