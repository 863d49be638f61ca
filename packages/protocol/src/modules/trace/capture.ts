/** Captures: whether one may enter, what it costs, and the execution of the document it brings. */
import type { Address } from "../../core/account.ts";
import { equalKeys, getAccount, isKeyOf } from "../../core/accounts.ts";
import { equalBytes } from "../../core/bytes.ts";
import { encodeCbor } from "../../core/codec/cbor.ts";
import { record, uint } from "../../core/codec/definition.ts";
import type { Sign1 } from "../../core/cose.ts";
import type { Hasher, PublicKey } from "../../core/crypto.ts";
import { assertInvariant, LhgError } from "../../core/errors.ts";
import { hashLeaf } from "../../core/merkle/log.ts";
import { type AdmissionContext, postpone, refuse, type StatementContext } from "../../core/module.ts";
import { computeSizeCost, type Parameters } from "../../core/parameters.ts";
import type { StateReader } from "../../core/state/overlay.ts";
import { vendorPartition } from "../../core/state/partition.ts";
import { defineTable } from "../../core/state/table.ts";
import { type Capture, computeSlicesRoot } from "../../core/statement/capture.ts";
import { failStatement } from "../../core/status.ts";
import { type EpcisDocument, joinDocument } from "../../epcis/document.ts";
import { ADMITTED, getCaptureKey, getVendor } from "../identity/vendors.ts";
import { getCredits, spendCredits } from "../token/token.ts";
import type { CaptureRun } from "./event-run.ts";
import { readFacts } from "./facts.ts";
import { ItemSet } from "./items.ts";
import { TRACE_MODULE } from "./messages.ts";
import { executeEvent } from "./trace.ts";

/** Media types of captured documents. */
export const CAPTURE_CONTENT_TYPES: readonly string[] = ["application/ld+json", "application/json"];

/** Head and tail stand around the events. */
const FRAME_SLICES = 2;

const sequences = defineTable<[], { next: number }>(
  "capture sequence",
  TRACE_MODULE,
  7,
  record(1, { next: uint() }),
);

/** The captureSeq that the vendor's next capture must bear; from 0. */
export function getNextCaptureSeq(state: StateReader, vendor: Address): number {
  return sequences.get(state, vendorPartition(vendor))?.next ?? 0;
}

/** Credits that a capture of so many events and bytes of document costs. */
export function computeCaptureCost(
  parameters: Pick<Parameters, "creditsPerCapture" | "creditsPerEvent" | "creditsPerKilobyte">,
  events: number,
  sizeBytes: number,
): number {
  return (
    parameters.creditsPerCapture +
    events * parameters.creditsPerEvent +
    computeSizeCost(parameters, sizeBytes)
  );
}

/** Judges a capture against the state just before it; everything but the signature itself. */
export function admitCapture(
  context: AdmissionContext,
  statement: Sign1,
  capture: Capture,
  body: readonly Uint8Array[],
): void {
  const { state, parameters } = context;
  if (capture.chainId !== context.chainId)
    refuse("statement.chain", "is for another chain", "capture.chainId");
  if (!CAPTURE_CONTENT_TYPES.includes(capture.contentType))
    refuse(
      "capture.content-type",
      `must be one of ${CAPTURE_CONTENT_TYPES.join(", ")}`,
      "capture.contentType",
    );
  if (getVendor(state, capture.vendor)?.standing !== ADMITTED)
    refuse("vendor.not-admitted", "is no admitted vendor", "capture.vendor");
  checkKey(context, statement.key, capture.vendor);
  const events = checkSize(context, capture, body);
  const next = getNextCaptureSeq(state, capture.vendor);
  if (capture.captureSeq < next)
    refuse("capture.sequence-used", `is used; the next is ${next}`, "capture.captureSeq");
  if (capture.captureSeq > next)
    postpone("capture.sequence-gap", `the next is ${next}`, "capture.captureSeq");
  const cost = computeCaptureCost(parameters, events, capture.sizeBytes);
  if (getCredits(state, capture.vendor) < cost)
    postpone("credit.insufficient", `needs ${cost} credits of its vendor`, "capture");
}

function checkKey({ state, hasher, timeMs }: AdmissionContext, key: PublicKey, vendor: Address): void {
  if (isKeyOf(hasher, vendor, getAccount(state, vendor), key)) return;
  const delegated = getCaptureKey(state, vendor, key.bytes);
  if (delegated === undefined || !equalKeys(delegated.key, key))
    refuse("statement.key", "is neither the vendor's key nor one it delegated", "statement.protected.kid");
  if (delegated.revoked !== 0)
    refuse("capture.key-revoked", "was revoked by the vendor", "statement.protected.kid");
  if (delegated.scope.expiryMs <= timeMs)
    refuse("capture.key-expired", `expired; chain time is ${timeMs}`, "statement.protected.kid");
}

