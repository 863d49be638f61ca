/** Which devices are connected. In memory: it says what is, not what was. */

/** CoAP has no connection that could say who is there. */
export type Via = "mqtt";

export interface PresenceEntry {
  /** Address in hex. */
  readonly device: string;
  readonly isOnline: boolean;
  /** When it came or went, in milliseconds since 1970 by this node's clock. */
  readonly sinceMs: number;
  readonly via: Via;
}

export interface Presence {
  isOnline(device: string): boolean;
  /** Those online first, the newest change first. */
  list(): readonly PresenceEntry[];
  /** Calls `listener` at every change until the returned function is called. */
  subscribe(listener: (entry: PresenceEntry) => void): () => void;
  /** `holder` is the connection that speaks for the device from now on. */
  setOnline(device: string, via: Via, holder: object): void;
  /** Passed over where another connection speaks for the device by now. */
  setOffline(device: string, holder: object): void;
}

/** Devices that went are remembered up to this number, the longest gone are forgotten first. */
const OFFLINE_MAX = 10_000;

export function createPresence(nowMs: () => number = Date.now): Presence {
  const online = new Map<string, { readonly entry: PresenceEntry; readonly holder: object }>();
  const offline = new Map<string, PresenceEntry>();
  const listeners = new Set<(entry: PresenceEntry) => void>();

  function announce(entry: PresenceEntry): void {
    for (const listener of listeners) listener(entry);
  }

  return {
    isOnline: (device) => online.has(device),
    list: () => [
      ...[...online.values()].map(({ entry }) => entry).reverse(),
      ...[...offline.values()].reverse(),
    ],
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    setOnline(device, via, holder) {
      const before = online.get(device);
      const entry: PresenceEntry = before?.entry ?? { device, isOnline: true, sinceMs: nowMs(), via };
      online.set(device, { entry: { ...entry, via }, holder });
      offline.delete(device);
      if (before === undefined) announce(entry);
    },
    setOffline(device, holder) {
      const before = online.get(device);
      if (before?.holder !== holder) return;
      online.delete(device);
      const entry: PresenceEntry = { ...before.entry, isOnline: false, sinceMs: nowMs() };
      offline.set(device, entry);
      if (offline.size > OFFLINE_MAX) offline.delete(offline.keys().next().value!);
      announce(entry);
    },
  };
}
