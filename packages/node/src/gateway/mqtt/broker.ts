/** The broker's decisions: who is let in, what may be published and heard, and what becomes of a statement. */
import { LhgError } from "@lhg/protocol/core/errors";
import {
  Aedes,
  type AedesOptions,
  type AuthenticateError,
  type Client,
  type PublishPacket,
  type Subscription,
} from "aedes";
import type { Presence } from "../presence.ts";
import { type OutcomeTracker, type Reply, refuse } from "../replies.ts";
import type { Submitter } from "../submitter.ts";
import { isDeviceAddress, readFilter, readTopic, topicOf } from "../topics.ts";
import type { Authenticator } from "./authentication.ts";
import type { CommandDesk } from "./commands.ts";
import type { Visitor } from "./door.ts";
import type { MqttLimits } from "./limits.ts";
import { createSession, deliverHeld, findQos, holdAnswer, mayHear, type Session, sendTo } from "./session.ts";
import { emptyStore, silentBus } from "./stateless.ts";

export interface BrokerParts {
  readonly limits: MqttLimits;
  readonly isAuthenticationRequired: boolean;
  readonly authenticator: Authenticator;
  readonly submitter: Submitter;
  readonly outcomes: OutcomeTracker;
  readonly presence: Presence;
  readonly desk: CommandDesk | undefined;
  /** The device that the client's certificate names, where it was verified. */
  readonly findCertified: (visitor: Visitor) => string | undefined;
  readonly onAnswer: (answer: string) => void;
  readonly onError: (error: unknown) => void;
  readonly log: (fields: object, message: string) => void;
}

export interface Broker {
  /** Serves a connection that has sent CONNECT. */
  serve(visitor: Visitor): void;
  /** Lets nobody in and reads no further: what was read is answered. */
  hold(): void;
  /** Cuts every connection. */
  close(): Promise<void>;
}

type ConnectPacket = Parameters<NonNullable<AedesOptions["preConnect"]>>[1];

/** CONNACK return codes: section 3.2.2.3 of the standard. */
const IDENTIFIER_REJECTED = 2;
const UNAVAILABLE = 3;
const BAD_PASSWORD = 4;
const NOT_AUTHORIZED = 5;

const NO_PAYLOAD = Buffer.alloc(0);

class Refusal extends Error {
  readonly returnCode: number;
  constructor(returnCode: number, message: string) {
    super(message);
    this.returnCode = returnCode;
  }
}

