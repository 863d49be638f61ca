/** xsd:dateTimeStamp as EPCIS uses it, in integer milliseconds and by our own calendar arithmetic. */
import { LhgError } from "../core/errors.ts";

const DATE_TIME =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,32}))?(Z|[+-][0-9]{2}:[0-9]{2})$/;
const ZONE_OFFSET = /^[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)$/;

const DAY_MS = 86_400_000;
/** 0001-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z. */
const MIN_TIME_MS = -62_135_596_800_000;
const MAX_TIME_MS = 253_402_300_799_999;

/**
 * Milliseconds since 1970-01-01T00:00:00Z; negative before. The fourth decimal of the second decides the third: 5 to 9
 * round it up (CBV 2.0, event hash, time stamps). Years 0001 to 9999 in UTC; no leap second, which JSON Schema's
 * `date-time` admits only at the end of a UTC day and xsd:dateTimeStamp not at all. Throws `epcis.time`.
 */
export function parseDateTime(text: string, field: string): number {
  const match = text.length <= 64 ? DATE_TIME.exec(text) : null;
  if (match === null) throw badTime(field);
  const [, year, month, day, hour, minute, second] = match.map(Number) as [number, ...number[]];
  const [fraction = "", zone = "Z"] = [match[7], match[8]];
  const offsetMinutes = parseZone(zone, field);
  if (month! < 1 || month! > 12 || day! < 1 || day! > daysInMonth(year!, month!)) throw badTime(field);
  if (hour! > 23 || minute! > 59 || second! > 59) throw badTime(field);
  const seconds = hour! * 3600 + (minute! - offsetMinutes) * 60 + second!;
  const timeMs = daysFromCivil(year!, month!, day!) * DAY_MS + seconds * 1000 + roundFraction(fraction);
  if (timeMs < MIN_TIME_MS || timeMs > MAX_TIME_MS) throw badTime(field);
  return timeMs;
}

/** `YYYY-MM-DDTHH:MM:SS.mmmZ` of milliseconds since 1970. */
export function formatTimeMs(timeMs: number): string {
  const day = floorDivide(timeMs, DAY_MS);
  const [year, month, dayOfMonth] = civilFromDays(day);
  const rest = timeMs - day * DAY_MS;
  const time = [floorDivide(rest, 3_600_000), floorDivide(rest, 60_000) % 60, floorDivide(rest, 1000) % 60];
  const date = `${pad(year, 4)}-${pad(month, 2)}-${pad(dayOfMonth, 2)}`;
  return `${date}T${time.map((part) => pad(part, 2)).join(":")}.${pad(rest % 1000, 3)}Z`;
}

/** The form of eventTimeZoneOffset: -14:00 to +14:00, sign and minutes mandatory (EPCIS 2.0, 7.4.1). */
export function isZoneOffset(text: string): boolean {
  return ZONE_OFFSET.test(text);
}

function parseZone(zone: string, field: string): number {
  if (zone === "Z") return 0;
  if (!isZoneOffset(zone)) throw badTime(field);
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  return zone[0] === "-" ? -minutes : minutes;
}

function roundFraction(fraction: string): number {
  const digits = fraction.padEnd(4, "0");
  return Number(digits.slice(0, 3)) + (digits[3]! >= "5" ? 1 : 0);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 of a date of the proleptic Gregorian calendar, counted in years that begin in March. */
function daysFromCivil(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = floorDivide(marchYear, 400);
  const yearOfEra = marchYear - era * 400;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  const dayOfYear = floorDivide(153 * marchMonth + 2, 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + floorDivide(yearOfEra, 4) - floorDivide(yearOfEra, 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilFromDays(days: number): [year: number, month: number, day: number] {
  const shifted = days + 719_468;
  const era = floorDivide(shifted, 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = floorDivide(
    dayOfEra - floorDivide(dayOfEra, 1460) + floorDivide(dayOfEra, 36_524) - floorDivide(dayOfEra, 146_096),
    365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + floorDivide(yearOfEra, 4) - floorDivide(yearOfEra, 100));
  const marchMonth = floorDivide(5 * dayOfYear + 2, 153);
  const day = dayOfYear - floorDivide(153 * marchMonth + 2, 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return [era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day];
}

/** Integer division towards minus infinity, without a fraction on the way. */
function floorDivide(a: number, b: number): number {
  const remainder = ((a % b) + b) % b;
  return (a - remainder) / b;
}

function pad(value: number, width: number): string {
  return value.toString().padStart(width, "0");
}

function badTime(field: string): LhgError {
  return new LhgError(
    "epcis.time",
    "must be a date and time with zone, such as 2026-01-31T08:00:00.000+01:00",
    field,
  );
}
