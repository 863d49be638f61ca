/** CoAP over UDP (RFC 7252) for devices: datagrams in, answers out. README.md tells what it takes and what bounds it. */
import { createHash } from "node:crypto";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { LhgError } from "@lhg/protocol/core/errors";
import type { RateLimiter } from "../../api/rate-limit.ts";
import type { NodeService, SubmitResult } from "../../api/service.ts";
import type { CommandSource } from "../command-source.ts";
import { createSubmitter } from "../submitter.ts";
import {
  BLOCK_BYTES_MAX,
  BLOCK_BYTES_MIN,
  type Block,
  blockOption,
  createReassembly,
  fitBlock,
  readBlock,
} from "./blocks.ts";
import { createExchanges } from "./exchanges.ts";
import {
  ACKNOWLEDGEMENT,
  CODES,
  CONFIRMABLE,
  type CoapMessage,
  type CoapOption,
  decodeMessage,
  encodeMessage,
  findOption,
  NON_CONFIRMABLE,
  OPTIONS,
  RESET,
  readUint,
  uintOption,
} from "./message.ts";
import { createObservers, type Peer } from "./observers.ts";
import { type Answer, answerError, answerRequest, answerState, readPath, UP_PATH } from "./resources.ts";

export interface CoapParts {
  readonly service: Pick<NodeService, "submit" | "statementState" | "subscribe">;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly commands?: CommandSource;
  /** Datagrams by address; what is beyond is passed over, and its sender sends it again. */
  readonly rateLimiter: Pick<RateLimiter, "take">;
  readonly log: (fields: object, message: string) => void;
}

export interface CoapServer {
  readonly port: number;
  /** What is held in memory for strangers. */
  readonly held: {
    readonly exchanges: number;
    readonly bodies: number;
    readonly requests: number;
    readonly observers: number;
  };
  stop(): Promise<void>;
}

/** Requests that wait for the node; more are told to come back. */
const REQUESTS_MAX = 256;
/** No answer is longer than so many times what was asked: a forged sender address makes this server no weapon. */
const AMPLIFICATION_MAX = 3;
const EMPTY = new Uint8Array(0);

