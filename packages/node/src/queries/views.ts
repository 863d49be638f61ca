/**
 * What queries answer, as JSON: byte strings are lower-case hex, amounts decimal strings of the smallest unit,
 * times milliseconds since 1970. One definition gives the type and, in the API, the schema.
 */
import { type Static, type TSchema, Type } from "typebox";

const DIGEST_EXAMPLE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const hexText = Type.String({ pattern: "^([0-9a-f]{2})*$", description: "bytes in lower-case hex" });
// What a pattern stands for begins its description: errors say "must be" before it.
export const addressText = Type.String({
  pattern: "^[0-9a-f]{40}$",
  description: "40 hexadecimal digits in lower case: an address of 20 bytes",
  examples: ["4f3a1c0b9e8d7f6a5b4c3d2e1f00112233445566"],
});
export const digestText = Type.String({
  pattern: "^[0-9a-f]{64}$",
  description: "64 hexadecimal digits in lower case: a SHA-256 digest",
  examples: [DIGEST_EXAMPLE],
});
const amountText = Type.String({
  pattern: "^(0|[1-9][0-9]*)$",
  description: "smallest units of LHG (10^-8) as a decimal string",
});
const count = Type.Integer({ minimum: 0 });
const timeMs = Type.Integer({ description: "milliseconds since 1970-01-01T00:00Z" });
/** Whatever the codec of a message, key or record makes of it. */
const json = Type.Unknown();

/** One page of a list. `next` is the cursor of the page after it, absent on the last. */
export function pageOf<T extends TSchema>(item: T) {
  return Type.Object({ items: Type.Array(item), next: Type.Optional(Type.String()) });
}
export interface Page<T> {
  items: T[];
  next?: string;
}

/** Encoded proof; `kind` names the function of the sdk that verifies it. All proofs of an answer stand at one height. */
export const proofView = Type.Object({
  kind: Type.Union([
    Type.Literal("receipt"),
    Type.Literal("value"),
    Type.Literal("header"),
    Type.Literal("history"),
  ]),
  height: Type.Integer({ description: "the provable height it stands at" }),
  bytes: hexText,
});
export type ProofView = Static<typeof proofView>;
const proof = Type.Optional(proofView);

export const publicKeyView = Type.Object({
  alg: Type.Union([Type.Literal("EdDSA"), Type.Literal("ES256"), Type.Literal("ES256K")]),
  bytes: hexText,
});
export type PublicKeyView = Static<typeof publicKeyView>;

const statusView = Type.Object({
  code: Type.Integer({ description: "replicated status; 0 is success" }),
  name: Type.String(),
});

export const statementKind = Type.Union([
  Type.Literal("transaction"),
  Type.Literal("collection"),
  Type.Literal("capture"),
]);
export type StatementKindName = Static<typeof statementKind>;

const statementPlace = {
  id: digestText,
  kind: statementKind,
  height: count,
  position: Type.Integer({ minimum: 0, description: "place among the statements of the block" }),
  timeMs,
  status: statusView,
};
/** A line of a list; transactions carry their payload, the others are asked for one by one. */
export const statementSummary = Type.Object({ ...statementPlace, payload: Type.Optional(json) });
export type StatementSummary = Static<typeof statementSummary>;

const noticeView = Type.Object({ module: count, kind: count, attributes: Type.Array(json) });
export const statementView = Type.Object({
  ...statementPlace,
  isProvable: Type.Boolean({ description: "a certified header commits to it" }),
  partition: Type.String({ description: "base, items, vendor:<address> or contract:<address>" }),
  index: Type.Integer({ minimum: 0, description: "place in the logs of its partition" }),
  signedBy: publicKeyView,
  payload: json,
  gasUsed: count,
  notices: Type.Array(noticeView),
  touched: Type.Array(Type.String({ description: "items written to, as hex keys" })),
  failure: Type.Optional(
    Type.Object(
      { field: Type.String(), message: Type.String() },
      { description: "why it failed, in this node's words; the outcome commits the status alone" },
    ),
  ),
  sizeBytes: count,
  statement: Type.String({ pattern: "^([0-9a-f]{2})*$", description: "the COSE_Sign1 as received, in hex" }),
  slices: Type.Optional(Type.Integer({ description: "of a capture: head, events and tail" })),
  proof,
});
export type StatementView = Static<typeof statementView>;

