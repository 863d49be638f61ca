/** Captures: an EPCIS document cut into slices and signed, after all of it was checked as the ledger will check it. */
import type { Address } from "@lhg/protocol/core/account";
import { encode } from "@lhg/protocol/core/codec/definition";
import type { Signer } from "@lhg/protocol/core/cose";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { capture, computeSlicesRoot } from "@lhg/protocol/core/statement/capture";
import { type EpcisDocument, readDocument } from "@lhg/protocol/epcis/document";
import { readEvent } from "@lhg/protocol/epcis/event";
import { eventHash } from "@lhg/protocol/epcis/event-hash";
import type { EpcisEvent } from "@lhg/protocol/epcis/event-model";
import { nobleCrypto } from "../crypto/noble.ts";
import { type SignedStatement, signSubmission } from "../transaction/signed-statement.ts";

export const EPCIS_CONTENT_TYPE = "application/ld+json";

export interface CaptureRequest {
  readonly chainId: string;
  readonly vendor: Address;
  /** Counts the vendor's captures; the next one as the chain has it. */
  readonly captureSeq: number;
  /** The document as bytes; they are kept as they are. */
  readonly document: Uint8Array;
  /** The vendor's key, or one to which the vendor delegated capturing. */
  readonly signer: Signer;
  readonly contentType?: string;
  readonly hasher?: Pick<Hasher, "sha256">;
}

/** An event as it will be found: its place, the CBV 2.0 event hash, and its eventID if it states one. */
export interface CapturedEvent {
  readonly index: number;
  /** `ni:///sha-256;...?ver=CBV2.0` */
  readonly hash: string;
  readonly event: EpcisEvent;
}

export interface SignedCapture extends SignedStatement {
  readonly events: readonly CapturedEvent[];
}

/**
 * What a document holds, with nothing signed. Throws `json.*`, `epcis.*`, `identity.*` or `decimal.*` with the JSON path of
 * the offending value.
 */
export function readCapturedEvents(
  document: Uint8Array,
  hasher: Pick<Hasher, "sha256"> = nobleCrypto,
): CapturedEvent[] {
  return readEvents(readDocument(document), hasher);
}

function readEvents(document: EpcisDocument, hasher: Pick<Hasher, "sha256">): CapturedEvent[] {
  const { events, context, eventsPath } = document;
  return events.map((node, index) => {
    const path = eventsPath === "$" ? "$" : `${eventsPath}[${index}]`;
    const event = readEvent(node, context, { path });
    return { index, event, hash: eventHash(node, context, hasher, path) };
  });
}

/**
 * Cuts, hashes and signs a document. Throws as readCapturedEvents, and `capture.no-events`; `epcis.context-after-events` is mended
 * by hoistContext of the protocol.
 */
export function buildCapture(request: CaptureRequest): SignedCapture {
  const { hasher = nobleCrypto } = request;
  const document = readDocument(request.document);
  const events = readEvents(document, hasher);
  if (events.length === 0)
    throw new LhgError("capture.no-events", "must hold at least one event", document.eventsPath);
  const { head, slices, tail } = document.parts;
  const parts = [head, ...slices, tail];
  const payload = encode(
    capture,
    {
      chainId: request.chainId,
      vendor: request.vendor,
      captureSeq: request.captureSeq,
      contentType: request.contentType ?? EPCIS_CONTENT_TYPE,
      slicesRoot: computeSlicesRoot(hasher, parts),
      sliceCount: parts.length,
      sizeBytes: request.document.length,
    },
    "capture",
  );
  return { ...signSubmission(hasher, request.signer, "capture", payload, parts), events };
}
