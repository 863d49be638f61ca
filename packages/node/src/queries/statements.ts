import { algorithmName } from "@lhg/protocol/core/account";
import { toHex } from "@lhg/protocol/core/bytes";
import type { Json } from "@lhg/protocol/core/codec/definition";
import type { PublicKey } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { notice } from "@lhg/protocol/core/notice";
import { capture } from "@lhg/protocol/core/statement/capture";
import { transaction } from "@lhg/protocol/ledger";
import { collection } from "@lhg/protocol/modules/collection/messages";
import type { PreparedStatement } from "@lhg/protocol/statements";
import type { QueryContext } from "./context.ts";
import {
  accountPrefix,
  blockContentsKey,
  decodeContents,
  decodeEntry,
  decodePlace,
  encodePlace,
  heightOfContentsKey,
  PLACE_BYTES,
  type Place,
  STATEMENT_KINDS,
  type StatementEntry,
} from "./index-format.ts";
import { closePage, openPage, type PageArgs, type Paging, readHex, scanAfter } from "./paging.ts";
import { partitionName } from "./partitions.ts";
import { buildReceipt, requireProvable, viewProof } from "./proofs.ts";
import {
  createTimes,
  findStatement,
  historyPruned,
  isKept,
  isProvable,
  readPrepared,
  requireBlock,
  viewEntry,
  viewStatus,
} from "./stored.ts";
import type { Page, PublicKeyView, StatementKindName, StatementSummary, StatementView } from "./views.ts";

export function viewKey({ alg, bytes }: PublicKey): PublicKeyView {
  return { alg: algorithmName(alg) as PublicKeyView["alg"], bytes: toHex(bytes) };
}

function viewPayload(statement: PreparedStatement): Json {
  switch (statement.kind) {
    case "transaction":
      return transaction.toJson(statement.payload);
    case "collection":
      return collection.toJson(statement.payload);
    case "capture":
      return capture.toJson(statement.payload);
  }
}

export function getStatement(
  context: QueryContext,
  { id, proof = false }: { readonly id: string; readonly proof?: boolean },
): StatementView {
  const { record, outcome } = findStatement(context, id);
  const statement = readPrepared(context, record);
  const { body } = statement.submission;
  return {
    id,
    kind: statement.kind,
    height: record.height,
    position: record.position,
    timeMs: requireBlock(context, record.height).header.timeMs,
    status: viewStatus(outcome.status),
    isProvable: isProvable(context, record.height),
    partition: partitionName(record.partitionId),
    index: record.index,
    signedBy: viewKey(statement.sign1.key),
    payload: viewPayload(statement),
    gasUsed: outcome.gasUsed,
    notices: record.notices.map((entry) => notice.toJson(entry)) as StatementView["notices"],
    touched: record.touched.map(toHex),
    ...(record.failure === null ? {} : { failure: record.failure }),
    sizeBytes: statement.sizeBytes,
    statement: toHex(statement.sign1.bytes),
    ...(body === null ? {} : { slices: body.length }),
    ...(proof ? { proof: viewProof("receipt", requireProvable(context), buildReceipt(context, id)) } : {}),
  };
}

export interface DocumentAnswer {
  readonly contentType: string;
  /** Byte for byte as it was captured. */
  readonly bytes: Uint8Array;
}

/** The document of a capture. Throws `statement.not-found`, `document.not-found` for other kinds of statements. */
export function getDocument(context: QueryContext, { id }: { readonly id: string }): DocumentAnswer {
  const { record } = findStatement(context, id);
  const statement = readPrepared(context, record);
  if (statement.kind !== "capture" || statement.submission.body === null)
    throw new LhgError("document.not-found", "only captures bring a document", "id");
  return { contentType: statement.payload.contentType, bytes: Buffer.concat(statement.submission.body) };
}

export interface ListStatementsArgs extends PageArgs {
  /** Whose statements: sent by it, to it, or naming it. */
  readonly account?: string;
  readonly kind?: StatementKindName;
  /** Only those of this block. */
  readonly height?: number;
}

