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

export type UnsentKind = "capture" | "attestation" | "command";

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
/** Ids of those of which an answer is awaited: nothing is wrong with them yet. */
const inFlight = new Set<string>();
let waiting: readonly Unsent[] = unsent;
const listeners = new Set<() => void>();

function read(): readonly Unsent[] {
  const kept = recall<unknown>(KEY);
  return Array.isArray(kept) ? (kept as Unsent[]) : [];
}

function write(next: readonly Unsent[]): void {
  unsent = next.slice(-UNSENT_MAX);
  // What is too large to be kept over a reload is still in the memory of the page.
  remember(KEY, unsent);
  announce();
}

function announce(): void {
  waiting = unsent.filter(({ id }) => !inFlight.has(id));
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
  inFlight.add(entry.id);
  write([...unsent.filter(({ id }) => id !== entry.id), entry]);
  let result: SubmitResult;
  try {
    result = await client.submit(fromHex(entry.bytes, "bytes"));
  } finally {
    inFlight.delete(entry.id);
    announce();
  }
  // What is not admissible yet is forgotten, too: once it is, another sequence or nonce may have to be signed.
  forgetUnsent(entry.id);
  if (result.state !== "accepted") throw new LhgError(result.code, result.message, result.field);
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
  const all = useSyncExternalStore(subscribe, () => waiting);
  return all.filter((entry) => entry.kind === kind);
}
