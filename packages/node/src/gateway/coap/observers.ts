/** Who wants to hear of a statement until it is provable (RFC 7641). Bounded; a silent observer is forgotten. */
import { CONFIRMABLE, type CoapMessage, OPTIONS, RESET, uintOption } from "./message.ts";
import type { Answer } from "./resources.ts";

export interface Peer {
  readonly address: string;
  readonly port: number;
}

export interface ObserverPorts {
  readonly send: (message: CoapMessage, peer: Peer) => void;
  readonly read: (id: string) => Promise<Answer>;
  readonly onError: (error: unknown) => void;
}

export interface ObserverLimits {
  readonly countMax: number;
  readonly perAddressMax: number;
  readonly lifetimeMs: number;
  /** Before the second sending of what is not acknowledged; doubled for each one after it. */
  readonly ackTimeoutMs: number;
}

const DEFAULT_OBSERVER_LIMITS: ObserverLimits = {
  countMax: 1_024,
  perAddressMax: 16,
  lifetimeMs: 600_000,
  ackTimeoutMs: 2_000,
};

export interface Observers {
  /** The sequence to answer with; undefined where no more observers are taken. */
  add(peer: Peer, token: Uint8Array, id: string, answer: Answer, nowMs: number): number | undefined;
  remove(peer: Peer, token: Uint8Array): void;
  /** An acknowledgement or a reset of a notification. */
  note(peer: Peer, message: CoapMessage): void;
  /** Looks at all that is observed again, as after a block. */
  refresh(nowMs: number): void;
  stop(): void;
  readonly count: number;
}

/** Nothing was ever acknowledged by this address, which may not have asked: two sendings. Then as RFC 7252 has it. */
const SENDINGS_UNKNOWN = 2;
const SENDINGS_KNOWN = 5;

interface Observer {
  readonly peer: Peer;
  readonly token: Uint8Array;
  readonly id: string;
  readonly sinceMs: number;
  sequence: number;
  said: string;
  messageId: number | undefined;
  isKnown: boolean;
  isLast: boolean;
  timer: NodeJS.Timeout | undefined;
}

const keyOf = ({ address, port }: Peer, token: Uint8Array): string =>
  `${address} ${port} ${Buffer.from(token).toString("hex")}`;

export function createObservers(
  ports: ObserverPorts,
  nextMessageId: () => number,
  limits: ObserverLimits = DEFAULT_OBSERVER_LIMITS,
): Observers {
  const observers = new Map<string, Observer>();
  let isRefreshing = false;
  let isStale = false;

  function drop(observer: Observer): void {
    clearTimeout(observer.timer);
    observers.delete(keyOf(observer.peer, observer.token));
  }

  function notify(observer: Observer, answer: Answer): void {
    const said = sayingOf(answer);
    if (said === observer.said) return;
    observer.said = said;
    observer.sequence += 1;
    observer.isLast = answer.observable === undefined;
    observer.messageId = nextMessageId();
    const message: CoapMessage = {
      type: CONFIRMABLE,
      code: answer.code,
      messageId: observer.messageId,
      token: observer.token,
      options: [uintOption(OPTIONS.observe, observer.sequence), ...(answer.options ?? [])],
      payload: answer.payloads?.[0] ?? new Uint8Array(0),
    };
    clearTimeout(observer.timer);
    sendRepeatedly(observer, message, 1);
  }

  function sendRepeatedly(observer: Observer, message: CoapMessage, sending: number): void {
    ports.send(message, observer.peer);
    observer.timer = setTimeout(
      () => {
        const sendingsMax = observer.isKnown ? SENDINGS_KNOWN : SENDINGS_UNKNOWN;
        if (sending >= sendingsMax) drop(observer);
        else sendRepeatedly(observer, message, sending + 1);
      },
      limits.ackTimeoutMs * 2 ** (sending - 1),
    );
    observer.timer.unref();
  }

  async function refreshAll(nowMs: number): Promise<void> {
    while (isStale) {
      isStale = false;
      const ids = new Set<string>();
      for (const observer of observers.values())
        if (observer.sinceMs + limits.lifetimeMs <= nowMs) drop(observer);
        else if (!observer.isLast) ids.add(observer.id);
      for (const id of ids) {
        const answer = await ports.read(id);
        for (const observer of observers.values()) if (observer.id === id) notify(observer, answer);
      }
    }
  }

  return {
    get count() {
      return observers.size;
    },
    add(peer, token, id, answer, nowMs) {
      const key = keyOf(peer, token);
      const before = observers.get(key);
      if (before !== undefined) drop(before);
      const own = [...observers.values()].filter(({ peer: { address } }) => address === peer.address).length;
      if (own >= limits.perAddressMax || observers.size >= limits.countMax) return undefined;
      const sequence = (before?.sequence ?? 0) + 1;
      observers.set(key, {
        peer,
        token: token.slice(),
        id,
        sinceMs: nowMs,
        sequence,
        said: sayingOf(answer),
        messageId: undefined,
        isKnown: before?.isKnown ?? false,
        isLast: false,
        timer: undefined,
      });
      return sequence;
    },
    remove(peer, token) {
      const found = observers.get(keyOf(peer, token));
      if (found !== undefined) drop(found);
    },
    note({ address, port }, { type, messageId }) {
      for (const observer of observers.values()) {
        const { peer } = observer;
        if (observer.messageId !== messageId || peer.address !== address || peer.port !== port) continue;
        clearTimeout(observer.timer);
        observer.isKnown = true;
        if (type === RESET || observer.isLast) drop(observer);
      }
    },
    refresh(nowMs) {
      if (observers.size === 0) return;
      isStale = true;
      if (isRefreshing) return;
      isRefreshing = true;
      refreshAll(nowMs)
        .catch(ports.onError)
        .finally(() => {
          isRefreshing = false;
        });
    },
    stop() {
      for (const observer of observers.values()) drop(observer);
    },
  };
}

function sayingOf({ payloads = [] }: Answer): string {
  return Buffer.from(payloads[0] ?? []).toString("latin1");
}
