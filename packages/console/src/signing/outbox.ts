/**
 * Statements that were signed and of which it is not known that a node has them. They survive a reload, so that nothing is
 * lost when the node goes away in between; sending the same bytes twice is harmless, since a statement has one id.
 */
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { SubmitResult } from "@lhg/sdk/client/types";
import { useSyncExternalStore } from "react";
import { client } from "../node/client.ts";
import { recall, remember } from "./tab-memory.ts";

export type UnsentKind = "capture" | "attestation";

export interface Unsent {
  /** Statement id in hex. */
  readonly id: string;
  readonly kind: UnsentKind;
  /** What it says, in words of the page that made it. */
  readonly title: string;
  /** The signed submission in hex. */
  readonly bytes: string;
}

const KEY = "lhg-unsent";
const UNSENT_MAX = 20;

let unsent: readonly Unsent[] = read();
const listeners = new Set<() => void>();

function read(): readonly Unsent[] {
  const kept = recall<unknown>(KEY);
  return Array.isArray(kept) ? (kept as Unsent[]) : [];
}

function write(next: readonly Unsent[]): void {
  unsent = next.slice(-UNSENT_MAX);
  // What is too large to be kept over a reload is still in the memory of the page.
  remember(KEY, unsent);
  for (const listener of listeners) listener();
}

export function forgetUnsent(id: string): void {
  write(unsent.filter((entry) => entry.id !== id));
}

/**
 * Keeps the statement, sends it, and forgets it once a node has it or refuses it for good. Resolves when it is durable at a
 * node. Throws the refusal, or `client.unreachable` and `client.timeout`, after which it is still kept.
 */
export async function sendKept(entry: Unsent): Promise<void> {
  write([...unsent.filter(({ id }) => id !== entry.id), entry]);
  const result: SubmitResult = await client.submit(fromHex(entry.bytes, "bytes"));
  if (result.state === "not-yet") {
    // A sequence or credit that is missing now may be there later, but what was signed may then be out of date.
    forgetUnsent(entry.id);
    throw new LhgError(result.code, result.message, result.field);
  }
  forgetUnsent(entry.id);
  if (result.state === "refused") throw new LhgError(result.code, result.message, result.field);
}

export function toUnsent(
  kind: UnsentKind,
  title: string,
  { id, bytes }: { readonly id: Uint8Array; readonly bytes: Uint8Array },
): Unsent {
  return { id: toHex(id), kind, title, bytes: toHex(bytes) };
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export function useUnsent(kind: UnsentKind): readonly Unsent[] {
  const all = useSyncExternalStore(subscribe, () => unsent);
  return all.filter((entry) => entry.kind === kind);
}
