/** What the bytes of an event say, read by the ledger's own rules. */
import { toHex } from "@lhg/protocol/core/bytes";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { formatDecimal } from "@lhg/protocol/core/decimal";
import { parseHead, parseSlice } from "@lhg/protocol/epcis/document";
import { readFacts } from "@lhg/protocol/modules/trace/facts";
import { type EventFacts, roleName } from "@lhg/protocol/modules/trace/messages";
import { formatTime } from "./verdict.ts";

export interface EventClaims {
  readonly index: number;
  readonly type: string;
  readonly action: string | null;
  /** ISO 8601 in UTC. */
  readonly eventTime: string;
  readonly bizStep: string | null;
  readonly disposition: string | null;
  readonly readPoint: string | null;
  readonly bizLocation: string | null;
  /** The event hash of CBV 2.0, and the eventID if the event states one. */
  readonly hash: string;
  readonly eventId: string | null;
  readonly items: readonly {
    readonly identity: string;
    readonly role: string;
    readonly quantity?: string;
  }[];
}

/** Throws `epcis.*`, `identity.*`, `json.*` where the bytes are no event, which a recorded capture with a failed status may be. */
export function describeEvent(
  opened: { readonly index: number; readonly head: Uint8Array; readonly slice: Uint8Array },
  hasher: Pick<Hasher, "sha256">,
): EventClaims {
  const context = parseHead(opened.head);
  const { facts } = readFacts(hasher, parseSlice(opened.slice), context, "event");
  return describeFacts(opened.index, facts);
}

export function describeFacts(index: number, facts: EventFacts): EventClaims {
  const { type, action, bizStep, disposition, readPoint, bizLocation, eventId } = facts;
  return {
    index,
    type,
    action,
    eventTime: formatTime(facts.eventTimeMs),
    bizStep,
    disposition,
    readPoint,
    bizLocation,
    hash: `ni:///sha-256;${toHex(facts.hash)}?ver=CBV2.0`,
    eventId,
    items: facts.items.map(({ identity, role, quantity }) => ({
      identity,
      role: roleName(role),
      ...(quantity === null ? {} : { quantity: `${formatDecimal(quantity.value)} ${quantity.uom}`.trim() }),
    })),
  };
}
