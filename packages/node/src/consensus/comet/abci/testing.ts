/** An engine's side of the socket, and applications that answer what a test wants. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { AbciAddress } from "./address.ts";
import type { AbciLog } from "./connection.ts";
import { createFrameReader, encodeFrame, FRAME_BYTES_LIMIT } from "./framing.ts";
import { RequestSchema, type Response, ResponseSchema } from "./generated/abci_pb.ts";
import type { AbciHandler } from "./handler.ts";
import { type AbciServer, type AbciServerParts, startAbciServer } from "./server.ts";

export type RequestInit = NonNullable<MessageInitShape<typeof RequestSchema>["value"]>;

export function encodeRequest(value: RequestInit): Uint8Array {
  return encodeFrame(toBinary(RequestSchema, create(RequestSchema, { value })));
}

export interface RawEngine {
  readonly socket: Socket;
  send(...requests: readonly RequestInit[]): void;
  /** The next answer in its order; rejects when the connection closes before. */
  next(): Promise<Response["value"]>;
  /** Resolves with the answers nobody took. */
  readonly closed: Promise<Response["value"][]>;
}

export async function connectRawEngine(address: AbciAddress): Promise<RawEngine> {
  const socket = "path" in address ? connect(address.path) : connect(address.port, address.host);
  await once(socket, "connect");
  const reader = createFrameReader(FRAME_BYTES_LIMIT);
  const answers: Response["value"][] = [];
  const waiting: PromiseWithResolvers<Response["value"]>[] = [];
  const closed = Promise.withResolvers<Response["value"][]>();

  socket.on("data", (chunk) => {
    reader.push(chunk as Buffer);
    for (let message = reader.next(); message !== undefined; message = reader.next()) {
      const { value } = fromBinary(ResponseSchema, message);
      const first = waiting.shift();
      if (first === undefined) answers.push(value);
      else first.resolve(value);
    }
  });
  socket.on("error", () => {});
  socket.once("close", () => {
    for (const { reject } of waiting) reject(new Error("the connection is closed"));
    closed.resolve(answers);
  });

  return {
    socket,
    send(...requests) {
      socket.write(Buffer.concat(requests.map(encodeRequest)));
    },
    async next() {
      const answer = answers.shift();
      if (answer !== undefined) return answer;
      if (socket.closed) throw new Error("the connection is closed");
      const waiter = Promise.withResolvers<Response["value"]>();
      waiting.push(waiter);
      return await waiter.promise;
    },
    closed: closed.promise,
  };
}

/** Answers everything with nothing, but for what a test cares about. */
export function makeHandler(methods: Partial<AbciHandler> = {}): AbciHandler {
  const nothing = async () => ({});
  return {
    info: nothing,
    query: nothing,
    checkTx: nothing,
    initChain: nothing,
    prepareProposal: nothing,
    processProposal: nothing,
    finalizeBlock: nothing,
    commit: nothing,
    extendVote: nothing,
    verifyVoteExtension: nothing,
    listSnapshots: nothing,
    offerSnapshot: nothing,
    loadSnapshotChunk: nothing,
    applySnapshotChunk: nothing,
    ...methods,
  };
}

export interface TestServer extends AbciServer {
  /** Message and reason of every line. */
  readonly lines: string[];
  readonly fatal: unknown[];
  readonly counts: number[];
}

export async function startTestServer(
  methods: Partial<AbciHandler> = {},
  parts: Partial<AbciServerParts> = {},
): Promise<TestServer> {
  const lines: string[] = [];
  const fatal: unknown[] = [];
  const counts: number[] = [];
  const log: AbciLog = (_level, fields, message) => {
    lines.push(`${message}: ${(fields as { err?: Error }).err?.message ?? ""}`);
  };
  const server = await startAbciServer({
    address: { host: "127.0.0.1", port: 0 },
    handler: makeHandler(methods),
    frameBytesMax: 1 << 20,
    log,
    onFatal: (error) => fatal.push(error),
    onConnections: (count) => counts.push(count),
    ...parts,
  });
  return { ...server, lines, fatal, counts };
}
