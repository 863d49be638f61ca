/**
 * Statements that were signed and of which it is not known that a node has them. They survive a reload, so that nothing is
 * lost when the node goes away in between; sending the same bytes twice is harmless, since a statement has one id.
 */
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { SubmitResult } from "@lhg/sdk/client/types";
import { useSyncExternalStore } from "react";
import { client } from "../node/client.ts";
import {
  openUnsentStore,
  requireRoom,
  type Unsent,
  type UnsentKind,
  type UnsentStore,
} from "./unsent-store.ts";

let unsent: readonly Unsent[] = [];
/** Ids of those of which an answer is awaited: nothing is wrong with them yet. */
const inFlight = new Set<string>();
let waiting: readonly Unsent[] = unsent;
let isKeeping = true;
const listeners = new Set<() => void>();
const opened = open();

/** Undefined where what waits is in the memory of this page alone. */
async function open(): Promise<UnsentStore | undefined> {
  const store = await openUnsentStore();
  isKeeping = store !== undefined;
  write((await store?.load()) ?? []);
  return store;
}

function write(next: readonly Unsent[]): void {
  unsent = next;
  announce();
}

function announce(): void {
  waiting = unsent.filter(({ id }) => !inFlight.has(id));
  for (const listener of listeners) listener();
}

/** To be asked before anything is signed. Throws `outbox.full` where a statement of so many bytes could not be kept. */
export async function requireOutboxRoom(sizeBytes: number): Promise<void> {
  await opened;
  requireRoom(unsent, sizeBytes);
}

export async function forgetUnsent(id: string): Promise<void> {
  write(unsent.filter((entry) => entry.id !== id));
  // Where that fails it is offered again after a reload, and sending it again does no harm.
  await (await opened)?.remove(id).catch(() => {});
}

async function keep(entry: Unsent): Promise<void> {
  const store = await opened;
  if (store !== undefined) return write(await store.add(entry));
  const others = unsent.filter(({ id }) => id !== entry.id);
  requireRoom(others, entry.bytes.length / 2);
  write([...others, entry]);
}

/**
 * Keeps the statement, sends it, and forgets it once a node has it or refuses it for good. Resolves when it is durable at a
 * node. Throws the refusal, or `client.unreachable` and `client.timeout`, after which it is still kept; `outbox.full` where it
 * cannot be kept, and then it was not sent.
 */
export async function sendKept(entry: Unsent): Promise<void> {
  inFlight.add(entry.id);
  let result: SubmitResult;
  try {
    await keep(entry);
    result = await client.submit(fromHex(entry.bytes, "bytes"));
  } finally {
    inFlight.delete(entry.id);
    announce();
  }
  // What is not admissible yet is forgotten, too: once it is, another sequence or nonce may have to be signed.
  await forgetUnsent(entry.id);
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

/** False where a reload loses what waits. */
export function useIsKeeping(): boolean {
  return useSyncExternalStore(subscribe, () => isKeeping);
}
