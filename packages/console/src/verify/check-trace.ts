/** A trace bundle against the chain this browser knows: the verdict, and what else the checked bytes tell. */
import { toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { computeStatementId, decodeSign1 } from "@lhg/protocol/core/cose";
import { formatDecimal } from "@lhg/protocol/core/decimal";
import { LhgError } from "@lhg/protocol/core/errors";
import { genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import type { Trust } from "@lhg/protocol/core/proof/anchor";
import { capture as captureCodec } from "@lhg/protocol/core/statement/capture";
import { parseHead, parseSlice } from "@lhg/protocol/epcis/document";
import { computeItemKey, readFacts } from "@lhg/protocol/modules/trace/facts";
import { AGGREGATION, itemRecord } from "@lhg/protocol/modules/trace/items";
import { type TraceBundle, traceBundle } from "@lhg/protocol/modules/trace/trace-bundle";
import { nobleCrypto } from "@lhg/sdk/crypto/noble";
import { trustFromGenesis } from "@lhg/sdk/verify/trust";
import { formatTime } from "@lhg/sdk/verify/verdict";
import { type TraceVerdict, verifyTrace } from "@lhg/sdk/verify/verify-trace";
import type { ItemState, TraceCheck, TraceJob, TraceRefusal } from "./messages.ts";

export function readTrust(genesis: Uint8Array): Trust {
  return trustFromGenesis(decode(genesisCodec, genesis, "genesis"));
}

/** Throws `LhgError` for a bad pin alone; whatever is in the bundle becomes a refusal. */
export function checkTrace({ bundle, asked, genesis, wantsSources }: TraceJob): TraceCheck {
  const startMs = performance.now();
  const trust = readTrust(genesis);
  const verdict = verifyTrace(bundle, trust, { asked });
  const tookMs = performance.now() - startMs;
  if (!verdict.ok) {
    const step = findFaultyStep(bundle, verdict.field);
    return { isProven: false, refused: verdict, tookMs, ...(step === undefined ? {} : { step }) };
  }
  // The same bytes that were just verified, read again for what the verdict leaves out.
  const parts = decode(traceBundle, bundle, "bundle");
  const sources = wantsSources ? readSources(parts, verdict) : [];
  return { isProven: true, verdict, sources, states: readStates(parts), tookMs };
}

const decoder = new TextDecoder();

/** The JSON of every event of the verdict: a slice up to its closing brace. */
function readSources({ captures, events }: TraceBundle, verdict: TraceVerdict): string[] {
  const names = captures.map(({ statement }) =>
    toHex(computeStatementId(nobleCrypto, decodeSign1(statement))),
  );
  const slices = new Map(events.map(({ capture, index, slice }) => [`${names[capture]}:${index}`, slice]));
  return verdict.events.map(({ capture, event }) => {
    const slice = slices.get(`${capture}:${event.index}`);
    if (slice === undefined) return "";
    return decoder.decode(slice.subarray(0, slice.lastIndexOf(0x7d) + 1));
  });
}

function readStates({ items }: TraceBundle): ItemState[] {
  const byKey = new Map(
    items.map(({ identity }) => [toHex(computeItemKey(nobleCrypto, identity)), identity]),
  );
  return items.map(({ identity, record: { value } }): ItemState => {
    if (value === null)
      return {
        identity,
        isKnown: false,
        custodian: null,
        pending: null,
        parents: [],
        children: 0,
        parts: 0,
        isEnded: false,
        quantities: [],
        observations: 0,
      };
    const held = decode(itemRecord, value, "record");
    const parents = held.parents
      .map(({ relation, parent }) => ({
        isAggregation: relation === AGGREGATION,
        identity: byKey.get(toHex(parent)) ?? null,
      }))
      .sort((a, b) => Number(b.isAggregation) - Number(a.isAggregation));
    return {
      identity,
      isKnown: true,
      custodian: held.custodian === null ? null : toHex(held.custodian),
      pending: held.pending === null ? null : { from: toHex(held.pending.from), to: toHex(held.pending.to) },
      parents,
      children: held.aggregatedChildren,
      parts: held.associatedChildren,
      isEnded: held.ended !== null,
      quantities: held.quantities.map(({ uom, balance }) => `${formatDecimal(balance)} ${uom}`.trim()),
      observations: held.observations.size,
    };
  });
}

/** Describes the part that a refusal points at, such as `events[3].slice`, for people; nothing of it is proven. */
function findFaultyStep(bundle: Uint8Array, field: string): TraceRefusal["step"] {
  const place = /^(events|captures)\[(\d+)\]/.exec(field);
  if (place === null) return undefined;
  try {
    const { events, captures } = decode(traceBundle, bundle, "bundle");
    const number = Number(place[2]);
    const event = place[1] === "events" ? events[number] : events.find((part) => part.capture === number);
    const capture = event === undefined ? undefined : captures[event.capture];
    if (event === undefined || capture === undefined) return undefined;
    const { facts } = readFacts(nobleCrypto, parseSlice(event.slice), parseHead(capture.head), "event");
    const { vendor } = decode(captureCodec, decodeSign1(capture.statement).payload, "capture");
    return {
      type: facts.type,
      bizStep: facts.bizStep,
      eventTime: formatTime(facts.eventTimeMs),
      readPoint: facts.readPoint,
      captor: toHex(vendor),
    };
  } catch (error) {
    // A bundle that can't be read has no step to name; the refusal itself says why.
    if (error instanceof LhgError) return undefined;
    throw error;
  }
}
