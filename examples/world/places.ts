/** Where things happen. Coordinates are those of real towns; the companies in them are made up. */
import { locationOf } from "./identifiers.ts";
import type { VendorId } from "./vendors.ts";

export interface Position {
  readonly latitude: number;
  readonly longitude: number;
}

export interface Place extends Position {
  readonly name: string;
  /** Local time, as `eventTimeZoneOffset`. */
  readonly offset: string;
  /** Location number (SGLN); absent on the road and at sea. */
  readonly location?: string;
}

interface Site extends Place {
  readonly location: string;
}

function site(
  owner: VendorId,
  number: number,
  name: string,
  [latitude, longitude]: readonly [number, number],
  offset: string,
): Site {
  return { name, latitude, longitude, offset, location: locationOf(owner, number) };
}

export const PLACES = {
  mine: site("mine", 1, "Rubaya, DR Congo", [-1.5589, 28.8836], "+02:00"),
  depot: site("logistics", 1, "Goma, DR Congo", [-1.6792, 29.2228], "+02:00"),
  mombasa: site("logistics", 2, "Port of Mombasa, Kenya", [-4.0435, 39.6682], "+03:00"),
  smelter: site("smelter", 1, "Sillamäe, Estonia", [59.3997, 27.7633], "+02:00"),
  components: site("components", 1, "Halden, Norway", [59.1243, 11.3875], "+01:00"),
  phones: site("phones", 1, "Salo, Finland", [60.3861, 23.1256], "+02:00"),
  turku: site("logistics", 3, "Port of Turku, Finland", [60.4349, 22.2199], "+02:00"),
  berlin: site("shop", 1, "Berlin, Germany", [52.5219, 13.4132], "+01:00"),
  copenhagen: site("shop", 2, "Copenhagen, Denmark", [55.6786, 12.5706], "+01:00"),
  hamburg: site("shop", 3, "Hamburg, Germany", [53.5503, 9.9937], "+01:00"),
  melbourne: site("service", 1, "Melbourne, Australia", [-37.8136, 144.9631], "+11:00"),
  warehouse: site("stranger", 1, "Rotterdam, Netherlands", [51.9244, 4.4777], "+01:00"),
  suez: { name: "Suez Canal", latitude: 30.5852, longitude: 32.2654, offset: "+02:00" },
  baltic: { name: "Baltic Sea", latitude: 55.3, longitude: 15.9, offset: "+01:00" },
} as const satisfies Record<string, Place>;

export type ShopId = "berlin" | "copenhagen" | "hamburg";

/** A place as the URI of a read point (RFC 5870): what a map can show. */
export function geoUri({ latitude, longitude }: Position): string {
  return `geo:${latitude},${longitude}`;
}

/** A point so far along a route of straight legs, from 0 to 1. */
export function alongRoute(route: readonly Position[], progress: number): Position {
  const at = Math.min(Math.max(progress, 0), 1) * (route.length - 1);
  const leg = Math.min(Math.floor(at), route.length - 2);
  const from = route[leg]!;
  const to = route[leg + 1]!;
  const part = at - leg;
  const mix = (a: number, b: number): number => Number((a + (b - a) * part).toFixed(5));
  return {
    latitude: mix(from.latitude, to.latitude),
    longitude: mix(from.longitude, to.longitude),
  };
}
