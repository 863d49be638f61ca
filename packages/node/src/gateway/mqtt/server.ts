/** The MQTT side of the gateway: listeners, broker and what it needs of the node. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from "node:tls";
import type { Hasher, Verifier } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import type { NodeService } from "../../api/service.ts";
import { type Certificate, type CertificateSource, TLS_MIN_VERSION } from "../../tls/certificate.ts";
import type { CommandSource } from "../command-source.ts";
import type { Presence } from "../presence.ts";
import { createOutcomeTracker } from "../replies.ts";
import { createSubmitter, type Submitter } from "../submitter.ts";
import { isDeviceAddress } from "../topics.ts";
import { createAuthenticator, type DeviceStanding } from "./authentication.ts";
import { createMqttBroker } from "./broker.ts";
import { createCommandDesk } from "./commands.ts";
import { createDoor, type Visitor } from "./door.ts";
import { DEFAULT_MQTT_LIMITS, type MqttLimits } from "./limits.ts";
import { boundRemotes } from "./remotes.ts";
import { sendTo } from "./session.ts";

export interface MqttConfig {
  readonly host: string;
  /** 0 lets the system choose; undefined: no listener without TLS. */
  readonly port: number | undefined;
  readonly authentication: "required" | "optional";
  readonly tls: MqttTls | undefined;
}

export interface MqttTls {
  readonly port: number;
  /** As of the API: without a current one handshakes fail until it is there. */
  readonly certificates: CertificateSource;
  /** With it every client needs a certificate of this authority; one named by an address proves that device. */
  readonly clientCaFile: string | undefined;
}

export interface MqttGatewayParts {
  readonly service: Pick<NodeService, "submit" | "subscribe" | "query" | "statementState">;
  readonly chainId: string;
  readonly crypto: Pick<Hasher, "sha256"> & Verifier;
  readonly config: MqttConfig;
  readonly presence: Presence;
  readonly commands?: CommandSource;
  readonly limits?: Partial<MqttLimits>;
  /** Hears how many are open whenever that changes. */
  readonly onConnections?: (open: number) => void;
  readonly onAnswer?: (answer: string) => void;
  readonly logger: {
    error(fields: object, message: string): void;
    debug(fields: object, message: string): void;
  };
  readonly nowMs?: () => number;
}

export interface MqttGateway {
  readonly port: number | undefined;
  readonly tlsPort: number | undefined;
  /** Answers what it has read, then cuts all connections. Idempotent. */
  stop(): Promise<void>;
}

const ASK_AFTER_MS = 1_000;
/** Of one remote address beyond the connections that it may have. */
const HANDSHAKES_MAX = 64;
const ASK_MAX = 64;

