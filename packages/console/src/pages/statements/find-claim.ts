/** What a document says where it is at fault. */
import { LhgError } from "@lhg/protocol/core/errors";
import { canonicalIdentity } from "@lhg/protocol/epcis/identity";
import { readCapturedEvents } from "@lhg/sdk/capture/build";

export interface Claim {
  readonly type: string;
  readonly bizStep: string | undefined;
  readonly action: string | undefined;
  /** What it failed for stands first. */
  readonly items: readonly string[];
}

/** `field` is the JSON path that the refusal names. Throws `json.*`, `epcis.*` for a document that is none. */
export function findClaim(document: Uint8Array, field: string): Claim | undefined {
  const events = readCapturedEvents(document);
  const number = Number(/^\$.*?\.eventList\[(\d+)\]/.exec(field)?.[1] ?? 0);
  const event = events[number]?.event;
  if (event === undefined) return undefined;
  const named = readNamed(JSON.parse(new TextDecoder().decode(document)), field);
  const keys = event.items.map(({ key }) => key);
  const first = keys.find((key) => key === named);
  return {
    type: event.type,
    bizStep: event.bizStep,
    action: event.action,
    items: first === undefined ? keys : [first, ...keys.filter((key) => key !== first)],
  };
}

/** The identity at a JSON path; undefined where something else is there. */
function readNamed(document: unknown, path: string): string | undefined {
  let value = document;
  for (const [, name, index] of path.matchAll(/\.([^.[\]]+)|\[(\d+)\]/g)) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[name ?? index ?? ""];
  }
  if (typeof value !== "string") return undefined;
  try {
    return canonicalIdentity(value, path).key;
  } catch (error) {
    if (error instanceof LhgError) return undefined;
    throw error;
  }
}
