/** Audit: everything the node keeps of the chain, derived again from genesis and the signed statements, and compared. */
import { compareBytes, equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { verifyCertifiedHeader } from "@lhg/protocol/core/proof/anchor";
import { getValidatorsAt } from "@lhg/protocol/modules/validators/validators";
import { SPACE_INDEX_FIRST } from "../blocks/store-keys.ts";
import type { Store, StoreEntry } from "../store/store.ts";
import type { BlockIndexer } from "./port.ts";
import { type ChainSource, type ReplayedBlock, replayChain } from "./replay.ts";

/** Indexes have the first bytes below this one. */
const SPACE_INDEX_END = 0x40;

export interface AuditProgress {
  readonly stage: "replay" | "compare";
  /** Blocks replayed, or records compared. */
  readonly done: number;
  /** Blocks in all; undefined while records are compared. */
  readonly total: number | undefined;
}

export interface AuditProblem {
  /** Stable: `replay.*`, `certificate.*` or `audit.*`. */
  readonly code: string;
  /** Where: a block, or the key of a record in hex. */
  readonly field: string;
  readonly message: string;
}

export interface AuditResult {
  readonly ok: boolean;
  readonly height: number;
  readonly statements: number;
  /** Records that stand in the store and were derived again. */
  readonly records: number;
  readonly problems: readonly AuditProblem[];
}

/** So many problems say enough: what is wrong once is mostly wrong a thousand times. */
const PROBLEMS_MAX = 100;
const PROGRESS_RECORDS = 10_000;

/**
 * Audits a chain that commits nothing meanwhile. `scratch` is an empty store for the second execution, with room for the chain;
 * `indexBlock` joins the indexes to the comparison. Yields progress and returns the result.
 *
 * Replays all blocks with every signature verified; checks each certificate by the validators whom execution put in force; then
 * compares all records, so that state, partition logs, history, item logs, bodies and block records are exactly what follows from
 * the statements, no entry more and none less.
 */
export async function* auditChain(
  source: ChainSource,
  scratch: Store,
  indexBlock?: BlockIndexer,
): AsyncGenerator<AuditProgress, AuditResult> {
  const problems: AuditProblem[] = [];
  const { height } = source.head;
  let statements = 0;
  let records = 0;
  try {
    const replay = replayChain(source, scratch, indexBlock);
    for (let step = await replay.next(); step.done !== true; step = await replay.next()) {
      statements += step.value.block.statements;
      problems.push(...checkCertificate(source, step.value));
      yield { stage: "replay", done: step.value.height, total: height };
    }
    for await (const found of compareStores(source.store, scratch, indexBlock !== undefined)) {
      if (found.problem === undefined) records++;
      else problems.push(found.problem);
      if (problems.length >= PROBLEMS_MAX) break;
      if (records % PROGRESS_RECORDS === 0) yield { stage: "compare", done: records, total: undefined };
    }
  } catch (error) {
    problems.push(toProblem(error));
  }
  return { ok: problems.length === 0, height, statements, records, problems };
}

function toProblem(error: unknown): AuditProblem {
  if (!(error instanceof LhgError)) throw error;
  return { code: error.code, field: error.field, message: error.message };
}

function checkCertificate({ crypto }: ChainSource, replayed: ReplayedBlock): AuditProblem[] {
  const { height, certified, application } = replayed;
  if (certified === undefined) return [];
  try {
    // Whom execution put in force, whatever the stored block names: a change decided here begins two heights on.
    const validators = getValidatorsAt(application.state, height);
    const { hash } = verifyCertifiedHeader(crypto, application.chainId, { ...certified, validators });
    return equalBytes(hash, application.head.blockHash)
      ? []
      : [{ code: "header.hash", field: `blocks[${height}].header`, message: "is of another block" }];
  } catch (error) {
    const { code, field, message } = toProblem(error);
    return [{ code, field: `blocks[${height}].${field}`, message }];
  }
}

type Comparison = { readonly problem: AuditProblem | undefined };
const SAME: Comparison = { problem: undefined };

/** Walks both stores in key order at once. Of the node's own records all are a function of the chain, up to the indexes. */
async function* compareStores(held: Store, derived: Store, withIndexes: boolean): AsyncGenerator<Comparison> {
  const range = { lt: Uint8Array.of(withIndexes ? SPACE_INDEX_END : SPACE_INDEX_FIRST) };
  const left = held.iterate(range);
  const right = derived.iterate(range);
  let a = await take(left);
  let b = await take(right);
  while (a !== undefined || b !== undefined) {
    const order = a === undefined ? 1 : b === undefined ? -1 : compareBytes(a.key, b.key);
    if (order < 0) yield differ("audit.unexplained", a!.key, "is stored but follows from nothing");
    else if (order > 0) yield differ("audit.missing", b!.key, "follows from the chain but is not stored");
    else if (equalBytes(a!.value, b!.value)) yield SAME;
    else yield differ("audit.differs", a!.key, "is not what follows from the chain");
    if (order <= 0) a = await take(left);
    if (order >= 0) b = await take(right);
  }
}

async function take(entries: AsyncIterator<StoreEntry>): Promise<StoreEntry | undefined> {
  const next = await entries.next();
  return next.done === true ? undefined : next.value;
}

function differ(code: string, key: Uint8Array, message: string): Comparison {
  return { problem: { code, field: toHex(key), message } };
}
