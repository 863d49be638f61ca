/** Requests over the platform's fetch: time limits, retries where they are safe, and problems as LhgError. */
import { LhgError } from "@lhg/protocol/core/errors";

export interface TransportOptions {
  /** Of the node, without path. */
  readonly url: string;
  /** For one attempt, its body included. 30 s by default. */
  readonly timeoutMs?: number;
  /** Attempts after the first where the node is not reached or is busy. 2 by default. */
  readonly retries?: number;
  readonly fetch?: typeof globalThis.fetch;
}

export type QueryParameters = { readonly [name: string]: string | number | boolean | undefined };

export interface Call {
  readonly path: string;
  readonly query?: QueryParameters;
  readonly accept: string;
  readonly body?: { readonly type: string; readonly bytes: Uint8Array };
  /** Statuses beside 2xx that the caller reads itself. */
  readonly expected?: readonly number[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

export interface Transport {
  /**
   * Throws LhgError: the node's own code and field, `client.unreachable`, `client.timeout`, or `client.answer`
   * where what answers is no node.
   */
  call(call: Call): Promise<Answer>;
  /** Opens an answer whose body is read as it comes. */
  open(call: Call, headers: Record<string, string>, signal: AbortSignal | undefined): Promise<Response>;
}

const MOUNT = "/api/v1";
const TIMEOUT_MS = 30_000;
const RETRIES = 2;
const FIRST_DELAY_MS = 200;
const DELAY_MS_MAX = 5_000;

export function createTransport(options: TransportOptions): Transport {
  const { timeoutMs = TIMEOUT_MS, retries = RETRIES } = options;
  const base = readBase(options.url);
  // Looked up at each call: tests and apps replace it.
  const fetchNow: typeof globalThis.fetch = (input, init) => (options.fetch ?? globalThis.fetch)(input, init);

  async function attempt(call: Call): Promise<Answer> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetchNow(toUrl(base, call), { ...toInit(call, {}), signal });
      const bytes = new Uint8Array(await response.arrayBuffer());
      return { status: response.status, headers: response.headers, bytes };
    } catch (error) {
      throw toTransportError(error, base);
    }
  }

  async function call(request: Call): Promise<Answer> {
    for (let tries = 0; ; tries++) {
      let delayMs = Math.min(FIRST_DELAY_MS * 2 ** tries, DELAY_MS_MAX);
      try {
        const answer = await attempt(request);
        const { status, headers } = answer;
        const isFine = (status >= 200 && status < 300) || request.expected?.includes(status) === true;
        if (isFine) return answer;
        if (!isBusy(status) || tries >= retries) throw readProblem(answer);
        delayMs = Math.min(Math.max(delayMs, 1000 * Number(headers.get("retry-after") ?? 0)), DELAY_MS_MAX);
      } catch (error) {
        // A post that got no answer may have arrived: whether to send it again is the sender's to say.
        const isSafe = request.body === undefined && isUnreachable(error);
        if (!isSafe || tries >= retries) throw error;
      }
      await sleep(delayMs);
    }
  }

  return {
    call,
    async open(request, headers, signal) {
      try {
        const init = toInit(request, headers);
        return await fetchNow(toUrl(base, request), signal === undefined ? init : { ...init, signal });
      } catch (error) {
        throw toTransportError(error, base);
      }
    },
  };
}

/** Throws `client.url`. */
function readBase(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new LhgError("client.url", "must be an http or https URL", "url");
  return url.replace(/\/+$/, "");
}

function toUrl(base: string, { path, query = {} }: Call): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const text = search.toString();
  return `${base}${MOUNT}${path}${text === "" ? "" : `?${text}`}`;
}

function toInit({ accept, body }: Call, headers: Record<string, string>): RequestInit {
  const all: Record<string, string> = { accept, ...headers };
  if (body === undefined) return { headers: all };
  all["content-type"] = body.type;
  return { method: "POST", headers: all, body: body.bytes as Uint8Array<ArrayBuffer> };
}

function isBusy(status: number): boolean {
  return status === 429 || status === 503;
}

export function isUnreachable(error: unknown): boolean {
  return (
    error instanceof LhgError && (error.code === "client.unreachable" || error.code === "client.timeout")
  );
}

function toTransportError(error: unknown, base: string): LhgError {
  const { name, message, cause } = error as Error;
  if (name === "TimeoutError") return new LhgError("client.timeout", `${base} did not answer in time`);
  const reason = cause instanceof Error && cause.message !== "" ? cause.message : message;
  return new LhgError("client.unreachable", `${base} cannot be reached (${reason})`);
}

/** The error that a problem (RFC 9457) of the node states. */
export function readProblem({ status, bytes }: Pick<Answer, "status" | "bytes">): LhgError {
  try {
    const { code, detail, field } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    if (typeof code === "string")
      return new LhgError(code, String(detail ?? ""), typeof field === "string" ? field : "");
  } catch {
    // Not JSON: a proxy or something else answers.
  }
  return new LhgError("client.answer", `answered with HTTP ${status}, which is no answer of a node`);
}

/** Throws `client.answer`. */
export function readJson<T>({ bytes }: Pick<Answer, "bytes">): T {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as T;
  } catch {
    throw new LhgError("client.answer", "answered with something that is no JSON");
  }
}

export function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