/** Listens. Rejects where the system gives no such port. */
export async function startCoapServer(parts: CoapParts): Promise<CoapServer> {
  const { service, log } = parts;
  const socket = createSocket(isIPv6(parts.host) ? "udp6" : "udp4");
  await bind(socket, parts);
  const reassembly = createReassembly();
  const exchanges = createExchanges();
  const submitter = createSubmitter(service.submit);
  const waiting = new Set<Promise<void>>();
  let messageId = Math.floor(Math.random() * 65_536);
  const nextMessageId = (): number => {
    messageId = (messageId + 1) % 65_536;
    return messageId;
  };

  function sendBytes(bytes: Uint8Array, { address, port }: Peer): void {
    // Errors of single sends (a port that was closed meanwhile) are as good as a datagram lost on its way.
    socket.send(bytes, port, address, () => {});
  }

  const observers = createObservers(
    {
      send: (message, peer) => sendBytes(encodeMessage(message), peer),
      read: async (id) => answerState(id, await service.statementState(id)),
      onError: (error) => log({ error: describe(error) }, "looking at what CoAP observers wait for failed"),
    },
    nextMessageId,
  );
  const unsubscribe = service.subscribe(() => observers.refresh(performance.now()));

  function onDatagram(bytes: Uint8Array, peer: RemoteInfo): void {
    const nowMs = performance.now();
    if (parts.rateLimiter.take(peer.address, 1, nowMs) !== undefined) return;
    let message: CoapMessage;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      if (error instanceof LhgError) return;
      throw error;
    }
    if (message.type === ACKNOWLEDGEMENT || message.type === RESET) observers.note(peer, message);
    else if (message.code === CODES.empty || message.code >> 5 !== 0) rejectMessage(message, peer);
    else onRequest(message, bytes, peer, nowMs);
  }

  /** A ping, or an answer to a question that was not asked. */
  function rejectMessage({ type, messageId }: CoapMessage, peer: Peer): void {
    if (type !== CONFIRMABLE) return;
    const reset = { type: RESET, code: CODES.empty, messageId, token: EMPTY, options: [], payload: EMPTY };
    sendBytes(encodeMessage(reset), peer);
  }

  function onRequest(request: CoapMessage, datagram: Uint8Array, peer: Peer, nowMs: number): void {
    // Only the same bytes are a repeat. By the message id alone, a few forged bytes would bring an answer paid by a long request,
    // and a device that counts from the start again would get answers to what it asked before.
    const key = `${peer.address} ${peer.port} ${createHash("sha256").update(datagram).digest("base64")}`;
    const before = exchanges.find(key, nowMs);
    if (before === undefined) {
      exchanges.begin(key, nowMs);
      act(request, datagram.length, peer, (first, repeated) => {
        exchanges.finish(key, repeated);
        sendBytes(first, peer);
      });
      // One that is under way is answered once its answer is known; its sender asks again until then.
    } else if (before !== "pending") sendBytes(before, peer);
  }

  function act(
    request: CoapMessage,
    sizeBytes: number,
    peer: Peer,
    reply: (first: Uint8Array, repeated: Uint8Array) => void,
  ): void {
    const gathered = gather(request, peer);
    const { body } = gathered;
    const finish = ({ answer, options }: Answered): void => {
      const fit = (askedBytes: number): Uint8Array =>
        fitAnswer(request, answer, [...gathered.options, ...options], askedBytes, nextMessageId);
      const repeated = fit(sizeBytes);
      // All blocks together have paid for the first answer to the last of them; a repeat pays for itself alone.
      reply(body !== undefined && body.length > sizeBytes ? fit(body.length) : repeated, repeated);
    };
    if (gathered.answer !== undefined) finish({ answer: gathered.answer, options: [] });
    else if (waiting.size >= REQUESTS_MAX) finish({ answer: answerError(BUSY), options: [] });
    else {
      const work = answerWhole({ ...request, payload: body ?? EMPTY }, peer)
        .then(finish)
        .finally(() => waiting.delete(work));
      waiting.add(work);
    }
  }

  /** The body of a request: its payload, or what its blocks make together; an answer while some are missing. */
  function gather(request: CoapMessage, peer: Peer): Gathered {
    try {
      const block = readBlock(request, OPTIONS.block1);
      if (block === undefined || readPath(request) !== UP_PATH) return { body: request.payload, options: [] };
      const key = `${peer.address} ${peer.port} ${request.code} ${readUint(request, OPTIONS.contentFormat)}`;
      const place = { address: peer.address, key };
      const body = reassembly.add(place, block, request.payload, performance.now());
      const options = [blockOption(OPTIONS.block1, block)];
      return body === undefined ? { answer: { code: CODES.continue }, options } : { body, options };
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      return { answer: answerError(error), options: [] };
    }
  }

  async function answerWhole(request: CoapMessage, peer: Peer): Promise<Answered> {
    try {
      const submit = (submission: Uint8Array): Promise<SubmitResult> =>
        submitter.submit(`${peer.address} ${peer.port}`, submission);
      const answer = await answerRequest({ ...parts, submit }, request);
      return { answer, options: observe(request, answer, peer) };
    } catch (error) {
      log({ error: describe(error) }, "answering a CoAP request failed");
      return { answer: { code: CODES.internal }, options: [] };
    }
  }

  function observe(request: CoapMessage, answer: Answer, peer: Peer): readonly CoapOption[] {
    const asked = findOption(request, OPTIONS.observe);
    if (asked === undefined || request.code !== CODES.get) return [];
    const isStart = asked.every((byte) => byte === 0);
    if (!isStart || answer.observable === undefined) {
      observers.remove(peer, request.token);
      return [];
    }
    const sequence = observers.add(peer, request.token, answer.observable, answer, performance.now());
    return sequence === undefined ? [] : [uintOption(OPTIONS.observe, sequence)];
  }

  socket.on("message", onDatagram);
  socket.on("error", (error) => log({ error: describe(error) }, "the CoAP socket failed"));
  return {
    port: socket.address().port,
    get held() {
      return {
        exchanges: exchanges.count,
        bodies: reassembly.count,
        requests: waiting.size,
        observers: observers.count,
      };
    },
    async stop() {
      unsubscribe();
      socket.off("message", onDatagram);
      await Promise.all(waiting);
      observers.stop();
      await new Promise<void>((resolve) => socket.close(resolve));
    },
  };
}

