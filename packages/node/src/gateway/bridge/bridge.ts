/**
 * Carries what devices publish on somebody's own broker (MQTT 5, such as Mosquitto) to a node, and the answers back. The broker
 * gets its acknowledgement only once the node has answered, so what the bridge or the node loses, the broker sends again.
 */
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { submission } from "@lhg/protocol/core/statement/submission";
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";
import type { NodeService, StatementState, SubmitResult } from "../../api/service.ts";
import { createOutcomeTracker, type Reply, refuse } from "../replies.ts";
import { toSubmission } from "../submitter.ts";
import { readTopic, topicOf } from "../topics.ts";
import { createDelivery, type RequestFailure } from "./delivery.ts";

export interface BridgeConfig {
  /** `mqtt://host:port` or `mqtts://...` */
  readonly brokerUrl: string;
  readonly userName: string | undefined;
  readonly password: string | undefined;
  /** PEM, where the broker's certificate is of an authority of one's own. */
  readonly ca: Buffer | undefined;
  /** Of the sessions at the broker: the same after a restart, another for each bridge. */
  readonly name: string;
  /** Each acknowledges one message after the other; the broker deals messages among them. */
  readonly connections: number;
}

export interface BridgeParts {
  readonly config: BridgeConfig;
  /** Rejects with a RequestFailure. */
  readonly submit: NodeService["submit"];
  readonly statementState: (id: string) => Promise<StatementState>;
  readonly onEvent: (event: BridgeEvent) => void;
}

export type BridgeEvent =
  /** All connections stand. */
  | { readonly kind: "connected" }
  /** The broker is away, for one connection or all; once until all stand. */
  | { readonly kind: "lost"; readonly message: string }
  /** The node does not answer; once for each time that it goes. */
  | { readonly kind: "waiting"; readonly message: string }
  /** The node, or what stands before it, lets nobody in this way: nothing will be acknowledged. */
  | { readonly kind: "barred"; readonly failure: RequestFailure }
  | { readonly kind: "answered"; readonly state: SubmitResult["state"] }
  | { readonly kind: "failed"; readonly error: unknown };

export interface Bridge {
  /**
   * Resolves when all connections stand for the first time, however long the broker is away. Rejects with `bridge.broker` where it is there
   * and refuses.
   */
  readonly ready: Promise<void>;
  /** Leaves what has no answer yet to the broker. Idempotent. */
  stop(): Promise<void>;
}

const FILTER = "lhg/v1/+/up";
const SHARE = "$share/lhg/";
const SESSION_SECONDS = 24 * 3_600;
const RECEIVE_MAX = 64;
/** The largest collection of a chain (`collectionSizeBytesMax`), and 1 KiB for topic, properties and wrapping. */
const PACKET_BYTES_MAX = (256 << 10) + 1024;
const RECONNECT_MS = 1_000;
const RETRY_MS = 500;
const ASK_AFTER_MS = 500;
const ASK_MAX = 64;

/** CONNACK codes that no waiting mends: protocol, client id, user and password, leave, ban, method; first those of MQTT 3.1.1. */
const REFUSALS: ReadonlySet<unknown> = new Set([1, 2, 4, 5, 0x84, 0x85, 0x86, 0x87, 0x8a, 0x8c]);
/** What the system says of a network or a host that is away, as opposed to TLS that does not fit. */
const AWAY = /^E(?!RR_|PROTO)[A-Z_]+$/;

