/** Readings as plain devices send them: a number, a JSON object of numbers, or SenML (RFC 8428). */
import { decodeUtf8 } from "@lhg/protocol/core/bytes";
import { type Decimal, formatDecimal, parseDecimal, toDecimal } from "@lhg/protocol/core/decimal";
import { LhgError } from "@lhg/protocol/core/errors";
import { type JsonNode, type JsonObject, parseJson } from "@lhg/protocol/core/json";
import { readSenmlJson } from "@lhg/protocol/senml/json";
import { resolveSenml } from "@lhg/protocol/senml/resolve";
import type { PlainDevice } from "./config.ts";

export interface PlainReading {
  /** As the configuration names it. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** The number in plain decimal digits, exactly as it came. */
  readonly text: string;
}

export const PAYLOAD_BYTES_MAX = 64 << 10;
/** Of one message; the ledger takes 10,000 an event. */
const READINGS_MAX = 500;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;
/** A clock that is ahead by more is wrong, and the chain would keep its error for ever. */
const AHEAD_MS_MAX = 24 * 3_600_000;
/** 1980: a device that knows no time counts from 1970. */
const EARLIEST_MS = 315_532_800_000;

/**
 * What a message of the device holds; readings without a time are of now. Throws `json.*`, `senml.*`, `decimal.*`, or `reading.*` naming the
 * field: nothing of a message with a bad reading is taken.
 */
export function readPlain(device: PlainDevice, payload: Uint8Array, nowMs: number): PlainReading[] {
  if (payload.length > PAYLOAD_BYTES_MAX)
    throw new LhgError("reading.size", `must be at most ${PAYLOAD_BYTES_MAX} bytes`, "payload");
  const node = parseJson(payload, "readings");
  const readings =
    node.kind === "array" ? readSenml(device, payload, nowMs) : readPlainNode(device, node, nowMs);
  if (readings.length === 0 || readings.length > READINGS_MAX)
    throw new LhgError("reading.count", `must be 1 to ${READINGS_MAX} readings`, "readings");
  for (const { timeMs } of readings) checkTime(timeMs, nowMs);
  return readings;
}

function readPlainNode(device: PlainDevice, node: JsonNode, nowMs: number): PlainReading[] {
  if (node.kind === "object") return readObject(device, node, nowMs);
  const [only, ...others] = Object.keys(device.readings);
  if (node.kind !== "number" || only === undefined || others.length > 0)
    throw new LhgError("reading.type", "must be an object that names its readings, or SenML", "readings");
  return [{ name: only, timeMs: nowMs, text: formatDecimal(parseDecimal(node.raw, "readings")) }];
}

function readObject(device: PlainDevice, { entries }: JsonObject, nowMs: number): PlainReading[] {
  const time = entries.get("time");
  const timeMs = time === undefined ? nowMs : readTime(time);
  return [...entries]
    .filter(([name]) => name !== "time")
    .map(([name, node]) => {
      requireKnown(device, name, name);
      if (node.kind !== "number") throw new LhgError("reading.type", "must be a number", name);
      return { name, timeMs, text: formatDecimal(parseDecimal(node.raw, name)) };
    });
}

function readTime(node: JsonNode): number {
  if (node.kind === "number") return toMs(parseDecimal(node.raw, "time"), "time");
  const timeMs = node.kind === "string" && TIME.test(node.value) ? Date.parse(node.value) : Number.NaN;
  if (Number.isNaN(timeMs))
    throw new LhgError("reading.time", "must be ISO 8601 with its zone, or seconds since 1970", "time");
  return timeMs;
}

function readSenml(device: PlainDevice, payload: Uint8Array, nowMs: number): PlainReading[] {
  const relativeTo = toDecimal(BigInt(nowMs), -3);
  return resolveSenml(readSenmlJson(payload), { relativeTo }).map(({ index, name: full, time, value }) => {
    const field = `readings[${index}]`;
    const name = Object.hasOwn(device.readings, full)
      ? full
      : full.slice(1 + Math.max(full.lastIndexOf(":"), full.lastIndexOf("/")));
    requireKnown(device, name, `${field}.n`);
    if (value === undefined || typeof value !== "object" || value instanceof Uint8Array)
      throw new LhgError("reading.type", "must be a number", `${field}.v`);
    return { name, timeMs: toMs(time, `${field}.t`), text: formatDecimal(value) };
  });
}

function requireKnown({ readings }: PlainDevice, name: string, field: string): void {
  if (!Object.hasOwn(readings, name))
    throw new LhgError(
      "reading.unknown",
      `is not configured; there are ${Object.keys(readings).join(", ")}`,
      field,
    );
}

/** Whole milliseconds of seconds. */
function toMs(seconds: Decimal, field: string): number {
  const [whole = "", fraction = ""] = formatDecimal(seconds).split(".");
  const timeMs = Number(whole) * 1000 + Number(fraction.slice(0, 3).padEnd(3, "0"));
  if (!Number.isSafeInteger(timeMs)) throw new LhgError("reading.time", "is out of range", field);
  return timeMs;
}

function checkTime(timeMs: number, nowMs: number): void {
  if (timeMs < EARLIEST_MS || timeMs > nowMs + AHEAD_MS_MAX)
    throw new LhgError("reading.time", "must be after 1980 and not in the future", "time");
}

/** For messages about payloads: what of it can be shown. */
export function excerpt(payload: Uint8Array): string {
  try {
    return decodeUtf8(payload.subarray(0, 80));
  } catch {
    return `${payload.length} bytes`;
  }
}
