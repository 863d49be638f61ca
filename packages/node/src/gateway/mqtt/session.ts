/** One connection of a device, as the gateway knows it. */
import type { Client, PublishPacket } from "aedes";
import { type Channel, readFilter, topicOf } from "../topics.ts";
import type { Visitor } from "./door.ts";

export type Qos = 0 | 1;

/** An answer that came before the device has subscribed to answers: clients send again first when they come back. */
interface HeldAnswer {
  readonly deliver: () => void;
  readonly expire: () => void;
}

export interface Session {
  readonly client: Client;
  readonly visitor: Visitor;
  /** Client id: the device's address in hex. */
  readonly device: string;
  isAuthenticated: boolean;
  /** Filters that were granted. */
  readonly filters: Map<string, Qos>;
  /** The newest of them; each is delivered or expires. */
  readonly held: HeldAnswer[];
  /** Messages that wait for the node. */
  inFlight: number;
  /** The newest command that was handed out. */
  commandNumber: number;
}

export function createSession(client: Client, visitor: Visitor): Session {
  return {
    client,
    visitor,
    device: client.id,
    isAuthenticated: false,
    filters: new Map(),
    held: [],
    inFlight: 0,
    commandNumber: -1,
  };
}

/** Unauthenticated connections hear of what they send, and nothing else. */
export function mayHear({ isAuthenticated }: Pick<Session, "isAuthenticated">, channel: Channel): boolean {
  return channel === "reply" || isAuthenticated;
}

/** How the session has subscribed to one of its channels; undefined where it has not, or may not. */
export function findQos(session: Session, channel: Channel): Qos | undefined {
  if (!mayHear(session, channel)) return undefined;
  let found: Qos | undefined;
  for (const [filter, qos] of session.filters)
    if (readFilter(session.device, filter).includes(channel)) found = qos === 1 ? 1 : (found ?? 0);
  return found;
}

/**
 * Sends to the session if it has subscribed to the channel, and says whether it has. A client that does not read what it is
 * sent is cut.
 */
export function sendTo(
  session: Session,
  channel: Channel,
  payload: string | Uint8Array,
  unsentBytesMax: number,
): boolean {
  const { client, visitor, device } = session;
  const qos = findQos(session, channel);
  if (qos === undefined || client.closed) return false;
  if (visitor.stream.writableLength > unsentBytesMax) {
    visitor.stream.destroy();
    return false;
  }
  const bytes = Buffer.from(payload as Uint8Array);
  const packet: PublishPacket = {
    cmd: "publish",
    topic: topicOf(device, channel),
    payload: bytes,
    qos,
    retain: false,
    dup: false,
  };
  // What goes wrong here closes the connection, which is told elsewhere.
  client.publish(packet, () => {});
  return true;
}

const HELD_MAX = 64;
const HELD_MS = 2_000;

/** Calls `deliver` as soon as the session has subscribed to answers, `expire` where it does not in time. */
export function holdAnswer(session: Session, deliver: () => void, expire: () => void): void {
  const { held } = session;
  const timer = setTimeout(() => {
    held.splice(held.indexOf(answer), 1);
    expire();
  }, HELD_MS);
  timer.unref();
  const answer: HeldAnswer = {
    deliver: () => {
      clearTimeout(timer);
      deliver();
    },
    expire: () => {
      clearTimeout(timer);
      expire();
    },
  };
  held.push(answer);
  if (held.length > HELD_MAX) held.shift()!.expire();
}

export function deliverHeld({ held }: Session): void {
  for (const answer of held.splice(0)) answer.deliver();
}