/** Connects, and connects again by itself. */
export function startBridge(parts: BridgeParts): Bridge {
  const { config, onEvent } = parts;
  const ending = new AbortController();
  const deliver = createDelivery({
    submit: parts.submit,
    retryMs: RETRY_MS,
    signal: ending.signal,
    onWaiting: (message) => onEvent({ kind: "waiting", message }),
    onBarred: (failure) => onEvent({ kind: "barred", failure }),
  });
  const outcomes = createOutcomeTracker(
    { statementState: parts.statementState },
    { askAfterMs: ASK_AFTER_MS, askMax: ASK_MAX, onError: (error) => onEvent({ kind: "failed", error }) },
  );
  /** Resolves once the node has answered; never where the bridge ends before. */
  async function carry(client: MqttClient, packet: IPublishPacket): Promise<void> {
    const named = readTopic(packet.topic);
    if (named?.channel !== "up") return;
    const { device } = named;
    const bent = findProblem(packet.payload as Buffer);
    if (bent !== undefined) {
      publishReply(client, device, packet, bent);
      onEvent({ kind: "answered", state: "refused" });
      return;
    }
    const result = await deliver(device, packet.payload as Buffer);
    if (ending.signal.aborted) return;
    onEvent({ kind: "answered", state: result.state as SubmitResult["state"] });
    const answer = (reply: Reply): void => publishReply(client, device, packet, reply);
    answer(result);
    if (result.state === "accepted") outcomes.track(result.id, answer, answer);
  }

  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {});
  const up = new Set<MqttClient>();
  let isReady = false;
  let isLost = false;

  function noteUp(client: MqttClient): void {
    up.add(client);
    if (up.size < clients.length) return;
    isReady = true;
    isLost = false;
    onEvent({ kind: "connected" });
    ready.resolve();
  }

  function noteLost(client: MqttClient, message: string): void {
    up.delete(client);
    if (ending.signal.aborted) return;
    if (!isLost) onEvent({ kind: "lost", message });
    isLost = true;
  }

  function refuseStart(error: Error): void {
    ready.reject(new LhgError("bridge.broker", `does not let the bridge in: ${error.message}`, "broker"));
  }

  function open(client: MqttClient): void {
    client.handleMessage = (packet, acknowledge) => {
      carry(client, packet).then(
        () => {
          if (!ending.signal.aborted) acknowledge();
        },
        (error: unknown) => {
          if (ending.signal.aborted) return;
          // Without an acknowledgement the broker sends it again to the next connection of this session.
          onEvent({ kind: "failed", error });
          client.reconnect();
        },
      );
    };
    client.on("error", (error) => {
      if (!isReady && isRefusal(error)) refuseStart(error);
      else noteLost(client, error.message || String(error));
    });
    client.on("close", () => noteLost(client, "the connection was closed"));
    client.on("connect", () => {
      const filter = config.connections > 1 ? `${SHARE}${FILTER}` : FILTER;
      client.subscribe(filter, { qos: 1 }, (error) => {
        if (error === null) noteUp(client);
        // A connection that goes meanwhile subscribes when it is back.
        else if (!client.connected) return;
        else if (isReady) onEvent({ kind: "failed", error });
        else refuseStart(error);
      });
    });
  }

  const clients = Array.from({ length: config.connections }, (_, number) =>
    connect(config.brokerUrl, connectOptions(config, number)),
  );
  clients.forEach(open);
  let stopping: Promise<void> | undefined;
  return {
    ready: ready.promise,
    stop() {
      stopping ??= (async () => {
        ending.abort();
        outcomes.stop();
        await Promise.all(clients.map((client) => client.endAsync(true)));
      })();
      return stopping;
    },
  };
}

function isRefusal(error: Error): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" ? !AWAY.test(code) : REFUSALS.has(code);
}

/** What is no submission must not travel: the node refuses the whole request of which it is a part. */
function findProblem(payload: Uint8Array): Reply | undefined {
  try {
    decode(submission, toSubmission(payload), "submission");
    return undefined;
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    return refuse(error.code, error.message, error.field);
  }
}

function connectOptions(config: BridgeConfig, number: number): IClientOptions {
  const { userName, password, ca, name } = config;
  return {
    protocolVersion: 5,
    clientId: `lhg-bridge-${name}-${number}`,
    clean: false,
    reconnectPeriod: RECONNECT_MS,
    // A broker that has not read its users yet is no reason to stay away.
    reconnectOnConnackError: true,
    properties: {
      sessionExpiryInterval: SESSION_SECONDS,
      receiveMaximum: RECEIVE_MAX,
      maximumPacketSize: PACKET_BYTES_MAX,
    },
    ...(userName === undefined ? {} : { username: userName }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  };
}

/**
 * Also to the response topic, where the device names one below its own reply topic: elsewhere the bridge would write with its
 * own rights where the device has none.
 */
function publishReply(client: MqttClient, device: string, packet: IPublishPacket, reply: Reply): void {
  const own = topicOf(device, "reply");
  const payload = JSON.stringify(reply);
  const onDone = (): void => {};
  client.publish(own, payload, { qos: 1 }, onDone);
  const { responseTopic, correlationData } = packet.properties ?? {};
  if (responseTopic === undefined || !responseTopic.startsWith(`${own}/`) || /[+#]/.test(responseTopic))
    return;
  const properties = correlationData === undefined ? {} : { correlationData };
  client.publish(responseTopic, payload, { qos: 1, properties }, onDone);
}
