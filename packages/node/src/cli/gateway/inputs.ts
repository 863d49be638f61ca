/** Where plain readings come in: an HTTP endpoint and an MQTT broker. What is acknowledged is on disk. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { LhgError } from "@lhg/protocol/core/errors";
import { connect, type IPublishPacket } from "mqtt";
import type { BrokerAccess } from "../broker-access.ts";
import { PAYLOAD_BYTES_MAX } from "./readings.ts";

/** Takes a message of a device; resolves with the number of readings once they are durable. Rejects with what is wrong with them. */
export type Take = (device: string, payload: Uint8Array) => Promise<number>;

export interface Input {
  /** Where it listens, or whom it listens to. */
  readonly place: string;
  close(): Promise<void>;
}

const TYPES = /^application\/(?:senml\+)?json(?:;|$)/;
const PATH = /^\/readings\/([A-Za-z0-9._-]{1,64})$/;
const RETRY_MS = 1_000;

export async function startHttpInput(
  { host, port }: { readonly host: string; readonly port: number },
  take: Take,
): Promise<Input> {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 20_000, maxHeaderSize: 8192 });
  server.maxConnections = 1_000;
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    answer(request, take)
      .catch((error: unknown) => toAnswer(error))
      .then(({ status, body }) => {
        // What is left of a refused body is not waited for.
        const connection = request.complete ? {} : { connection: "close" };
        response.writeHead(status, { "content-type": "application/json", ...connection });
        response.end(`${JSON.stringify(body)}\n`);
      });
  });
  await listen(server, host, port);
  const { address, family, port: bound } = server.address() as AddressInfo;
  return {
    place: `http://${family === "IPv6" ? `[${address}]` : address}:${bound}/readings/<device>`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

interface HttpAnswer {
  readonly status: number;
  readonly body: object;
}

async function answer(request: IncomingMessage, take: Take): Promise<HttpAnswer> {
  const device = PATH.exec(request.url ?? "")?.[1];
  if (device === undefined)
    throw new LhgError("http.not-found", "POST /readings/<device> is all there is", "path");
  if (request.method !== "POST") throw new LhgError("http.method", "must be POST", "method");
  // A page in somebody's browser can post to this machine, but without leave only as a form or text.
  if (request.headers.origin !== undefined || !TYPES.test(request.headers["content-type"] ?? ""))
    throw new LhgError(
      "http.content-type",
      "must be application/json or application/senml+json",
      "content-type",
    );
  return { status: 202, body: { accepted: await take(device, await readBody(request)) } };
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request) {
    sizeBytes += (chunk as Buffer).length;
    if (sizeBytes > PAYLOAD_BYTES_MAX)
      throw new LhgError("reading.size", `must be at most ${PAYLOAD_BYTES_MAX} bytes`, "payload");
    chunks.push(chunk as Buffer);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

const STATUSES: ReadonlyMap<string, number> = new Map([
  ["http.not-found", 404],
  ["device.not-found", 404],
  ["http.method", 405],
  ["http.content-type", 415],
  ["reading.size", 413],
]);

function toAnswer(error: unknown): HttpAnswer {
  if (!(error instanceof LhgError))
    return { status: 500, body: { code: "internal", field: "", message: "failed" } };
  const { code, field, message } = error;
  const status = STATUSES.get(code) ?? (isBusy(error) ? 503 : 400);
  return { status, body: { code, field, message } };
}

function isBusy({ code }: LhgError): boolean {
  return code === "gateway.full" || code.startsWith("inbox.");
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

export interface MqttInputOptions {
  readonly url: string;
  /** With one `+` where the device's name stands. */
  readonly topic: string;
  readonly clientId: string;
  readonly access: BrokerAccess;
  readonly say: (text: string) => void;
}

/**
 * Subscribes at a broker with QoS 1 in a session that outlives this process: what comes meanwhile is kept there. A message is acknowledged when
 * its readings are durable, or are no readings; where `take` fails in any other way the connection is cut, and the broker sends it again.
 * Resolves at once; connects and connects again by itself.
 */
export function startMqttInput(options: MqttInputOptions, take: Take): Input {
  const { url, topic, clientId, access, say } = options;
  const [before = "", after = ""] = topic.split("+");
  const { userName, password, ca } = access;
  const client = connect(url, {
    clientId,
    clean: false,
    reconnectPeriod: RETRY_MS,
    resubscribe: false,
    ...(userName === undefined ? {} : { username: userName }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  });
  let isClosing = false;

  async function takeMessage({ topic: name, payload }: IPublishPacket): Promise<void> {
    const device = name.slice(before.length, name.length - after.length);
    while (!isClosing) {
      try {
        await take(device, Buffer.from(payload));
        return;
      } catch (error) {
        if (!(error instanceof LhgError)) throw error;
        if (!isBusy(error)) return;
        // Not acknowledged until there is room: the broker keeps what comes after it.
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    throw new LhgError("gateway.closing", "is stopping");
  }

  client.handleMessage = (packet, done) => {
    takeMessage(packet).then(
      () => done(),
      (error: Error) => {
        // mqtt.js goes on to the next message after an error. Only a cut makes the broker send this one again.
        client.stream.destroy();
        done(error);
      },
    );
  };
  client.on("connect", () => {
    say(`connected to ${describeBroker(url)}`);
    client.subscribe(topic, { qos: 1 }, (error) => {
      if (error !== null) say(`the broker refuses the subscription of ${topic}: ${error.message}`);
    });
  });
  client.on("error", (error) => say(`the broker cannot be used: ${error.message || String(error)}`));
  client.on("offline", () => say(`no connection to ${describeBroker(url)}; trying again`));
  return {
    place: `${describeBroker(url)} ${topic}`,
    close: async () => {
      isClosing = true;
      await client.endAsync(true);
    },
  };
}

function describeBroker(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
