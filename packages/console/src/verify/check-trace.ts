/** A trace bundle against the chain this browser knows: the verdict, and what else the checked bytes tell. */
import { toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { computeStatementId, decodeSign1 } from "@lhg/protocol/core/cose";
import { formatDecimal } from "@lhg/protocol/core/decimal";
import { anchor as anchorCodec } from "@lhg/protocol/core/proof/anchor";
import { computeItemKey } from "@lhg/protocol/modules/trace/facts";
import { AGGREGATION, itemRecord } from "@lhg/protocol/modules/trace/items";
import { type TraceBundle, traceBundle } from "@lhg/protocol/modules/trace/trace-bundle";
import { nobleCrypto } from "@lhg/sdk/crypto/noble";
import { type TraceVerdict, verifyTrace } from "@lhg/sdk/verify/verify-trace";
import { findFaultyStep } from "./faulty-step.ts";
import type { ItemState, TraceCheck, TraceJob } from "./messages.ts";
import { readTrust, readVouched } from "./read-trust.ts";

/** Throws `LhgError` for a bad pin alone; whatever is in the bundle becomes a refusal. */
export function checkTrace({ bundle, asked, pinned, wantsSources }: TraceJob): TraceCheck {
  const startMs = performance.now();
  const trust = readTrust(pinned);
  const verdict = verifyTrace(bundle, trust, { asked });
  const tookMs = performance.now() - startMs;
  if (!verdict.ok) {
    const step = findFaultyStep(bundle, verdict.field);
    return { isProven: false, refused: verdict, tookMs, ...(step === undefined ? {} : { step }) };
  }
  // The same bytes that were just verified, read again for what the verdict leaves out.
  const parts = decode(traceBundle, bundle, "bundle");
  const sources = wantsSources ? readSources(parts, verdict) : [];
  const vouched = readVouched(verdict, decode(anchorCodec, parts.anchor, "anchor"));
  return { isProven: true, verdict, sources, states: readStates(parts), tookMs, vouched };
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
    if (value === null) return makeUnknownState(identity);
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

/** Of an item that the chain knows nothing about. */
export function makeUnknownState(identity: string): ItemState {
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
}