interface Found extends Place {
  readonly entry: StatementEntry;
}
interface Findings {
  readonly found: readonly Found[];
  /** Where a bounded search stopped short of the end. */
  readonly lookedUpTo?: Place;
}

/** Newest first. */
export async function listStatements(
  context: QueryContext,
  args: ListStatementsArgs,
): Promise<Page<StatementSummary>> {
  const paging = openPage(context, "listStatements", args, PLACE_BYTES);
  const { account, kind, height } = args;
  if (account !== undefined && height !== undefined)
    throw new LhgError("query.conflict", "does not go together with account", "height");
  const { found, lookedUpTo } =
    account === undefined
      ? await findByHeight(context, paging, kind, height)
      : await findByAccount(context, paging, account, kind);
  const timeOf = createTimes(context);
  const page = closePage(
    paging,
    found,
    ({ entry, ...place }) => viewSummary(context, entry, place, timeOf(place.height)),
    encodePlace,
  );
  return page.next === undefined && lookedUpTo !== undefined
    ? { ...page, next: paging.cursorAt(encodePlace(lookedUpTo)) }
    : page;
}

/** Transactions are small and say what they do; collections and captures may be megabytes. */
function viewSummary(
  context: QueryContext,
  entry: StatementEntry,
  place: Place,
  timeMs: number,
): StatementSummary {
  const summary = viewEntry(entry, place, timeMs);
  return entry.kind === "transaction"
    ? { ...summary, payload: viewPayload(readPrepared(context, place)) }
    : summary;
}

async function findByAccount(
  context: QueryContext,
  { after, limit }: Paging,
  account: string,
  kind: StatementKindName | undefined,
): Promise<Findings> {
  const address = readHex(account, 20, "account");
  const kinds = kind === undefined ? STATEMENT_KINDS : [kind];
  const lists = await Promise.all(
    kinds.map(async (each) => {
      const prefix = accountPrefix(address, each);
      const entries = await scanAfter(context.store, prefix, after, limit + 1);
      return entries.map(({ key, value }) => ({
        ...decodePlace(key.subarray(prefix.length)),
        entry: decodeEntry(value),
      }));
    }),
  );
  // What stands below is being deleted.
  const kept = lists.flat().filter(({ height }) => isKept(context, height));
  return { found: kept.sort((a, b) => b.height - a.height || b.position - a.position) };
}

/** Contents of a block can be 400 KB: they are read a few at a time. */
const BLOCKS_PER_SCAN = 8;
/** Scans for one page when most blocks have no statement of the kind. */
const SCANS_MAX = 32;

async function findByHeight(
  context: QueryContext,
  { after, limit }: Paging,
  kind: StatementKindName | undefined,
  height: number | undefined,
): Promise<Findings> {
  const start = after === undefined ? undefined : decodePlace(after);
  const { store, head, firstHeight } = context;
  if (height !== undefined && height > 0 && !isKept(context, height)) throw historyPruned(context, "height");
  const gte = blockContentsKey(height ?? firstHeight);
  const found: Found[] = [];
  let end = height ?? Math.min(start?.height ?? head.height, head.height);
  for (let scans = 0; scans < SCANS_MAX; scans++) {
    const lt = blockContentsKey(end + 1);
    const blocks = await store.scan({ gte, lt, reverse: true, limit: BLOCKS_PER_SCAN });
    for (const { key, value } of blocks) {
      const at = heightOfContentsKey(key);
      for (const { position, ...entry } of decodeContents(value).reverse()) {
        if (kind !== undefined && entry.kind !== kind) continue;
        if (at === start?.height && position >= start.position) continue;
        found.push({ height: at, position, entry });
        if (found.length > limit) return { found };
      }
      end = at - 1;
    }
    if (blocks.length < BLOCKS_PER_SCAN) return { found };
  }
  return { found, lookedUpTo: { height: end + 1, position: 0 } };
}
