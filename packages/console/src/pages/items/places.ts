/** Places of events: `geo:` URIs (RFC 5870) have coordinates, all others only a name. */

export interface GeoPoint {
  readonly latitude: number;
  readonly longitude: number;
}

const NUMBER = "-?[0-9]+(?:\\.[0-9]+)?";
const GEO = new RegExp(`^geo:(${NUMBER}),(${NUMBER})(?:,${NUMBER})?((?:;[a-z0-9-]+(?:=[^;]*)?)*)$`, "i");

/** Undefined for whatever is no place on earth in WGS 84. */
export function parseGeo(uri: string | null): GeoPoint | undefined {
  const found = uri === null ? null : GEO.exec(uri);
  if (found === null) return undefined;
  const [latitude, longitude] = [Number(found[1]), Number(found[2])];
  const crs = /;crs=([^;]*)/i.exec(found[3] ?? "")?.[1];
  if (crs !== undefined && crs.toLowerCase() !== "wgs84") return undefined;
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return undefined;
  return { latitude, longitude };
}

interface EventPlaces {
  readonly readPoint: string | null;
  readonly bizLocation: string | null;
}

export function pointOf({ readPoint, bizLocation }: EventPlaces): GeoPoint | undefined {
  return parseGeo(readPoint) ?? parseGeo(bizLocation);
}

/** The URI that names the place: rather one with a name than one with coordinates alone. */
export function placeName({ readPoint, bizLocation }: EventPlaces): string | null {
  const names = [bizLocation, readPoint].filter((uri) => uri !== null);
  return names.find((uri) => parseGeo(uri) === undefined) ?? names[0] ?? null;
}

export function formatPoint({ latitude, longitude }: GeoPoint): string {
  const north = `${Math.abs(latitude).toFixed(2)}° ${latitude < 0 ? "S" : "N"}`;
  return `${north}, ${Math.abs(longitude).toFixed(2)}° ${longitude < 0 ? "W" : "E"}`;
}

const EARTH_RADIUS_KM = 6_371;

/** Along a great circle (haversine). */
export function distanceKm(a: GeoPoint, b: GeoPoint): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const [dLat, dLon] = [radians(b.latitude - a.latitude), radians(b.longitude - a.longitude)];
  const h =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}