const blockLine = {
  height: count,
  hash: digestText,
  timeMs,
  proposer: addressText,
  statements: count,
  isWorking: Type.Boolean({ description: "whether it changed the state" }),
  isProvable: Type.Boolean(),
  sizeBytes: count,
};
export const blockSummary = Type.Object(blockLine);
export type BlockSummary = Static<typeof blockSummary>;
export const blockView = Type.Object({
  ...blockLine,
  header: json,
  skipped: Type.Array(Type.Object({ position: count, code: Type.String(), field: Type.String() })),
  evidence: Type.Array(hexText),
  proof,
});
export type BlockView = Static<typeof blockView>;

/** `height` is that of the state the answer was read from: the head, or with a proof the provable height. */
const asOf = { height: count };

export const accountView = Type.Object({
  ...asOf,
  address: addressText,
  nonce: count,
  balance: amountText,
  key: Type.Union([publicKeyView, Type.Null()]),
  isVendor: Type.Boolean(),
  isDevice: Type.Boolean(),
  isValidator: Type.Boolean(),
  proof,
});
export type AccountView = Static<typeof accountView>;

export const vendorView = Type.Object({
  ...asOf,
  vendor: addressText,
  name: Type.String(),
  prefixes: Type.Array(Type.String()),
  standing: Type.Union([Type.Literal("admitted"), Type.Literal("expelled")]),
  version: count,
  order: count,
  credits: count,
  nextCaptureSeq: count,
  devices: count,
  group: Type.Union([count, Type.Null()]),
  proof,
});
export type VendorView = Static<typeof vendorView>;

export const deviceView = Type.Object({
  ...asOf,
  device: addressText,
  vendor: addressText,
  key: publicKeyView,
  previousKeys: Type.Array(publicKeyView),
  model: Type.String(),
  capabilities: Type.Array(Type.String()),
  registeredAtHeight: count,
  revokedFromHeight: Type.Union([count, Type.Null()]),
  creditsPerDayMax: Type.Union([count, Type.Null()]),
  lastSeen: Type.Optional(Type.Object({ height: count, timeMs, statementId: digestText })),
  proof,
});
export type DeviceView = Static<typeof deviceView>;

export const streamView = Type.Object({
  ...asOf,
  device: addressText,
  stream: count,
  headSeq: count,
  headId: digestText,
  gaps: Type.Array(Type.Object({ from: count, to: count, lowerId: digestText, upperId: digestText })),
  collections: count,
  readings: count,
  continues: Type.Union([Type.Object({ stream: count, lastId: digestText }), Type.Null()]),
  proof,
});
export type StreamView = Static<typeof streamView>;

/** Numbers are decimal strings: exact, as the device wrote them. Times are claims of the device. */
export const readingView = Type.Object({
  name: Type.String(),
  unit: Type.Optional(Type.String()),
  timeMs: Type.Integer({ description: "claimed by the device, milliseconds since 1970" }),
  number: Type.Optional(Type.String()),
  text: Type.Optional(Type.String()),
  flag: Type.Optional(Type.Boolean()),
  data: Type.Optional(hexText),
  sum: Type.Optional(Type.String()),
});
export type ReadingView = Static<typeof readingView>;

export const collectionView = Type.Object({
  ...statementPlace,
  device: addressText,
  stream: count,
  seq: count,
  prevId: digestText,
  readings: Type.Array(readingView),
});
export type CollectionView = Static<typeof collectionView>;

const validatorView = Type.Object({
  operator: addressText,
  consensusKey: hexText,
  address: Type.String({ pattern: "^[0-9a-f]{40}$", description: "CometBFT's address of the consensus key" }),
  power: amountText,
});
export const validatorsView = Type.Object({
  ...asOf,
  version: count,
  approvalsNeeded: count,
  votesNeeded: count,
  current: Type.Object({ hash: digestText, validators: Type.Array(validatorView) }),
  next: Type.Object({ hash: digestText, validators: Type.Array(validatorView) }),
});
export type ValidatorsView = Static<typeof validatorsView>;

export const parametersView = Type.Object({
  ...asOf,
  version: count,
  parameters: Type.Record(Type.String(), Type.Union([Type.Integer(), amountText])),
});
export type ParametersView = Static<typeof parametersView>;

