/** The plain HTTP port beside HTTPS: it answers ACME challenges and leads everything else to the public URL. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface RedirectServer {
  /** Answers of HTTP-01 (RFC 8555, section 8.3) by token, while a challenge is open. */
  readonly challenges: Map<string, string>;
  /** Resolves to the port. */
  start(): Promise<number>;
  stop(): Promise<void>;
}

export interface RedirectOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly publicUrl: string;
}

const CHALLENGE = /^\/\.well-known\/acme-challenge\/([A-Za-z0-9_-]{1,256})$/;
const CONNECTIONS_MAX = 256;
const TIMEOUT_MS = 10_000;
const URL_BYTES_MAX = 4_096;

export function createRedirectServer({ host, port, publicUrl }: RedirectOptions): RedirectServer {
  const challenges = new Map<string, string>();
  const { origin } = new URL(publicUrl);
  const server = createServer(
    { maxHeaderSize: 8 << 10, headersTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS, keepAliveTimeout: 1 },
    (request, response) => answer(request, response, origin, challenges),
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.maxRequestsPerSocket = 1;
  return {
    challenges,
    start: async () => {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, resolve);
      });
      return (server.address() as AddressInfo).port;
    },
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  origin: string,
  challenges: ReadonlyMap<string, string>,
): void {
  const { status, headers, body } = decideAnswer(request, origin, challenges);
  response.writeHead(status, { "content-type": "text/plain", connection: "close", ...headers });
  response.end(request.method === "HEAD" ? "" : body);
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

function decideAnswer(
  { url = "/", method = "" }: IncomingMessage,
  origin: string,
  challenges: ReadonlyMap<string, string>,
): Answer {
  // What a request said in the clear is not sent on: the sender must learn of it.
  if (method !== "GET" && method !== "HEAD")
    return { status: 405, headers: { allow: "GET, HEAD" }, body: `This port takes nothing. Use ${origin}\n` };
  const token = CHALLENGE.exec(url)?.[1];
  if (token !== undefined) {
    const found = challenges.get(token);
    return found === undefined
      ? { status: 404, body: "There is no such challenge.\n" }
      : { status: 200, body: found };
  }
  // Never to the Host header: that one is the caller's word.
  const path = url.startsWith("/") && url.length <= URL_BYTES_MAX ? url : "/";
  return { status: 308, headers: { location: `${origin}${path}` }, body: `Use ${origin}\n` };
}