interface Gathered {
  readonly body?: Uint8Array;
  /** What there is to say without asking the node. */
  readonly answer?: Answer;
  readonly options: readonly CoapOption[];
}

interface Answered {
  readonly answer: Answer;
  readonly options: readonly CoapOption[];
}

const BUSY = new LhgError("gateway.busy", "too many requests are open; try again");

function bind(socket: Socket, { host, port }: Pick<CoapParts, "host" | "port">): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, host, () => {
      socket.off("error", reject);
      resolve();
    });
  });
}

/** The first form of the answer that is short enough; content is cut into blocks of the largest size that is. */
function fitAnswer(
  request: CoapMessage,
  answer: Answer,
  options: readonly CoapOption[],
  askedBytes: number,
  nextMessageId: () => number,
): Uint8Array {
  const isConfirmable = request.type === CONFIRMABLE;
  const head = {
    type: isConfirmable ? ACKNOWLEDGEMENT : NON_CONFIRMABLE,
    code: answer.code,
    messageId: isConfirmable ? request.messageId : nextMessageId(),
    token: request.token,
  };
  const room = AMPLIFICATION_MAX * askedBytes;
  const all = [...(answer.options ?? []), ...options];
  const { payloads = [] } = answer;
  const [first] = payloads;
  const mayCut = answer.code === CODES.content && payloads.length === 1 && first !== undefined;
  const asked = mayCut ? readAskedBlock(request) : undefined;
  if (asked === undefined)
    for (const payload of payloads) {
      const bytes = encodeMessage({ ...head, options: all, payload });
      if (bytes.length <= room && payload.length <= BLOCK_BYTES_MAX) return bytes;
    }
  if (mayCut) return encodeBlock(head, all, first, asked ?? FIRST_BLOCK, room);
  return encodeMessage({ ...head, options, payload: EMPTY });
}

const FIRST_BLOCK: Block = { number: 0, isMore: false, sizeBytes: BLOCK_BYTES_MAX };

function readAskedBlock(request: CoapMessage): Block | undefined {
  try {
    return readBlock(request, OPTIONS.block2);
  } catch (error) {
    if (error instanceof LhgError) return undefined;
    throw error;
  }
}

/** Header, token and options of an answer, and the longest Block2. */
const BLOCK_OPTION_BYTES_MAX = 5;

function encodeBlock(
  head: Omit<CoapMessage, "options" | "payload">,
  options: readonly CoapOption[],
  content: Uint8Array,
  { number, sizeBytes }: Block,
  room: number,
): Uint8Array {
  const from = number * sizeBytes;
  if (from > 0 && from >= content.length)
    return encodeMessage({ ...head, code: CODES.badOption, options: [], payload: EMPTY });
  const frame = encodeMessage({ ...head, options, payload: EMPTY }).length + BLOCK_OPTION_BYTES_MAX;
  const size = Math.min(sizeBytes, fitBlock(room - frame) ?? BLOCK_BYTES_MIN);
  const block = { number: from / size, isMore: from + size < content.length, sizeBytes: size };
  return encodeMessage({
    ...head,
    options: [...options, blockOption(OPTIONS.block2, block)],
    payload: content.subarray(from, from + size),
  });
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