/** Checks a capture's size against the parameters; returns how many events there are. */
function checkSize({ parameters }: AdmissionContext, capture: Capture, body: readonly Uint8Array[]): number {
  if (capture.sizeBytes > parameters.captureSizeBytesMax)
    refuse(
      "statement.oversize",
      `must be at most ${parameters.captureSizeBytesMax} bytes`,
      "capture.sizeBytes",
    );
  const events = body.length - FRAME_SLICES;
  if (events > parameters.captureEventsMax)
    refuse("capture.events", `must have at most ${parameters.captureEventsMax} events`, "body");
  return events;
}

/**
 * Checks that the slices are those that were signed. A block names a capture by its COSE bytes, and these name
 * the slices: other slices are no other statement but a missing one. Throws `capture.body` or `capture.slices`.
 */
export function checkCaptureBody(
  hasher: Pick<Hasher, "sha256">,
  capture: Capture,
  body: readonly Uint8Array[] | null,
): asserts body is readonly Uint8Array[] {
  if (body === null) throw new LhgError("capture.body", "must travel with its slices", "body");
  if (body.length <= FRAME_SLICES || body.length !== capture.sliceCount)
    throw new LhgError("capture.slices", `must be ${capture.sliceCount}: head, events and tail`, "body");
  let sizeBytes = 0;
  for (const slice of body) sizeBytes += slice.length;
  if (sizeBytes !== capture.sizeBytes)
    throw new LhgError("capture.slices", `must hold ${capture.sizeBytes} bytes, as was signed`, "body");
  if (!equalBytes(computeSlicesRoot(hasher, body), capture.slicesRoot))
    throw new LhgError("capture.slices", "are not the slices that were signed", "body");
}

/** Takes a capture's credit and sequence number; what follows may fail without giving either back. */
export function chargeCapture(
  context: StatementContext,
  capture: Capture,
  body: readonly Uint8Array[],
): void {
  const cost = computeCaptureCost(context.parameters, body.length - FRAME_SLICES, capture.sizeBytes);
  spendCredits(context.state, capture.vendor, cost);
  const next = capture.captureSeq + 1;
  sequences.set(context.state, vendorPartition(capture.vendor), { next });
}

/**
 * Executes all events of a capture, or fails the statement: `trace.event-invalid` with the JSON path in the
 * document, or what executeEvent says. The ledger undoes what a failing capture has done.
 */
export function executeCapture(
  context: StatementContext,
  capture: Capture,
  signerKey: PublicKey,
  body: readonly Uint8Array[],
): void {
  const { hasher, state, statementId } = context;
  const document = readBody(body);
  const items = new ItemSet(hasher, state);
  const scope = findScope(context, capture.vendor, signerKey);
  const run: CaptureRun = { context, captor: capture.vendor, items, scope };
  document.events.forEach((node, index) => {
    const path = document.eventsPath === "$" ? "$" : `${document.eventsPath}[${index}]`;
    const read = asStatus(() => readFacts(hasher, node, document.context, path));
    const sliceHash = hashLeaf(hasher, body[index + 1]!);
    executeEvent(run, { id: { capture: statementId, index }, node, path, sliceHash, ...read });
  });
  items.flush();
  putBody(context, body);
}

function readBody(body: readonly Uint8Array[]): EpcisDocument {
  const [head, ...rest] = body;
  const tail = rest.pop();
  assertInvariant(head !== undefined && tail !== undefined, "a body without head and tail is not admitted");
  const document = asStatus(() => joinDocument({ head, slices: rest, tail }));
  if (document.events.length !== rest.length)
    failStatement("trace.event-invalid", "must hold the events it is cut into", "$");
  return document;
}

function asStatus<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    return failStatement("trace.event-invalid", `${error.code}: ${error.message}`, error.field);
  }
}

/** The prefixes that a delegated key is limited to; undefined where it may say what its vendor may. */
function findScope(
  { state, hasher }: Pick<StatementContext, "state" | "hasher">,
  vendor: Address,
  key: PublicKey,
): readonly string[] | undefined {
  if (isKeyOf(hasher, vendor, getAccount(state, vendor), key)) return undefined;
  const delegated = getCaptureKey(state, vendor, key.bytes);
  if (delegated === undefined || !equalKeys(delegated.key, key)) return undefined;
  return delegated.scope.prefixes.length === 0 ? undefined : delegated.scope.prefixes;
}

/** Where a capture's slice stands: 0 the head, i + 1 event i, the last the tail. Bodies can be pruned. */
export function sliceKey(capture: Uint8Array, index: number): Uint8Array {
  return encodeCbor(["slice", capture, index]);
}

/** Where the number of a capture's slices stands. */
export function sliceCountKey(capture: Uint8Array): Uint8Array {
  return encodeCbor(["slices", capture]);
}

function putBody({ state, statementId }: StatementContext, body: readonly Uint8Array[]): void {
  state.putDerived(sliceCountKey(statementId), encodeCbor(body.length));
  body.forEach((slice, index) => {
    state.putDerived(sliceKey(statementId, index), slice);
  });
}
