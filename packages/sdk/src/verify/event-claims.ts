/** What the bytes of an event say, read by the ledger's own rules. */
import { toHex } from "@lhg/protocol/core/bytes";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { formatDecimal } from "@lhg/protocol/core/decimal";
import type { JsonObject } from "@lhg/protocol/core/json";
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
  /** Name of the gateway that recorded it for a device which does not sign: nothing of it is the device's own word. */
  readonly gateway?: string;
}

/** Throws `epcis.*`, `identity.*`, `json.*` where the bytes are no event, which a recorded capture with a failed status may be. */
export function describeEvent(
  opened: { readonly index: number; readonly head: Uint8Array; readonly slice: Uint8Array },
  hasher: Pick<Hasher, "sha256">,
): EventClaims {
  const context = parseHead(opened.head);
  const node = parseSlice(opened.slice);
  const { facts } = readFacts(hasher, node, context, "event");
  const gateway = findGateway(node, context.prefixes);
  return { ...describeFacts(opened.index, facts), ...(gateway === undefined ? {} : { gateway }) };
}

/** What gateways for devices that cannot sign write into an event, under whatever prefix stands for it. */
const NAMESPACE = "urn:lhg:";

function findGateway(event: JsonObject, prefixes: ReadonlyMap<string, string>): string | undefined {
  for (const [prefix, namespace] of prefixes) {
    if (namespace !== NAMESPACE) continue;
    const recordedBy = event.entries.get(`${prefix}:recordedBy`);
    if (recordedBy?.kind !== "object") continue;
    const role = recordedBy.entries.get(`${prefix}:role`);
    const name = recordedBy.entries.get(`${prefix}:gateway`);
    if (role?.kind === "string" && role.value === "gateway" && name?.kind === "string") return name.value;
  }
  return undefined;
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
