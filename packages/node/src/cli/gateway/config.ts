/** What a gateway is told: who it is, where plain readings come from, and what each device's readings mean. */
import { LhgError } from "@lhg/protocol/core/errors";
import { readCapturedEvents } from "@lhg/sdk/capture/build";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { type BrokerOptions, findUrlProblem } from "../broker-access.ts";
import { makeDocument, makeEvent } from "./event.ts";

/** How one kind of reading stands in an event: a measurement type of EPCIS, and a unit of UN/CEFACT Recommendation 20. */
export interface Measure {
  readonly type: string;
  readonly uom?: string;
}

export interface PlainDevice {
  /** A URI that names the device. */
  readonly deviceId: string;
  /** URIs of what the readings are about; by default the device itself. */
  readonly items: readonly string[];
  readonly readPoint?: string;
  /** By the name that readings have in what the device sends. */
  readonly readings: Readonly<Record<string, Measure>>;
}

export interface GatewayConfig {
  readonly name: string;
  readonly vendor: string;
  readonly key: string;
  readonly http?: { readonly host: string; readonly port: number };
  readonly mqtt?: BrokerOptions & { readonly url: string; readonly topic: string };
  readonly batch: { readonly eventsMax: number; readonly delayMs: number };
  readonly devices: ReadonlyMap<string, PlainDevice>;
}

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const TOPIC = /^[^#+\0]*\+[^#+\0]*$/;
const BROKER_OPTIONS = ["username", "passwordFile", "ca"] as const;
const DEVICES_MAX = 10_000;
const DEFAULT_BATCH = { eventsMax: 500, delayMs: 2_000 };

export interface GatewayFlags extends BrokerOptions {
  readonly vendor?: string;
  readonly key?: string;
  readonly broker?: string;
  readonly httpPort?: number;
}

/** Reads the file's JSON; flags win over it. Throws `gateway.config` naming the field. */
export function readGatewayConfig(text: string, flags: GatewayFlags = {}): GatewayConfig {
  const given = expectObject(parse(text), "config");
  checkNames(given, ["name", "vendor", "key", "http", "mqtt", "batch", "devices"], "");
  const http = readHttp(given.http, flags.httpPort);
  const mqtt = readMqtt(given.mqtt, flags);
  if (http === undefined && mqtt === undefined)
    throw invalid("http", "or mqtt must say where readings come from (--http-port, --broker)");
  const name = expectMatch(given.name, NAME, "name", "1 to 63 lower-case letters, digits and hyphens");
  const devices = Object.entries(expectObject(given.devices, "devices"));
  if (devices.length === 0 || devices.length > DEVICES_MAX)
    throw invalid("devices", `must be 1 to ${DEVICES_MAX}`);
  const config: GatewayConfig = {
    name,
    vendor: expectText(flags.vendor ?? given.vendor, "vendor"),
    key: expectText(flags.key ?? given.key, "key"),
    ...(http === undefined ? {} : { http }),
    ...(mqtt === undefined ? {} : { mqtt }),
    batch: readBatch(given.batch),
    devices: new Map(devices.map(([id, value]) => [checkDeviceName(id), readDevice(value, `devices.${id}`)])),
  };
  for (const [id, device] of config.devices) checkDevice(config.name, id, device);
  return config;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid("config", "must be JSON");
  }
}

function readHttp(value: unknown, port: number | undefined): GatewayConfig["http"] {
  if (value === undefined && port === undefined) return undefined;
  const given = expectObject(value ?? {}, "http");
  checkNames(given, ["host", "port"], "http.");
  const host = expectText(given.host ?? "127.0.0.1", "http.host");
  return { host, port: expectInteger(port ?? given.port, 0, 65_535, "http.port") };
}

