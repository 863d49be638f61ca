/** What the JSON of an event says beyond the facts of a trace: readings of sensors, names of products, reasons. */

export interface SensorReading {
  /** Bare word, such as `Temperature`. */
  readonly type: string;
  readonly uom: string;
  readonly value: number;
  readonly timeMs: number;
  readonly device: string | null;
  readonly min?: number;
  readonly max?: number;
  readonly isAlarm: boolean;
}

export interface EventDetails {
  readonly readings: readonly SensorReading[];
  readonly productName: string | null;
  /** Events of one captor with the same id are one transformation. */
  readonly transformationId: string | null;
  /** Name of the gateway that recorded it for a device which does not sign. */
  readonly gateway: string | null;
}

const READINGS_MAX = 2_000;
const NONE: EventDetails = { readings: [], productName: null, transformationId: null, gateway: null };

/** `source` is the JSON of one event, whose bytes were checked; what it says is the captor's word. Never throws. */
export function readDetails(source: string, eventTime: string): EventDetails {
  if (source === "") return NONE;
  let event: unknown;
  try {
    event = JSON.parse(source);
  } catch {
    return NONE;
  }
  const eventMs = Date.parse(eventTime);
  return {
    readings: listOf(member(event, "sensorElementList"))
      .flatMap((element) => readElement(element, eventMs))
      .slice(0, READINGS_MAX),
    productName: findProductName(member(event, "ilmd")),
    transformationId: textOf(member(event, "transformationID")),
    gateway: findGateway(member(event, "lhg:recordedBy")),
  };
}

function findGateway(recordedBy: unknown): string | null {
  return member(recordedBy, "lhg:role") === "gateway" ? textOf(member(recordedBy, "lhg:gateway")) : null;
}

function readElement(element: unknown, eventMs: number): SensorReading[] {
  const metadata = member(element, "sensorMetadata");
  return listOf(member(element, "sensorReport")).flatMap((report): SensorReading[] => {
    const min = numberOf(member(report, "minValue"));
    const max = numberOf(member(report, "maxValue"));
    const value = numberOf(member(report, "value")) ?? numberOf(member(report, "meanValue")) ?? max ?? min;
    if (value === undefined) return [];
    const time = textOf(member(report, "time")) ?? textOf(member(metadata, "time"));
    const timeMs = time === null ? eventMs : Date.parse(time);
    return [
      {
        type: bareWord(textOf(member(report, "type")) ?? ""),
        uom: textOf(member(report, "uom")) ?? "",
        value,
        timeMs: Number.isNaN(timeMs) ? eventMs : timeMs,
        device: textOf(member(report, "deviceID")) ?? textOf(member(metadata, "deviceID")),
        ...(min === undefined ? {} : { min }),
        ...(max === undefined ? {} : { max }),
        isAlarm: textOf(member(report, "exception")) !== null,
      },
    ];
  });
}

export interface SensorSeries {
  readonly type: string;
  readonly uom: string;
  readonly device: string | null;
  /** By time. */
  readonly readings: readonly SensorReading[];
}

/** One series for each device and kind of measurement. */
export function toSeries(readings: readonly SensorReading[]): SensorSeries[] {
  const series = new Map<string, SensorReading[]>();
  for (const reading of readings) {
    const name = JSON.stringify([reading.type, reading.uom, reading.device]);
    const held = series.get(name);
    if (held === undefined) series.set(name, [reading]);
    else held.push(reading);
  }
  return [...series.values()].map((held) => ({
    type: held[0]!.type,
    uom: held[0]!.uom,
    device: held[0]!.device,
    readings: held.sort((a, b) => a.timeMs - b.timeMs),
  }));
}

/** Master data in an event: what GS1's vocabularies and their extensions call the name of a product. */
const NAME_MEMBERS =
  /(?:^|[:#/])(?:productName|functionalName|descriptionShort|tradeItemDescription|regulatedProductName|name)$/;

function findProductName(ilmd: unknown): string | null {
  if (typeof ilmd !== "object" || ilmd === null) return null;
  for (const [name, value] of Object.entries(ilmd)) {
    if (!NAME_MEMBERS.test(name)) continue;
    const text = typeof value === "string" ? value : textOf(member(listOf(value)[0] ?? value, "@value"));
    if (text !== null && text !== "") return text;
  }
  return null;
}

const ADDRESS_AT_END = /(?:^|[^0-9a-f])([0-9a-f]{40})$/;

/** The address of a device of this chain, where its URI ends in one. */
export function deviceAddress(device: string): string | undefined {
  return ADDRESS_AT_END.exec(device)?.[1];
}

function bareWord(type: string): string {
  return type.replace(/^(?:https?:\/\/(?:www\.)?gs1\.org\/voc\/|gs1:)/, "");
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
