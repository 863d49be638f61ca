/** Sends a device's collections through an MQTT broker of a gateway and waits for the node's answers. */
import type { Address } from "@lhg/protocol/core/account";
import { toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { computeStatementId, decodeSign1 } from "@lhg/protocol/core/cose";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { submission } from "@lhg/protocol/core/statement/submission";
import { nobleCrypto } from "../crypto/noble.ts";
import type { Send } from "./flush.ts";

/** What is used of an MQTT client; that of the package `mqtt` is one. */
export interface MqttClientLike {
  subscribe(topic: string, options: { qos: 0 | 1 }, done: (error?: Error | null) => void): unknown;
  publish(topic: string, payload: Buffer, options: { qos: 1 }, done: (error?: Error) => void): unknown;
  on(event: "message", listener: (topic: string, payload: Uint8Array) => void): unknown;
}

/** What a gateway says on `lhg/v1/<device>/reply`. */
export interface GatewayReply {
  /** Statement id in hex; empty where what was sent is no statement. */
  readonly id: string;
  readonly state: "accepted" | "not-yet" | "refused" | "committed" | "provable";
  readonly code?: string;
  readonly field?: string;
  readonly message?: string;
  readonly height?: number;
  readonly status?: string;
}

export interface MqttSendOptions {
  /** The device's: also its client id. */
  readonly address: Address;
  /** How long an answer may take. 30 s by default. */
  readonly timeoutMs?: number;
  /** Hears every reply, `committed` and `provable` too. */
  readonly onReply?: (reply: GatewayReply) => void;
  readonly crypto?: Pick<Hasher, "sha256">;
}

const TIMEOUT_MS = 30_000;
const REPLY_BYTES_MAX = 64 << 10;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The transport for `device.flush`: resolves once the node has the statement on disk. Rejects with the node's code where it is
 * refused or not yet taken, with `mqtt.timeout` where no answer came: nothing is known then, and sending again does no harm.
 */
export function createMqttSend(client: MqttClientLike, options: MqttSendOptions): Send {
  const { address, timeoutMs = TIMEOUT_MS, onReply = () => {}, crypto = nobleCrypto } = options;
  const prefix = `lhg/v1/${toHex(address)}`;
  const waiting = new Map<string, Waiting>();
  let subscribed: Promise<void> | undefined;

  client.on("message", (topic, payload) => {
    if (topic !== `${prefix}/reply`) return;
    const reply = readReply(payload);
    if (reply === undefined) return;
    settle(reply, waiting);
    onReply(reply);
  });

  /** Begun by the first send, and again by the next one where it failed. */
  function subscribe(): Promise<void> {
    subscribed ??= new Promise<void>((resolve, reject) => {
      client.subscribe(`${prefix}/reply`, { qos: 1 }, (error) => {
        if (error === undefined || error === null) return resolve();
        subscribed = undefined;
        reject(error);
      });
    });
    return subscribed;
  }

  return async (bytes) => {
    const { statement } = decode(submission, bytes, "submission");
    const id = toHex(computeStatementId(crypto, decodeSign1(statement)));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new LhgError("mqtt.timeout", `no answer came in ${timeoutMs} ms`)),
      timeoutMs,
    );
    waiting.set(id, { resolve, reject });
    subscribe()
      .then(() => {
        // MQTT clients take Buffers; in browsers their bundles bring one.
        const payload = bytes as Buffer;
        client.publish(`${prefix}/up`, payload, { qos: 1 }, (error) => {
          if (error !== undefined && error !== null) reject(error);
        });
      })
      .catch(reject);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(id);
    }
  };
}

function settle(reply: GatewayReply, waiting: ReadonlyMap<string, Waiting>): void {
  const { id, state, code = `mqtt.${state}`, message = "was not taken", field = "" } = reply;
  if (state !== "refused" && state !== "not-yet") {
    waiting.get(id)?.resolve();
    return;
  }
  // The message of the node begins with the field already.
  const error = new LhgError(code, field === "" ? message : message.replace(`${field}: `, ""), field);
  // An answer without id is to something that reached the gateway bent: it can only be what waits.
  const concerned = id === "" ? [...waiting.values()] : [waiting.get(id)];
  for (const entry of concerned) entry?.reject(error);
}

const STATES: readonly unknown[] = ["accepted", "not-yet", "refused", "committed", "provable"];

/** Undefined for what is no reply: the broker in between may be anybody's. */
function readReply(payload: Uint8Array): GatewayReply | undefined {
  if (payload.length > REPLY_BYTES_MAX) return undefined;
  try {
    const value = JSON.parse(new TextDecoder().decode(payload)) as Partial<GatewayReply> | null;
    const isReply = typeof value?.id === "string" && STATES.includes(value.state);
    return isReply ? (value as GatewayReply) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