/** Throws `mqtt.port-taken` and the system's error where it can't listen, `config.invalid` for an authority that is not there or no certificate. */
export async function startMqttGateway(parts: MqttGatewayParts): Promise<MqttGateway> {
  const { service, config, presence, logger, nowMs = Date.now } = parts;
  const limits: MqttLimits = { ...DEFAULT_MQTT_LIMITS, ...parts.limits };
  const onError = (error: unknown): void =>
    logger.error({ error: error instanceof Error ? error.stack : String(error) }, "the MQTT gateway failed");
  const log = (fields: object, message: string): void => logger.debug(fields, `MQTT: ${message}`);
  const tlsServer =
    config.tls === undefined ? undefined : await makeTlsServer(config.tls, limits.connectTimeoutMs);
  const outcomes = createOutcomeTracker(service, { askAfterMs: ASK_AFTER_MS, askMax: ASK_MAX, onError });
  const submitter = createSubmitter(service.submit);
  const desk =
    parts.commands === undefined
      ? undefined
      : createCommandDesk({
          source: parts.commands,
          listNamed: (height) => listNamed(service, height),
          send: (session, receipt) => sendTo(session, "commands", receipt, limits.unsentBytesMax),
          onError,
        });
  const unsubscribe = desk === undefined ? () => {} : service.subscribe(desk.onBlock);
  const broker = await createMqttBroker({
    limits,
    isAuthenticationRequired: config.authentication === "required",
    authenticator: createAuthenticator({
      crypto: parts.crypto,
      chainId: parts.chainId,
      findDevice: (device) => findDevice(service, device),
      nowMs,
    }),
    submitter,
    outcomes,
    presence,
    desk,
    findCertified,
    onAnswer: parts.onAnswer ?? (() => {}),
    onError,
    log,
  });
  const door = createDoor({
    limits,
    onVisitor: broker.serve,
    onConnections: parts.onConnections ?? (() => {}),
    onCut: ({ code, message }, remote) => log({ code, remote, reason: message }, "cut"),
  });

  const servers: Server[] = [];
  /** Over TLS, those in their handshake too. */
  const sockets = new Set<Socket>();
  let stopping: Promise<void> | undefined;
  async function stopAll(): Promise<void> {
    unsubscribe();
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    broker.hold();
    await drain(submitter);
    await broker.close();
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
    outcomes.stop();
  }
  const stop = (): Promise<void> => {
    stopping ??= stopAll();
    return stopping;
  };

  async function listen(server: Server, port: number): Promise<number> {
    server.maxConnections = limits.connectionsMax + 64;
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) =>
        reject(error.code === "EADDRINUSE" ? describeTaken(port) : error),
      );
      server.listen(port, config.host, () => {
        server.removeAllListeners("error");
        resolve();
      });
    });
    server.on("error", onError);
    servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  try {
    const port =
      config.port === undefined
        ? undefined
        : await listen(createServer({ noDelay: true }, door.enter), config.port);
    if (tlsServer !== undefined) {
      boundRemotes(tlsServer, limits.remoteConnectionsMax + HANDSHAKES_MAX);
      tlsServer.on("secureConnection", door.enter);
    }
    const tlsPort =
      config.tls === undefined || tlsServer === undefined
        ? undefined
        : await listen(tlsServer, config.tls.port);
    return {
      port,
      tlsPort,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A block holds some hundred transactions at most: collections, which make it large, are not listed. */
const NAMED_PAGES_MAX = 16;

async function listNamed(service: Pick<NodeService, "query">, height: number): Promise<ReadonlySet<string>> {
  const named = new Set<string>();
  let cursor: string | undefined;
  for (let pages = 0; pages < NAMED_PAGES_MAX; pages++) {
    const args = { height, kind: "transaction" as const, limit: 200 };
    const page = await service.query("listStatements", cursor === undefined ? args : { ...args, cursor });
    for (const { payload } of page.items)
      for (const [, address] of JSON.stringify(payload ?? null).matchAll(/"([0-9a-f]{40})"/g))
        named.add(address!);
    cursor = page.next;
    if (cursor === undefined) break;
  }
  return named;
}

/** For a node that answers no more. */
const DRAIN_MS_MAX = 5_000;

async function drain(submitter: Submitter): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DRAIN_MS_MAX);
  });
  await Promise.race([submitter.drain(), overdue]);
  clearTimeout(timer);
  // Acknowledgements leave in the turns after the answers.
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function findDevice(
  service: Pick<NodeService, "query">,
  device: string,
): Promise<DeviceStanding | undefined> {
  try {
    const { key, revokedFromHeight, height } = await service.query("getDevice", { device });
    return { key, isRevoked: revokedFromHeight !== null && revokedFromHeight <= height };
  } catch (error) {
    if (error instanceof LhgError && error.code === "device.not-found") return undefined;
    throw error;
  }
}

/** Shows the newest certificate of the source. Throws `config.invalid`. */
async function makeTlsServer(
  { certificates, clientCaFile }: MqttTls,
  handshakeTimeout: number,
): Promise<TlsServer> {
  const ca = clientCaFile === undefined ? undefined : await readAuthority(clientCaFile);
  const contextOf = (certificate: Certificate | undefined): SecureContextOptions => ({
    ...certificate,
    minVersion: TLS_MIN_VERSION,
    ...(ca === undefined ? {} : { ca }),
  });
  const server = createTlsServer({
    ...contextOf(certificates.current),
    ...(ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true }),
    handshakeTimeout,
    noDelay: true,
  });
  certificates.onChange((certificate) => server.setSecureContext(contextOf(certificate)));
  return server;
}

async function readAuthority(path: string): Promise<Buffer> {
  try {
    const pem = await readFile(path);
    new X509Certificate(pem);
    return pem;
  } catch (error) {
    const { message } = error as Error;
    throw new LhgError("config.invalid", `cannot be used: ${message}`, "mqttTlsClientCaFile");
  }
}

function describeTaken(port: number): LhgError {
  return new LhgError("mqtt.port-taken", `another program listens on port ${port}`, "mqttPort");
}

/** The common name of a certificate that the client's authority has signed. */
function findCertified({ socket }: Visitor): string | undefined {
  const { authorized, getPeerCertificate } = socket as Socket & Partial<TLSSocket>;
  if (authorized !== true || getPeerCertificate === undefined) return undefined;
  const name = getPeerCertificate.call(socket).subject?.CN;
  return typeof name === "string" && isDeviceAddress(name) ? name : undefined;
}
