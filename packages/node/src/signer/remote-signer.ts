/** A consensus key that lives in another process: one connection to its signer, kept up, many requests under way on it. */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import type { Socket } from "node:net";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { ConsensusSigner } from "./consensus-signer.ts";
import { SIGN_BYTES_MAX, type SignerLog } from "./sign-guard.ts";
import { dialSigner, parseSignerAddress, type SignerAddress, type SignerTls } from "./signer-address.ts";
import { createFrameReader, encodeFrame, type Frame } from "./signer-wire.ts";

export interface RemoteSignerOptions {
  /** `unix:PATH` or `tcp:HOST:PORT`. */
  readonly address: string;
  /** Needed for TCP. */
  readonly tls?: SignerTls | undefined;
  /** Another key is not taken. Without it, the key of the first connection must stay. */
  readonly expectedPublicKey?: Uint8Array | undefined;
  /** Of one signature, and of the first connection. */
  readonly timeoutMs: number;
  readonly log: SignerLog;
}

export interface RemoteSigner extends ConsensusSigner {
  /**
   * Rejects with `signer.refused` (the signer's reason), with `signer.unreachable` after `timeoutMs`, with `signer.closed`. What was asked
   * is asked again after a reconnection, in order: the same bytes give the same signature.
   */
  sign(message: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 2_000;
/** A connection that has not said which key it serves by then is given up. */
const HELLO_TIMEOUT_MS = 5_000;
const REQUESTS_MAX = 256;

/**
 * Resolves once the signer said which key it serves. Rejects with `signer.unreachable` when none did within `timeoutMs`, `signer.key` when
 * it is not the expected one, `signer.address` or `signer.tls`.
 */
export async function connectRemoteSigner(options: RemoteSignerOptions): Promise<RemoteSigner> {
  const client = new Client(options);
  try {
    await client.opened();
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}

interface Request {
  readonly message: Uint8Array;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (signature: Uint8Array) => void;
  readonly reject: (error: LhgError) => void;
}

/** Guards: one connection at a time; every request is answered once, by a signature that verifies, or rejected. */
class Client implements RemoteSigner {
  readonly #options: RemoteSignerOptions;
  readonly #address: SignerAddress;
  /** In the order in which they were asked. */
  readonly #requests = new Map<number, Request>();
  readonly #opening = Promise.withResolvers<void>();
  #publicKey: Uint8Array | undefined;
  #verifier: KeyObject | undefined;
  /** The connection in use, from its dialling on. */
  #socket: Socket | undefined;
  #isReady = false;
  #retryTimer: NodeJS.Timeout | undefined;
  #backoffMs = BACKOFF_MS_MIN;
  #nextId = 0;
  #isClosed = false;

  constructor(options: RemoteSignerOptions) {
    this.#options = options;
    this.#address = parseSignerAddress(options.address);
    this.#connect();
  }

  get publicKey(): Uint8Array {
    return this.#publicKey!;
  }

  async opened(): Promise<void> {
    const timer = setTimeout(() => this.#opening.reject(this.#unreachable()), this.#options.timeoutMs);
    await this.#opening.promise.finally(() => clearTimeout(timer));
  }

  sign(message: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new LhgError("signer.closed", "the connection to the signer was closed");
      if (message.length === 0 || message.length > SIGN_BYTES_MAX)
        throw new LhgError("signer.refused", `must be 1 to ${SIGN_BYTES_MAX} bytes`, "signBytes");
      if (this.#requests.size >= REQUESTS_MAX)
        throw new LhgError(
          "signer.unreachable",
          `${REQUESTS_MAX} requests wait for ${this.#options.address}`,
        );
      const id = this.#nextId;
      this.#nextId = (id + 1) % 2 ** 32;
      const timer = setTimeout(() => this.#giveUp(id), this.#options.timeoutMs);
      const copy = new Uint8Array(message);
      this.#requests.set(id, { message: copy, timer, resolve, reject });
      if (this.#isReady) this.#socket!.write(encodeFrame({ kind: "sign", id, message: copy }));
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    this.#socket?.destroy();
    for (const id of [...this.#requests.keys()])
      this.#take(id)?.reject(new LhgError("signer.closed", "the connection to the signer was closed"));
  }

  #unreachable(): LhgError {
    const { address, timeoutMs } = this.#options;
    return new LhgError("signer.unreachable", `${address} gave no answer within ${timeoutMs} ms`);
  }

  #take(id: number): Request | undefined {
    const request = this.#requests.get(id);
    if (request === undefined) return undefined;
    this.#requests.delete(id);
    clearTimeout(request.timer);
    return request;
  }

  /** A signer that is connected and silent is tried on a new connection. */
  #giveUp(id: number): void {
    this.#take(id)?.reject(this.#unreachable());
    if (this.#isReady) this.#drop("it gave no answer in time");
  }

  #drop(reason: string): void {
    this.#options.log(
      "warn",
      { address: this.#options.address, reason },
      "the signer's connection is given up",
    );
    this.#socket?.destroy();
  }

  #connect(): void {
    const { socket, readyEvent, isTrusted } = dialSigner(this.#address, this.#options.tls);
    this.#socket = socket;
    const reader = createFrameReader();
    const helloTimer = setTimeout(() => this.#drop("it does not say which key it serves"), HELLO_TIMEOUT_MS);
    let problem: string | undefined;
    let isKnown = false;
    socket.once(readyEvent, () => {
      isKnown = isTrusted();
      if (!isKnown) this.#drop("its certificate is not the one pinned");
    });
    socket.on("data", (chunk: Buffer) => {
      if (!isKnown) return;
      try {
        for (const frame of reader.push(chunk)) this.#receive(frame);
        if (this.#isReady) clearTimeout(helloTimer);
      } catch (error) {
        this.#drop((error as Error).message);
      }
    });
    socket.on("error", (error) => {
      problem = error.message;
    });
    socket.once("close", () => {
      clearTimeout(helloTimer);
      this.#reconnect(problem);
    });
  }

  #reconnect(problem: string | undefined): void {
    if (this.#isClosed) return;
    const level = this.#isReady ? "warn" : "debug";
    const { address, log } = this.#options;
    log(
      level,
      { address, reason: problem ?? "it closed the connection" },
      "no connection to the signer; trying again",
    );
    this.#isReady = false;
    this.#retryTimer = setTimeout(() => this.#connect(), this.#backoffMs);
    this.#backoffMs = Math.min(2 * this.#backoffMs, BACKOFF_MS_MAX);
  }

  #receive(frame: Frame): void {
    if (this.#socket?.destroyed === true) return;
    if (frame.kind === "hello") {
      this.#greet(frame.publicKey);
      return;
    }
    if (frame.kind === "sign" || !this.#isReady)
      throw new LhgError("signer.frame", "is out of place", "frame");
    if (frame.kind === "signature") this.#takeSignature(frame.id, frame.signature);
    else this.#take(frame.id)?.reject(new LhgError("signer.refused", frame.reason));
    // Not before it answered: a signer that only greets is not asked twenty times a second.
    this.#backoffMs = BACKOFF_MS_MIN;
  }

  #greet(publicKey: Uint8Array): void {
    if (this.#isReady) throw new LhgError("signer.frame", "is out of place", "frame");
    const expected = this.#publicKey ?? this.#options.expectedPublicKey;
    if (expected !== undefined && !equalBytes(publicKey, expected)) {
      const told = `serves the key ${toHex(publicKey)}, not ${toHex(expected)}`;
      this.#opening.reject(new LhgError("signer.key", told, "expectedPublicKey"));
      throw new LhgError("signer.key", told);
    }
    this.#publicKey = publicKey;
    this.#verifier ??= createVerifier(publicKey);
    this.#isReady = true;
    this.#options.log("info", { address: this.#options.address }, "connected to the signer");
    for (const [id, { message }] of this.#requests)
      this.#socket!.write(encodeFrame({ kind: "sign", id, message }));
    this.#opening.resolve();
  }

  /** An answer to a request that was given up is no fault. */
  #takeSignature(id: number, signature: Uint8Array): void {
    const request = this.#requests.get(id);
    if (request === undefined) return;
    if (!verify(null, request.message, this.#verifier!, signature))
      throw new LhgError("signer.frame", "its signature is wrong", "signature");
    this.#take(id)?.resolve(signature);
  }
}

function createVerifier(publicKey: Uint8Array): KeyObject {
  const x = Buffer.from(publicKey).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}
