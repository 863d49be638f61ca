/** For tests: the gateway on a real port before a node that answers what it is told to. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { deriveAddress } from "@lhg/protocol/core/account";
import { toHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { makeGatewayPassword } from "@lhg/sdk/device/gateway-password";
import { generateKey, type SecretKey } from "@lhg/sdk/keys/keys";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import type { ChainUpdate, NodeService, StatementState, SubmitResult } from "../../api/service.ts";
import { createNativeSigner, sodiumCrypto } from "../../crypto/sodium.ts";
import type { CommandSource } from "../command-source.ts";
import { createPresence, type Presence } from "../presence.ts";
import type { Reply } from "../replies.ts";
import type { MqttLimits } from "./limits.ts";
import { type MqttConfig, type MqttGateway, startMqttGateway } from "./server.ts";

const CHAIN_ID = "lhg-test-00";
export const QOS1 = { qos: 1 } as const;

export interface TestKey {
  readonly key: SecretKey;
  readonly address: string;
}

export function makeKey(): TestKey {
  const key = generateKey(ALG_EDDSA, (size) => randomBytes(size));
  return { key, address: toHex(deriveAddress(sodiumCrypto, { alg: key.alg, bytes: key.publicKey })) };
}

export function makePassword({ key }: TestKey, expiryMs = Date.now() + 60_000, chainId = CHAIN_ID): Buffer {
  return Buffer.from(makeGatewayPassword(createNativeSigner(key), { chainId, expiryMs }));
}

export interface TestGateway {
  readonly gateway: MqttGateway;
  readonly port: number;
  readonly presence: Presence;
  /** What reached the node, call by call. */
  readonly calls: (readonly Uint8Array[])[];
  readonly failures: object[];
  announce(update: Partial<ChainUpdate> & Pick<ChainUpdate, "height">): void;
  connect(options?: IClientOptions): Promise<MqttClient>;
  /** As this device, with its password. */
  connectKnown(key: TestKey, options?: IClientOptions): Promise<MqttClient>;
  openSocket(): Promise<Socket>;
  stop(): Promise<void>;
}

export interface TestGatewayParts {
  readonly registered?: readonly TestKey[];
  readonly submit?: (submissions: readonly Uint8Array[]) => Promise<readonly SubmitResult[]>;
  readonly statementState?: (id: string) => Promise<StatementState>;
  readonly named?: (height: number) => readonly string[];
  readonly commands?: CommandSource;
  readonly limits?: Partial<MqttLimits>;
  readonly config?: Partial<MqttConfig>;
  readonly onConnections?: (open: number) => void;
}

/** The id of whatever is submitted: its hash. */
export const idOf = (submission: Uint8Array): string => toHex(sodiumCrypto.sha256(submission));

export const acceptAll = async (submissions: readonly Uint8Array[]): Promise<readonly SubmitResult[]> =>
  submissions.map((submission) => ({ id: idOf(submission), state: "accepted" }));

/** Stopped when the test ends, if not before. */
export async function startTestGateway(t: TestContext, parts: TestGatewayParts = {}): Promise<TestGateway> {
  const { submit = acceptAll, named = () => [], registered = [] } = parts;
  const listeners = new Set<(update: ChainUpdate) => void>();
  const calls: (readonly Uint8Array[])[] = [];
  const failures: object[] = [];
  const presence = createPresence();
  const clients: MqttClient[] = [];
  const keys = new Map(registered.map(({ key, address }) => [address, toHex(key.publicKey)]));
  const query = async (name: string, args: { device?: string; height?: number }) => {
    if (name === "listStatements") return { items: [{ payload: { devices: named(args.height!) } }] };
    const bytes = keys.get(args.device ?? "");
    if (bytes === undefined) throw new LhgError("device.not-found", "is not registered", "device");
    return { key: { alg: "EdDSA", bytes }, revokedFromHeight: null, height: 1 };
  };
  const gateway = await startMqttGateway({
    service: {
      submit: (submissions) => {
        calls.push(submissions);
        return submit(submissions);
      },
      statementState: parts.statementState ?? (async () => ({ state: "pending" })),
      query: query as unknown as NodeService["query"],
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    chainId: CHAIN_ID,
    crypto: sodiumCrypto,
    config: { host: "127.0.0.1", port: 0, authentication: "optional", tls: undefined, ...parts.config },
    presence,
    ...(parts.commands === undefined ? {} : { commands: parts.commands }),
    limits: parts.limits ?? {},
    onConnections: parts.onConnections ?? (() => {}),
    logger: { error: (fields) => failures.push(fields), debug: () => {} },
  });
  const port = gateway.port!;
  const connectWith = async (options: IClientOptions): Promise<MqttClient> => {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options }, false);
    client.on("error", () => {});
    clients.push(client);
    return client;
  };
  const started: TestGateway = {
    gateway,
    port,
    presence,
    calls,
    failures,
    announce: (update) => {
      for (const listener of listeners)
        listener({ provableHeight: update.height - 1, timeMs: 0, isWorking: true, executed: [], ...update });
    },
    connect: (options = {}) => connectWith({ clientId: makeKey().address, ...options }),
    connectKnown: (known, options = {}) =>
      connectWith({
        clientId: known.address,
        username: known.address,
        password: makePassword(known),
        ...options,
      }),
    openSocket: async () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      await once(socket, "connect");
      return socket;
    },
    stop: async () => {
      await Promise.all(clients.map((client) => client.endAsync(true)));
      await gateway.stop();
    },
  };
  t.after(() => started.stop());
  return started;
}

export const upOf = (client: MqttClient): string => `lhg/v1/${client.options.clientId}/up`;

export const closeOf = (client: MqttClient): Promise<void> =>
  new Promise((resolve) => client.once("close", resolve));

/** Subscribes to the own replies; resolves each call of `next` with one of them, in order. */
export async function hearReplies(client: MqttClient): Promise<{ readonly next: () => Promise<Reply> }> {
  const heard: Reply[] = [];
  const waiting: ((reply: Reply) => void)[] = [];
  client.on("message", (topic, payload) => {
    if (!topic.endsWith("/reply")) return;
    const reply = JSON.parse(String(payload)) as Reply;
    const first = waiting.shift();
    if (first === undefined) heard.push(reply);
    else first(reply);
  });
  await client.subscribeAsync(`lhg/v1/${client.options.clientId}/reply`, { qos: 1 });
  return {
    next: () =>
      new Promise((resolve) => {
        const first = heard.shift();
        if (first === undefined) waiting.push(resolve);
        else resolve(first);
      }),
  };
}
