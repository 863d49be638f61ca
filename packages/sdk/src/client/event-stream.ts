/** Server-sent events over fetch: parsing, and going on after a break where the last block ended. */
import { LhgError } from "@lhg/protocol/core/errors";
import { isUnreachable, readProblem, sleep, type Transport } from "./transport.ts";
import type { StatementKind, StreamMessage } from "./types.ts";

export interface StreamOptions {
  /** All by default. */
  readonly types?: readonly ("block" | "statement" | "event")[];
  readonly kind?: StatementKind;
  readonly vendor?: string;
  readonly item?: string;
  readonly bizStep?: string;
  /** Begins with the block after this height; else with the next block. */
  readonly after?: number;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
  /** Hears when the node begins to answer and when the connection breaks. */
  readonly onState?: (state: "open" | "lost") => void;
}

const RECONNECT_MS = 1_000;
/** One message at most; the node's are far smaller. */
const MESSAGE_LENGTH_MAX = 4 << 20;

interface RawMessage {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** Follows the chain until the signal ends it or the node refuses; breaks of the connection are bridged. */
export async function* followStream(
  transport: Transport,
  { signal, types, after, onState, ...filters }: StreamOptions,
): AsyncGenerator<StreamMessage, void, undefined> {
  const query = { ...filters, types: types?.join(",") };
  let lastId = after === undefined ? undefined : String(after);
  const isOver = (): boolean => signal?.aborted === true;
  while (!isOver()) {
    try {
      const headers: Record<string, string> = lastId === undefined ? {} : { "last-event-id": lastId };
      const call = { path: "/stream", query, accept: "text/event-stream" };
      const response = await transport.open(call, headers, signal);
      if (response.ok) onState?.("open");
      for await (const message of readMessages(response)) {
        if (message.id !== undefined) lastId = message.id;
        if (message.data === "") continue;
        yield { type: message.event, data: JSON.parse(message.data) } as StreamMessage;
      }
    } catch (error) {
      if (isOver()) return;
      if (error instanceof LhgError && !isUnreachable(error) && error.code !== "stream.full") throw error;
    }
    if (isOver()) return;
    onState?.("lost");
    await sleep(RECONNECT_MS);
  }
}

async function* readMessages(response: Response): AsyncGenerator<RawMessage, void, undefined> {
  if (!response.ok || response.body === null)
    throw readProblem({ status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (held + value).split("\n\n");
      held = parts.pop()!;
      if (held.length > MESSAGE_LENGTH_MAX) throw new LhgError("client.answer", "a message is too long");
      for (const part of parts) yield parseMessage(part);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** As the HTML standard parses an event, as far as the node writes any. */
export function parseMessage(text: string): RawMessage {
  let event = "message";
  let id: string | undefined;
  const data: string[] = [];
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") event = value;
    else if (name === "data") data.push(value);
    else if (name === "id") id = value;
  }
  return { event, data: data.join("\n"), id };
}
