/**
 * The event stream: every client reads the chain's activity block by block at its own pace, so that one who
 * comes back goes on where it was. Blocks are read once for all; a client that does not read is cut.
 */
import type { ServerResponse } from "node:http";
import { LhgError } from "@lhg/protocol/core/errors";
import type { ActivityView } from "../queries/views.ts";
import type { NodeService } from "./service.ts";

export interface StreamFilter {
  /** What is sent; everything by default. */
  readonly types: ReadonlySet<string>;
  readonly kind?: string;
  readonly vendor?: string;
  readonly item?: string;
  readonly bizStep?: string;
}

export interface StreamOptions {
  readonly clientsMax: number;
  readonly bufferBytesMax: number;
  readonly heartbeatMs: number;
}

export interface StreamHub {
  readonly clients: number;
  /** Streams to `response` from the block after `afterHeight`, else from the next block on. Throws `stream.full`. */
  open(response: ServerResponse, filter: StreamFilter, afterHeight: number | undefined): void;
  stop(): void;
}

/** Blocks that a returning client is told again; who is further behind is told of the gap. */
const REPLAY_BLOCKS_MAX = 1_000;
const CACHED_BLOCKS = 128;

interface Client {
  readonly response: ServerResponse;
  readonly filter: StreamFilter;
  nextHeight: number | undefined;
  isPumping: boolean;
}

export function createStreamHub(
  service: NodeService,
  options: StreamOptions,
  onError: (error: unknown) => void,
): StreamHub {
  const clients = new Set<Client>();
  const cache = new Map<number, Promise<ActivityView>>();
  let head: number | undefined;

  const unsubscribe = service.subscribe(({ height }) => {
    head = height;
    for (const client of clients) wake(client);
  });
  const heartbeat = setInterval(() => {
    for (const client of clients) send(client, ": alive\n\n");
  }, options.heartbeatMs);
  heartbeat.unref();

  function readActivity(height: number): Promise<ActivityView> {
    let activity = cache.get(height);
    if (activity === undefined) {
      activity = service.query("getActivity", { height });
      cache.set(height, activity);
      if (cache.size > CACHED_BLOCKS) cache.delete(cache.keys().next().value!);
      activity.catch(() => cache.delete(height));
    }
    return activity;
  }

  /** False once the client is gone, or was cut because it does not read. */
  function send(client: Client, text: string): boolean {
    const { response } = client;
    if (!clients.has(client)) return false;
    if (response.writableLength > options.bufferBytesMax) {
      response.destroy();
      clients.delete(client);
      return false;
    }
    response.write(text);
    return true;
  }

  function wake(client: Client): void {
    client.nextHeight ??= head;
    if (client.isPumping) return;
    client.isPumping = true;
    pump(client)
      .catch((error: unknown) => {
        onError(error);
        client.response.destroy();
      })
      .finally(() => {
        client.isPumping = false;
      });
  }

  async function pump(client: Client): Promise<void> {
    while (clients.has(client) && client.nextHeight !== undefined && head !== undefined) {
      if (client.nextHeight > head) return;
      if (head - client.nextHeight > REPLAY_BLOCKS_MAX) {
        const resumedAt = head - REPLAY_BLOCKS_MAX;
        const gap = { fromHeight: client.nextHeight, toHeight: resumedAt - 1 };
        if (!send(client, formatMessage("gap", gap))) return;
        client.nextHeight = resumedAt;
      }
      const activity = await readActivity(client.nextHeight);
      if (!send(client, formatActivity(activity, client.filter))) return;
      client.nextHeight += 1;
    }
  }

  return {
    get clients() {
      return clients.size;
    },
    open(response, filter, afterHeight) {
      if (clients.size >= options.clientsMax)
        throw new LhgError("stream.full", "has as many listeners as it can; try again later");
      const nextHeight = afterHeight === undefined ? undefined : afterHeight + 1;
      const client: Client = { response, filter, nextHeight, isPumping: false };
      clients.add(client);
      response.once("close", () => clients.delete(client));
      response.writeHead(200, {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
      });
      response.write("retry: 2000\n\n");
      if (nextHeight === undefined) return;
      if (head !== undefined) wake(client);
      else
        service.status().then(({ height }) => {
          head ??= height;
          wake(client);
        }, onError);
    },
    stop() {
      unsubscribe();
      clearInterval(heartbeat);
      for (const { response } of clients) response.end();
      clients.clear();
    },
  };
}

function formatMessage(event: string, data: object, id?: number): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Statements, events, then the block, whose id is the height: who has it has all before it. */
function formatActivity(activity: ActivityView, filter: StreamFilter): string {
  const { types, kind, vendor, item, bizStep } = filter;
  const { block, statements, statementsTotal, events, eventsTotal } = activity;
  let out = "";
  if (types.has("statement"))
    for (const statement of statements)
      if (kind === undefined || statement.kind === kind) out += formatMessage("statement", statement);
  if (types.has("event"))
    for (const event of events) {
      const fits =
        (vendor === undefined || event.vendor === vendor) &&
        (bizStep === undefined || event.bizStep === bizStep) &&
        (item === undefined || event.items.some(({ identity }) => identity === item));
      if (fits) out += formatMessage("event", event);
    }
  return types.has("block")
    ? `${out}${formatMessage("block", { ...block, statementsTotal, eventsTotal }, block.height)}`
    : `${out}id: ${block.height}\n\n`;
}
