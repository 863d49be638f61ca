/** Readings as devices hand them over, and as collections carry them. */
import { encode } from "@lhg/protocol/core/codec/definition";
import { toDecimal } from "@lhg/protocol/core/decimal";
import { LhgError } from "@lhg/protocol/core/errors";
import { readSenmlJson } from "@lhg/protocol/senml/json";
import { type SenmlRecord, senmlPack } from "@lhg/protocol/senml/record";
import { type ResolvedReading, resolveSenml } from "@lhg/protocol/senml/resolve";

/** A SenML pack: records, or the bytes of its JSON form (application/senml+json). */
export type Readings = readonly SenmlRecord[] | Uint8Array;

const DEFAULT_VERSION = 10;

/** Records that stand on their own, with absolute times, so that packs can follow each other in one collection. */
export interface PlainReadings {
  readonly version: number;
  readonly records: readonly SenmlRecord[];
}

/**
 * Resolves a pack; times before 2^28 seconds count from `nowMs`. Throws `senml.*`, `decimal.*`, `cbor.*`, `value.*` or `json.*`, so that what
 * the chain would refuse never takes a sequence.
 */
export function readReadings(readings: Readings, nowMs: number): PlainReadings {
  const records = readings instanceof Uint8Array ? readSenmlJson(readings) : readings;
  const resolved = resolveSenml(records, { relativeTo: toDecimal(BigInt(Math.trunc(nowMs)), -3) });
  if (resolved.length === 0) throw new LhgError("senml.value", "must hold a reading", "readings");
  const plain = resolved.map(toRecord);
  // A number that no collection can carry must not take the rest of its batch with it.
  encode(senmlPack, plain, "readings");
  return { version: records[0]?.bver ?? DEFAULT_VERSION, records: plain };
}

function toRecord({ name, unit, time, value, sum, updateTime }: ResolvedReading): SenmlRecord {
  return {
    n: name,
    t: time,
    ...(unit === undefined ? {} : { u: unit }),
    ...valueField(value),
    ...(sum === undefined ? {} : { s: sum }),
    ...(updateTime === undefined ? {} : { ut: updateTime }),
  };
}

function valueField(value: ResolvedReading["value"]): SenmlRecord {
  if (value === undefined) return {};
  if (typeof value === "string") return { vs: value };
  if (typeof value === "boolean") return { vb: value };
  return value instanceof Uint8Array ? { vd: value } : { v: value };
}

/** One pack of plain readings: the name they share and the first time move into base fields, as they would in SenML. */
export function packReadings({ version, records }: PlainReadings): SenmlRecord[] {
  const [first, ...rest] = records as readonly [SenmlRecord, ...SenmlRecord[]];
  const opened = version === DEFAULT_VERSION ? first : { bver: version, ...first };
  const shared = rest.length > 0 && rest.every(({ n }) => n === first.n) ? first.n : undefined;
  if (shared === undefined) return [opened, ...rest];
  const { n: _, ...unnamed } = opened;
  return [{ bn: shared, ...unnamed }, ...rest.map(({ n: __, ...record }) => record)];
}
