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
import { createSubmitter, toSubmission } from "../submitter.ts";
import { readTopic, topicOf } from "../topics.ts";

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
  /** Rejects with an LhgError of `isAway` while the node can't be reached. */
  readonly submit: NodeService["submit"];
  readonly statementState: (id: string) => Promise<StatementState>;
  /** Whether an error says that the node is away or busy: then the message is tried again. */
  readonly isAway: (error: LhgError) => boolean;
  readonly onEvent: (event: BridgeEvent) => void;
}

export type BridgeEvent =
  | { readonly kind: "connected" | "lost" }
  /** The node does not answer; once for each time that it goes. */
  | { readonly kind: "waiting"; readonly message: string }
  | { readonly kind: "answered"; readonly state: SubmitResult["state"] }
  | { readonly kind: "failed"; readonly error: unknown };

export interface Bridge {
  /** Leaves what has no answer yet to the broker. Idempotent. */
  stop(): Promise<void>;
}

const FILTER = "lhg/v1/+/up";
const SHARE = "$share/lhg/";
const SESSION_SECONDS = 24 * 3_600;
const RECEIVE_MAX = 64;
const PACKET_BYTES_MAX = 256 << 10;
const RECONNECT_MS = 1_000;
const RETRY_MS = 500;
const ASK_AFTER_MS = 500;
const ASK_MAX = 64;

/** Resolves when all connections stand. Rejects with `bridge.broker` where the broker is not there or refuses. */
export async function startBridge(parts: BridgeParts): Promise<Bridge> {
  const { config, onEvent, isAway } = parts;
  const ending = new AbortController();
  const submitter = createSubmitter(parts.submit);
  const outcomes = createOutcomeTracker(
    { statementState: parts.statementState },
    { askAfterMs: ASK_AFTER_MS, askMax: ASK_MAX, onError: (error) => onEvent({ kind: "failed", error }) },
  );
  let isWaiting = false;

  async function submitUntilAnswered(device: string, payload: Buffer): Promise<Reply> {
    for (;;) {
      try {
        const result = await submitter.submit(device, payload);
        isWaiting = false;
        return result;
      } catch (error) {
        if (!(error instanceof LhgError)) throw error;
        const { code, field, message } = error;
        if (!isAway(error)) return { id: "", state: "refused", code, field, message };
        if (!isWaiting) onEvent({ kind: "waiting", message });
        isWaiting = true;
        await sleep(RETRY_MS, ending.signal);
      }
    }
  }

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
    const result = await submitUntilAnswered(device, packet.payload as Buffer);
    if (ending.signal.aborted) return;
    onEvent({ kind: "answered", state: result.state as SubmitResult["state"] });
    const answer = (reply: Reply): void => publishReply(client, device, packet, reply);
    answer(result);
    if (result.state === "accepted") outcomes.track(result.id, answer, answer);
  }

  /** Resolves when it stands and listens; rejects with the first error before that. */
  function open(client: MqttClient): Promise<void> {
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
    let isUp = false;
    client.on("close", () => {
      if (isUp && !ending.signal.aborted) onEvent({ kind: "lost" });
      isUp = false;
    });
    return new Promise((resolve, reject) => {
      client.on("error", (error) => {
        reject(new LhgError("bridge.broker", `does not let the bridge in: ${error.message}`, "broker"));
        if (isUp) onEvent({ kind: "failed", error });
      });
      client.on("connect", () => {
        const filter = config.connections > 1 ? `${SHARE}${FILTER}` : FILTER;
        client.subscribe(filter, { qos: 1 }, (error) => {
          if (error !== null) {
            reject(error);
            return;
          }
          isUp = true;
          onEvent({ kind: "connected" });
          resolve();
        });
      });
    });
  }

  const clients = Array.from({ length: config.connections }, (_, number) =>
    connect(config.brokerUrl, connectOptions(config, number)),
  );
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      ending.abort();
      outcomes.stop();
      await Promise.all(clients.map((client) => client.endAsync(true)));
    })();
    return stopping;
  };
  try {
    await Promise.all(clients.map(open));
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
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

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return;
    const timer = setTimeout(resolve, ms);
    // Who waits is left waiting: nothing is acknowledged any more.
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  });
}
