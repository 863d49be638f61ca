/** Sends a device's collections to a node by CoAP (RFC 7252). */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Send } from "./flush.ts";

/** What is used of a CoAP client; `request` of the package `coap` is one. */
export type CoapRequest = (options: {
  readonly host: string;
  readonly port: number;
  readonly method: "POST";
  readonly pathname: string;
}) => {
  setOption(name: string, value: Buffer): unknown;
  on(event: "response", listener: (answer: CoapAnswer) => void): unknown;
  on(event: "error" | "timeout", listener: (error: Error) => void): unknown;
  end(payload: Buffer): unknown;
};

export interface CoapAnswer {
  /** As people write it: 2.04. */
  readonly code: string;
  readonly payload: Uint8Array;
}

export interface CoapSendOptions {
  readonly host: string;
  /** 5683 by default. */
  readonly port?: number;
  /** How long an answer may take. 60 s by default. */
  readonly timeoutMs?: number;
}

const PORT = 5683;
const TIMEOUT_MS = 60_000;
const CBOR_FORMAT = 60;
/** Longer ones travel in blocks of 1024 bytes (RFC 7959), of which 6 is the exponent. */
const SINGLE_BYTES_MAX = 1024;
const BLOCK_EXPONENT = 6;

/**
 * The transport for `device.flush`: resolves once the node has the collection on disk. Rejects with the node's code where it is refused or
 * not yet taken; with `coap.timeout` or the client's error where nothing is known: sending again does no harm.
 */
export function createCoapSend(request: CoapRequest, options: CoapSendOptions): Send {
  const { host, port = PORT, timeoutMs = TIMEOUT_MS } = options;
  return async (submission) => {
    const { promise, resolve, reject } = Promise.withResolvers<CoapAnswer>();
    const message = request({ host, port, method: "POST", pathname: "/v1/up" });
    message.setOption("Content-Format", Buffer.of(CBOR_FORMAT));
    if (submission.length > SINGLE_BYTES_MAX) message.setOption("Block1", Buffer.of(BLOCK_EXPONENT));
    message.on("response", resolve);
    message.on("error", reject);
    message.on("timeout", reject);
    const giveUp = (): void => reject(new LhgError("coap.timeout", `no answer came in ${timeoutMs} ms`));
    const timer = setTimeout(giveUp, timeoutMs);
    message.end(Buffer.from(submission));
    try {
      readAnswer(await promise);
    } finally {
      clearTimeout(timer);
    }
  };
}

function readAnswer({ code, payload }: CoapAnswer): void {
  if (code === "2.04") return;
  const { code: name, message, field } = readJson(payload);
  if (typeof name !== "string") throw new Error(`the node answered ${code}`);
  throw new LhgError(
    name,
    typeof message === "string" ? message : "",
    typeof field === "string" ? field : "",
  );
}

function readJson(payload: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
