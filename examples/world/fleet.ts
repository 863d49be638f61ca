/** The devices of this world and what they would measure at any moment: functions of time alone. */
import { alongRoute, PLACES, type Position } from "./places.ts";
import { ORE_LOGGER } from "./story/mining.ts";
import { PHONE_LOGGER } from "./story/retail.ts";
import type { VendorId } from "./vendors.ts";

export interface DeviceProfile {
  readonly name: string;
  readonly vendor: VendorId;
  readonly model: string;
  readonly intervalMs: number;
  /** Where it stands, or the way it goes to and fro. */
  readonly route: readonly Position[];
  /** For one way. */
  readonly travelMs?: number;
  readonly celsius: number;
  /** Without a connection for so long, so often: readings gather and are sent later. */
  readonly offline?: { readonly everyMs: number; readonly forMs: number };
}

const { mine, depot, mombasa, suez, smelter, phones, turku, baltic, berlin, copenhagen, components } = PLACES;

export const FLEET: readonly DeviceProfile[] = [
  {
    name: ORE_LOGGER,
    vendor: "logistics",
    model: "Container logger CL-7",
    intervalMs: 1_000,
    route: [depot, mombasa, suez, { latitude: 36, longitude: 3 }, { latitude: 50, longitude: -2 }, smelter],
    travelMs: 1_200_000,
    celsius: 24,
  },
  {
    name: PHONE_LOGGER,
    vendor: "logistics",
    model: "Truck logger TL-2",
    intervalMs: 1_000,
    route: [phones, turku, { latitude: 59.3, longitude: 18.1 }, copenhagen, baltic, berlin],
    travelMs: 600_000,
    celsius: 14,
  },
  {
    name: "melting-furnace",
    vendor: "smelter",
    model: "Furnace probe FP-1600",
    intervalMs: 2_000,
    route: [smelter],
    celsius: 1_420,
  },
  {
    name: "clean-room",
    vendor: "components",
    model: "Room sensor RS-1",
    intervalMs: 5_000,
    route: [components],
    celsius: 21,
  },
  {
    name: "stock-cabinet",
    vendor: "shop",
    model: "Cold cabinet CC-3",
    intervalMs: 2_000,
    route: [berlin],
    celsius: 8,
  },
  {
    name: "ore-store",
    vendor: "mine",
    model: "Store seal SS-4",
    intervalMs: 5_000,
    route: [mine],
    celsius: 27,
    offline: { everyMs: 180_000, forMs: 60_000 },
  },
];

export interface Measurement extends Position {
  readonly celsius: number;
  readonly isTampered: boolean;
}

const EXCURSION = { everyMs: 240_000, forMs: 20_000 };
const TAMPER = { everyMs: 420_000, forMs: 6_000 };

/** Each device has its own hours: nothing happens to all of them at once. */
function phaseOf({ name }: DeviceProfile): number {
  return 37_000 * FLEET.findIndex((device) => device.name === name);
}

const isWithin = (timeMs: number, { everyMs, forMs }: { everyMs: number; forMs: number }): boolean =>
  timeMs % everyMs < forMs;

export function isOffline(device: DeviceProfile, timeMs: number): boolean {
  return device.offline !== undefined && isWithin(timeMs + phaseOf(device), device.offline);
}

export function measure(device: DeviceProfile, timeMs: number): Measurement {
  const ownMs = timeMs + phaseOf(device);
  const wave = Math.sin(ownMs / 47_000) + 0.3 * Math.sin(ownMs / 3_100);
  const excursion = isWithin(ownMs, EXCURSION) ? 0.4 * device.celsius + 6 : 0;
  return {
    celsius: Number((device.celsius * (1 + 0.03 * wave) + excursion).toFixed(1)),
    isTampered: isWithin(ownMs, TAMPER),
    ...positionAt(device, ownMs),
  };
}

function positionAt({ route, travelMs }: DeviceProfile, ownMs: number): Position {
  const [first] = route as readonly [Position, ...Position[]];
  if (travelMs === undefined) return { latitude: first.latitude, longitude: first.longitude };
  const lap = (ownMs % (2 * travelMs)) / travelMs;
  return alongRoute(route, lap <= 1 ? lap : 2 - lap);
}

/** The name of a device in readings and events (RFC 9039), under the enterprise number for examples (RFC 5612). */
export function deviceUrn(address: string): string {
  return `urn:dev:org:32473-${address}`;
}

/** SenML of one moment; units as registered by RFC 8428. */
export function makePack(urn: string, timeMs: number, measured: Measurement): Uint8Array {
  const { celsius, latitude, longitude, isTampered } = measured;
  const pack = [
    { bn: `${urn}:`, bt: timeMs / 1000, n: "temperature", u: "Cel", v: celsius },
    { n: "latitude", u: "lat", v: latitude },
    { n: "longitude", u: "lon", v: longitude },
    { n: "tamper", vb: isTampered },
  ];
  return new TextEncoder().encode(JSON.stringify(pack));
}
