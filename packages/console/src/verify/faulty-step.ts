/** Which step a refusal is about, for people: read from bytes that did not stand the check, so nothing of it is proven. */
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { computeStatementId, decodeSign1 } from "@lhg/protocol/core/cose";
import { hashLeaf } from "@lhg/protocol/core/merkle/log";
import { capture as captureCodec } from "@lhg/protocol/core/statement/capture";
import { parseHead, parseSlice } from "@lhg/protocol/epcis/document";
import { readFacts } from "@lhg/protocol/modules/trace/facts";
import { traceLeaf } from "@lhg/protocol/modules/trace/messages";
import { type TraceBundle, traceBundle } from "@lhg/protocol/modules/trace/trace-bundle";
import { nobleCrypto } from "@lhg/sdk/crypto/noble";
import { formatTime } from "@lhg/sdk/verify/verdict";
import type { FaultyStep } from "./messages.ts";

/** `field` is the place that the refusal names, such as `events[3]` or `items[0]`. Never throws. */
export function findFaultyStep(bytes: Uint8Array, field: string): FaultyStep | undefined {
  const place = /^(events|captures|items|transformations)\[(\d+)\]/.exec(field);
  if (place === null) return undefined;
  try {
    const bundle = decode(traceBundle, bytes, "bundle");
    const number = Number(place[2]);
    if (place[1] === "events") return describePart(bundle, bundle.events[number]);
    if (place[1] === "captures")
      return describePart(
        bundle,
        bundle.events.find((part) => part.capture === number),
      );
    const item = bundle.items[number];
    const leaves =
      place[1] === "items"
        ? [...(item?.custody ?? []), ...(item?.observations ?? [])]
        : (bundle.transformations[number]?.leaves ?? []);
    return findLeafWithout(bundle, leaves);
  } catch {
    // Hostile bytes: what can't be read has no step to name, and the refusal itself says why.
    return undefined;
  }
}

type EventPart = TraceBundle["events"][number];

function describePart({ captures }: TraceBundle, event: EventPart | undefined): FaultyStep | undefined {
  const capture = event === undefined ? undefined : captures[event.capture];
  if (event === undefined || capture === undefined) return undefined;
  const { facts } = readFacts(nobleCrypto, parseSlice(event.slice), parseHead(capture.head), "event");
  const { vendor } = decode(captureCodec, decodeSign1(capture.statement).payload, "capture");
  const { type, action, bizStep, readPoint, eventTimeMs } = facts;
  const claimed = { type, action, bizStep, readPoint, eventTime: formatTime(eventTimeMs) };
  return { kind: "bent", captor: toHex(vendor), claimed };
}

/** The first entry of a log whose event is not in the answer, or is another one. */
function findLeafWithout(bundle: TraceBundle, leaves: readonly Uint8Array[]): FaultyStep | undefined {
  const ids = bundle.captures.map(({ statement }) => computeStatementId(nobleCrypto, decodeSign1(statement)));
  for (const encoded of leaves) {
    const leaf = decode(traceLeaf, encoded, "leaf");
    const part = bundle.events.find(
      ({ capture, index }) =>
        index === leaf.event.index && equalBytes(ids[capture] ?? new Uint8Array(), leaf.event.capture),
    );
    if (part === undefined)
      return { kind: "missing", captor: toHex(leaf.captor), recordedAt: formatTime(leaf.timeMs) };
    if (!equalBytes(hashLeaf(nobleCrypto, part.slice), leaf.sliceHash)) return describePart(bundle, part);
  }
  return undefined;
}