export const groupView = Type.Object({
  ...asOf,
  group: count,
  name: Type.String(),
  members: count,
  mergedInto: Type.Union([count, Type.Null()]),
});
export type GroupView = Static<typeof groupView>;

export const chainView = Type.Object({
  chainId: Type.String(),
  genesis: json,
  genesisBytes: hexText,
  supply: Type.Object({ issued: amountText, cap: amountText }),
});
export type ChainView = Static<typeof chainView>;

export const historyEntry = Type.Object({
  index: count,
  height: count,
  timeMs,
  previousAppHash: digestText,
});
export type HistoryEntry = Static<typeof historyEntry>;

/** Leads from an app hash of the past to a newer anchor. */
export const historyProofView = Type.Object({
  ...asOf,
  entry: historyEntry,
  proof: proofView,
});
export type HistoryProofView = Static<typeof historyProofView>;

export const partitionView = Type.Object({
  ...asOf,
  partition: Type.String(),
  partitionId: hexText,
  mapRoot: digestText,
  size: Type.Integer({ minimum: 0, description: "leaves of the statements and of the outcomes log" }),
  outcomesRoot: digestText,
  statementsRoot: digestText,
  anchor: Type.Optional(hexText),
});
export type PartitionView = Static<typeof partitionView>;

export const consistencyView = Type.Object({
  ...asOf,
  partition: Type.String(),
  log: Type.Union([Type.Literal("statements"), Type.Literal("outcomes")]),
  from: count,
  to: count,
  path: Type.Array(digestText),
});
export type ConsistencyView = Static<typeof consistencyView>;

export const eventIdText = Type.String({
  pattern: "^[0-9a-f]{64}:[0-9]{1,6}$",
  description: "<statement id of the capture, 64 hexadecimal digits>:<index of the event>",
  examples: [`${DIGEST_EXAMPLE}:0`],
});
export const eventTypeName = Type.Union([
  Type.Literal("ObjectEvent"),
  Type.Literal("AggregationEvent"),
  Type.Literal("TransactionEvent"),
  Type.Literal("TransformationEvent"),
  Type.Literal("AssociationEvent"),
]);
export const eventActionName = Type.Union([
  Type.Literal("ADD"),
  Type.Literal("OBSERVE"),
  Type.Literal("DELETE"),
]);

const eventItemView = Type.Object({
  identity: Type.String(),
  role: Type.String(),
  isClassLevel: Type.Boolean(),
  quantity: Type.Optional(Type.Object({ value: Type.String(), uom: Type.String() })),
});
const eventLine = {
  id: eventIdText,
  height: count,
  timeMs: Type.Integer({ description: "block time; eventTimeMs is the captor's claim" }),
  vendor: addressText,
  type: eventTypeName,
  action: Type.Optional(eventActionName),
  eventTimeMs: timeMs,
  eventTimeZoneOffset: Type.String(),
  eventId: Type.Optional(Type.String({ description: "as its captor wrote it" })),
  hash: Type.String({ description: "event hash id of CBV 2.0" }),
  bizStep: Type.Optional(Type.String()),
  disposition: Type.Optional(Type.String()),
  readPoint: Type.Optional(Type.String()),
  bizLocation: Type.Optional(Type.String()),
  transformationId: Type.Optional(Type.String()),
  items: Type.Array(eventItemView),
  itemsTotal: Type.Integer({ description: "lists show the first 100 items" }),
  flags: Type.Array(Type.String({ description: "what the ledger found when it executed the event" })),
};
export const eventSummary = Type.Object(eventLine);
export type EventSummary = Static<typeof eventSummary>;

export const eventView = Type.Object({
  ...eventLine,
  isProvable: Type.Boolean(),
  duplicateOf: Type.Optional(eventIdText),
  corrections: Type.Array(eventIdText),
  isRetracted: Type.Boolean(),
  source: Type.Optional(Type.String({ description: "the event's own bytes; absent where they are pruned" })),
  proof,
});
export type EventView = Static<typeof eventView>;

const relation = Type.Union([Type.Literal("aggregation"), Type.Literal("association")]);
export type RelationName = Static<typeof relation>;