export async function createMqttBroker(parts: BrokerParts): Promise<Broker> {
  const { limits, submitter, outcomes, presence, desk, onAnswer, onError, log } = parts;
  const visitors = new WeakMap<object, Visitor>();
  const connects = new WeakMap<Client, ConnectPacket>();
  const sessions = new WeakMap<Client, Session>();
  /** Who speaks for a device. */
  const holders = new Map<string, Session>();
  let isStopping = false;

  function preConnect(
    client: Client,
    packet: ConnectPacket,
    done: (error: null, isFine: boolean) => void,
  ): void {
    connects.set(client, packet);
    // Nothing is kept for who is away: what it has to know, it hears when it subscribes again.
    packet.clean = true;
    const { keepaliveSecondsMax } = limits;
    const asked = packet.keepalive ?? 0;
    packet.keepalive = asked === 0 || asked > keepaliveSecondsMax ? keepaliveSecondsMax : asked;
    done(null, true);
  }

  function authenticate(
    client: Client,
    userName: string | undefined,
    password: Uint8Array | undefined,
    done: (error: AuthenticateError | null, isFine: boolean | null) => void,
  ): void {
    decideConnect(client, userName, password)
      .then((session) => {
        // It may have left meanwhile.
        if (!client.closed) {
          sessions.set(client, session);
          holders.set(session.device, session);
        }
        done(null, true);
      })
      .catch((error: unknown) => {
        const refusal =
          error instanceof Refusal ? error : new Refusal(UNAVAILABLE, "the node cannot say now");
        if (!(error instanceof Refusal || error instanceof LhgError)) onError(error);
        done(refusal as unknown as AuthenticateError, null);
      });
  }

  /** Throws a Refusal. */
  async function decideConnect(
    client: Client,
    userName: string | undefined,
    password: Uint8Array | undefined,
  ): Promise<Session> {
    if (isStopping) throw new Refusal(UNAVAILABLE, "the node stops");
    const { id: device } = client;
    const visitor = visitors.get(client.conn)!;
    if (!isDeviceAddress(device))
      throw new Refusal(IDENTIFIER_REJECTED, "the client id must be the device's address");
    if (userName !== undefined && userName !== "" && userName !== device)
      throw new Refusal(BAD_PASSWORD, "the user name must be the device's address");
    const { will } = connects.get(client) ?? {};
    const isFineWill =
      will === undefined || (will.topic === topicOf(device, "status") && String(will.payload) === "offline");
    if (!isFineWill) throw new Refusal(NOT_AUTHORIZED, "the last will must be offline on the own status");
    const session = createSession(client, visitor);
    session.isAuthenticated = await isProven(device, visitor, password);
    if (session.isAuthenticated) return session;
    if (parts.isAuthenticationRequired) throw new Refusal(NOT_AUTHORIZED, "a password is required");
    if (holders.get(device)?.isAuthenticated === true)
      throw new Refusal(NOT_AUTHORIZED, "the device is connected with a password");
    return session;
  }

  /** Throws a Refusal for a password that is not good: nobody is taken for a stranger who says he is none. */
  async function isProven(
    device: string,
    visitor: Visitor,
    password: Uint8Array | undefined,
  ): Promise<boolean> {
    if (parts.findCertified(visitor) === device) return true;
    if (password === undefined || password.length === 0) return false;
    const problem = await parts.authenticator.check(device, password);
    if (problem !== undefined) throw new Refusal(BAD_PASSWORD, `the password ${problem}`);
    return true;
  }

  function authorizePublish(
    client: Client | null,
    packet: PublishPacket,
    done: (error?: Error | null) => void,
  ): void {
    const session = client === null ? undefined : sessions.get(client);
    if (session === undefined) {
      done();
      return;
    }
    const { topic } = packet;
    const payload = packet.payload as Buffer;
    // Whatever becomes of it here, the broker has nothing more to do with it than to acknowledge.
    packet.payload = NO_PAYLOAD;
    packet.retain = false;
    const named = readTopic(topic);
    if (named?.device === session.device && named.channel === "up") {
      takeStatement(session, payload, done);
      return;
    }
    if (named?.device === session.device && named.channel === "status") noteStatus(session, payload);
    else reply(session, refuse("mqtt.topic", `must be the own ${topicOf(session.device, "up")}`, "topic"));
    done();
  }

  function noteStatus(session: Session, payload: Buffer): void {
    const said = payload.toString("latin1");
    if (!session.isAuthenticated)
      reply(session, refuse("mqtt.unauthenticated", "only a device with a password has a status", "topic"));
    else if (said === "online") presence.setOnline(session.device, "mqtt", session);
    else if (said === "offline") presence.setOffline(session.device, session);
    else reply(session, refuse("mqtt.status", "must be online or offline", "payload"));
  }

  function takeStatement(session: Session, payload: Buffer, acknowledge: () => void): void {
    session.inFlight += 1;
    session.visitor.isFull = isStopping || session.inFlight >= limits.inFlightMax;
    submitter
      .submit(session.device, payload, session.isAuthenticated)
      .catch((error: unknown): Reply => {
        if (!(error instanceof LhgError)) throw error;
        const { code, field, message } = error;
        return { id: "", state: "not-yet", code, field, message };
      })
      .then((result) => {
        onAnswer(result.state);
        answer(session, result, acknowledge);
      })
      .catch((error: unknown) => {
        onError(error);
        session.client.close();
      })
      .finally(() => {
        session.inFlight -= 1;
        if (isStopping || !session.visitor.isFull) return;
        session.visitor.isFull = false;
        session.visitor.wake();
      });
  }

  /** "Not yet" is no promise: a device that does not hear it must not take an acknowledgement for one, and is cut. */
  function answer(session: Session, result: Reply, acknowledge: () => void): void {
    const isPromise = result.state !== "not-yet";
    const deliver = (): void => {
      reply(session, result);
      if (result.state === "accepted" && !session.visitor.stream.destroyed)
        outcomes.track(result.id, session, (notice) => reply(session, notice));
      if (!isPromise) acknowledge();
    };
    if (isPromise) acknowledge();
    if (findQos(session, "reply") !== undefined) deliver();
    else holdAnswer(session, deliver, isPromise ? () => {} : () => session.client.close());
  }

  function reply(session: Session, value: Reply): boolean {
    return sendTo(session, "reply", JSON.stringify(value), limits.unsentBytesMax);
  }

  function authorizeSubscribe(
    client: Client,
    subscription: Subscription,
    done: (error: null, subscription: Subscription | null) => void,
  ): void {
    const session = sessions.get(client);
    const { topic: filter, qos } = subscription;
    const isGranted =
      session !== undefined &&
      readFilter(session.device, filter).some((channel) => mayHear(session, channel));
    if (isGranted) session.filters.set(filter, qos === 0 ? 0 : 1);
    done(null, isGranted ? subscription : null);
  }

  function end(client: Client): void {
    const session = sessions.get(client);
    if (session === undefined) return;
    presence.setOffline(session.device, session);
    desk?.leave(session);
    outcomes.leave(session);
    if (holders.get(session.device) === session) holders.delete(session.device);
  }

  const aedes = await Aedes.createBroker({
    mq: silentBus,
    persistence: emptyStore,
    connectTimeout: limits.connectTimeoutMs,
    drainTimeout: limits.packetTimeoutMs,
    maxClientsIdLength: 40,
    maxInflightInbound: 0,
    preConnect,
    authenticate,
    authorizePublish,
    authorizeSubscribe,
  });
  aedes.on("clientReady", (client) => {
    const session = sessions.get(client);
    if (session === undefined) return;
    if (session.isAuthenticated) presence.setOnline(session.device, "mqtt", session);
    session.visitor.admit(session.isAuthenticated);
  });
  aedes.on("subscribe", (_subscriptions, client) => {
    const session = sessions.get(client);
    if (session === undefined) return;
    if (findQos(session, "reply") !== undefined) deliverHeld(session);
    if (findQos(session, "commands") !== undefined) desk?.serve(session);
  });
  aedes.on("unsubscribe", (filters, client) => {
    for (const filter of filters) sessions.get(client)?.filters.delete(filter);
  });
  aedes.on("clientError", (client, error) => log({ device: client.id, reason: error.message }, "cut"));
  aedes.on("connectionError", (_client, error) => log({ reason: error.message }, "cut"));

  return {
    serve(visitor) {
      visitors.set(visitor.stream, visitor);
      const client = aedes.handle(visitor.stream);
      visitor.stream.once("close", () => end(client));
    },
    hold() {
      isStopping = true;
      for (const { visitor } of holders.values()) visitor.isFull = true;
    },
    close: () => new Promise((resolve) => aedes.close(resolve)),
  };
}