function readMqtt(value: unknown, flags: GatewayFlags): GatewayConfig["mqtt"] {
  if (value === undefined && flags.broker === undefined) return undefined;
  const given = expectObject(value ?? {}, "mqtt");
  checkNames(given, ["url", "topic", ...BROKER_OPTIONS], "mqtt.");
  const url = expectText(flags.broker ?? given.url, "mqtt.url");
  const problem = findUrlProblem(url, ["mqtt", "mqtts", "ws", "wss"]);
  if (problem !== undefined) throw invalid("mqtt.url", problem);
  const topic = given.topic ?? "plain/+/readings";
  const options = BROKER_OPTIONS.flatMap((name) => {
    const option = flags[name] ?? given[name];
    return option === undefined ? [] : [[name, expectText(option, `mqtt.${name}`)]];
  });
  return {
    ...(Object.fromEntries(options) as BrokerOptions),
    url,
    topic: expectMatch(topic, TOPIC, "mqtt.topic", "a topic with one +, which stands for the device"),
  };
}

function readBatch(value: unknown): GatewayConfig["batch"] {
  const given = { ...DEFAULT_BATCH, ...expectObject(value ?? {}, "batch") };
  checkNames(given, ["eventsMax", "delayMs"], "batch.");
  return {
    eventsMax: expectInteger(given.eventsMax, 1, 1_000, "batch.eventsMax"),
    delayMs: expectInteger(given.delayMs, 0, 3_600_000, "batch.delayMs"),
  };
}

function checkDeviceName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
  throw invalid(
    `devices.${name}`,
    "must be named by up to 64 letters, digits, dots, hyphens and underscores",
  );
}

function readDevice(value: unknown, field: string): PlainDevice {
  const given = expectObject(value, field);
  checkNames(given, ["deviceId", "items", "readPoint", "readings"], `${field}.`);
  const deviceId = expectText(given.deviceId, `${field}.deviceId`);
  const items = given.items ?? [deviceId];
  if (!Array.isArray(items) || items.length === 0 || items.length > 100)
    throw invalid(`${field}.items`, "must be 1 to 100 URIs");
  const readings = Object.entries(expectObject(given.readings, `${field}.readings`)).map(
    ([name, measure]) => [name, readMeasure(measure, `${field}.readings.${name}`)] as const,
  );
  if (readings.length === 0) throw invalid(`${field}.readings`, "must name at least one kind of reading");
  return {
    deviceId,
    items: items.map((item, i) => expectText(item, `${field}.items[${i}]`)),
    ...(given.readPoint === undefined
      ? {}
      : { readPoint: expectText(given.readPoint, `${field}.readPoint`) }),
    readings: Object.fromEntries(readings),
  };
}

function readMeasure(value: unknown, field: string): Measure {
  const given = expectObject(value, field);
  checkNames(given, ["type", "uom"], `${field}.`);
  const type = expectText(given.type, `${field}.type`);
  return given.uom === undefined ? { type } : { type, uom: expectText(given.uom, `${field}.uom`) };
}

/** An event of the device as it would be captured: what the ledger would refuse is said at the start, not at the first reading. */
function checkDevice(gateway: string, id: string, device: PlainDevice): void {
  const readings = Object.keys(device.readings).map((name) => ({ name, timeMs: 0, text: "1" }));
  try {
    readCapturedEvents(makeDocument([makeEvent(gateway, device, readings)], 0), nodeCrypto);
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    throw invalid(`devices.${id}`, `makes no event: ${error.message} (${error.code})`);
  }
}

function expectObject(value: unknown, field: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw invalid(field, "must be an object");
}

function expectText(value: unknown, field: string): string {
  if (typeof value === "string" && value !== "" && value.length <= 1024) return value;
  throw invalid(field, "must be a text of 1 to 1024 characters");
}

function expectMatch(value: unknown, form: RegExp, field: string, what: string): string {
  const text = expectText(value, field);
  if (form.test(text)) return text;
  throw invalid(field, `must be ${what}`);
}

function expectInteger(value: unknown, min: number, max: number, field: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max)
    return value as number;
  throw invalid(field, `must be a whole number from ${min} to ${max}`);
}

function checkNames(given: object, known: readonly string[], prefix: string): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw invalid(`${prefix}${unknown}`, `is no setting; there are ${known.join(", ")}`);
}

function invalid(field: string, text: string): LhgError {
  return new LhgError("gateway.config", text, field);
}