const logView = Type.Object({ size: count, root: digestText });
export const itemView = Type.Object({
  ...asOf,
  identity: Type.String(),
  key: digestText,
  kind: Type.String(),
  holder: Type.Union([Type.Object({ vendor: addressText, prefix: Type.String() }), Type.Null()], {
    description: "who was granted the identifier prefix",
  }),
  custodian: Type.Union([addressText, Type.Null()], {
    description: "who answers for it: custody follows the outermost container",
  }),
  pending: Type.Union([Type.Object({ from: addressText, to: addressText }), Type.Null()]),
  containers: Type.Array(Type.Object({ identity: Type.String(), key: digestText }), {
    description: "from the nearest out",
  }),
  parents: Type.Array(
    Type.Object({ relation, identity: Type.String(), key: digestText, event: eventIdText }),
  ),
  children: Type.Object({ aggregation: count, association: count }),
  commissioned: Type.Union([eventIdText, Type.Null()]),
  ended: Type.Union([eventIdText, Type.Null()]),
  quantities: Type.Array(Type.Object({ uom: Type.String(), balance: Type.String() })),
  custody: logView,
  observations: logView,
  proof,
});
export type ItemView = Static<typeof itemView>;

export const itemChild = Type.Object({ identity: Type.String(), key: digestText });
export type ItemChild = Static<typeof itemChild>;

export const itemEvent = Type.Object({
  index: Type.Integer({ minimum: 0, description: "place in the item's log" }),
  role: Type.String(),
  event: eventSummary,
});
export type ItemEvent = Static<typeof itemEvent>;

export const traceView = Type.Object({
  ...asOf,
  identity: Type.String(),
  isTruncated: Type.Boolean(),
  items: Type.Array(Type.Object({ identity: Type.String(), depth: count })),
  steps: Type.Array(
    Type.Object({
      event: eventSummary,
      depth: count,
      via: Type.String({ description: "identity of the item, or key of the transformation, that led here" }),
      log: Type.Union([Type.Literal("custody"), Type.Literal("observation"), Type.Literal("transformation")]),
      role: Type.String(),
      isFollowed: Type.Boolean(),
      isRetracted: Type.Boolean(),
      corrections: Type.Array(eventIdText),
    }),
  ),
});
export type TraceView = Static<typeof traceView>;

/** What one block did, for those who watch. Long lists are cut; the totals tell. */
export const activityView = Type.Object({
  block: blockSummary,
  statements: Type.Array(statementSummary),
  statementsTotal: count,
  events: Type.Array(eventSummary),
  eventsTotal: count,
});
export type ActivityView = Static<typeof activityView>;

export const attestationsView = Type.Object({
  height: count,
  digest: digestText,
  total: Type.Integer({ minimum: 0, description: "owners who registered this digest" }),
  items: Type.Array(
    Type.Object({
      index: Type.Integer({ minimum: 0, description: "0 came first" }),
      owner: addressText,
      statementId: digestText,
      height: count,
      timeMs,
      sizeBytes: Type.Integer({ minimum: 0, description: "as the owner says, like media type and note" }),
      mediaType: Type.String(),
      note: Type.String(),
      proof,
    }),
  ),
  next: Type.Optional(Type.String()),
  proof: Type.Optional(Type.Object(proofView.properties, { description: "of the number of owners" })),
});
export type AttestationsView = Static<typeof attestationsView>;

export const commandView = Type.Object({
  device: addressText,
  number: Type.Integer({ minimum: 1 }),
  id: Type.String({ description: "statement that sent it: its receipt is what the device checks" }),
  name: Type.String(),
  payload: hexText,
  sentBy: addressText,
  sentAtHeight: count,
  timeMs,
  expiryMs: timeMs,
  acknowledgement: Type.Optional(
    Type.Object({
      result: Type.String({ description: "the device's words: `done`, or why not" }),
      statementId: digestText,
      height: count,
      timeMs,
    }),
  ),
});
export type CommandView = Static<typeof commandView>;

export const totalsView = Type.Object({
  height: count,
  vendors: Type.Integer({ minimum: 0, description: "ever admitted" }),
  devices: Type.Integer({ minimum: 0, description: "ever registered" }),
  statements: Type.Integer({ minimum: 0, description: "with an outcome" }),
});
export type TotalsView = Static<typeof totalsView>;
