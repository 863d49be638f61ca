/** What a capture that failed said: from its document, which the chain keeps but did not follow. */
import { LhgError } from "@lhg/protocol/core/errors";
import { canonicalIdentity } from "@lhg/protocol/epcis/identity";
import { readCapturedEvents } from "@lhg/sdk/capture/build";
import type { Statement } from "@lhg/sdk/client/types";
import { client } from "../../node/client.ts";

export interface FailedClaim {
  readonly type: string;
  readonly bizStep: string | undefined;
  readonly action: string | undefined;
  /** The item that it failed for stands first. */
  readonly items: readonly string[];
  /** Address of the vendor whose number the first item has, where that is why it failed. */
  readonly holder: string | undefined;
}

/** `field` is the JSON path that the refusal names. Throws `json.*`, `epcis.*` for a document that is none. */
export function findClaim(document: Uint8Array, field: string): Omit<FailedClaim, "holder"> | undefined {
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

export async function readFailedCapture({
  id,
  status,
  failure,
}: Pick<Statement, "id" | "status" | "failure">): Promise<FailedClaim | null> {
  const claim = findClaim(await client.getDocument(id), failure?.field ?? "");
  if (claim === undefined) return null;
  const [first] = claim.items;
  const isForeign = status.name === "trace.prefix-not-owned" && first !== undefined;
  return { ...claim, holder: isForeign ? await findHolder(first) : undefined };
}

async function findHolder(identity: string): Promise<string | undefined> {
  try {
    return (await client.getHolder(identity)).vendor.vendor;
  } catch (error) {
    if (error instanceof LhgError && error.code.endsWith(".not-found")) return undefined;
    throw error;
  }
}
