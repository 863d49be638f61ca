import { addDecimals, compareDecimals, type Decimal, toDecimal } from "../core/decimal.ts";
import { LhgError } from "../core/errors.ts";
import { MAX_NAME_LENGTH, MAX_SENML_RECORDS, type SenmlRecord } from "./record.ts";

export type SenmlValue = Decimal | string | boolean | Uint8Array;

/** A reading on its own: base fields applied, time absolute. It has a value, a sum, or both. */
export interface ResolvedReading {
  /** Index of its record in the pack. */
  readonly index: number;
  readonly name: string;
  readonly unit?: string;
  /** Seconds since 1970-01-01T00:00Z, counted as POSIX does; at least 2^28. */
  readonly time: Decimal;
  readonly value?: SenmlValue;
  /** Integral of the values over time, in the unit times seconds. */
  readonly sum?: Decimal;
  /** Seconds until the sensor sends again at the latest. */
  readonly updateTime?: Decimal;
}

export interface ResolveOptions {
  /** Seconds since the epoch to which relative times are added; without it they are refused. */
  readonly relativeTo?: Decimal;
  /** What the field of every error begins with. */
  readonly field?: string;
}

/** Below this a time counts from "now" (RFC 8428, section 4.5.3). */
const ABSOLUTE_TIME_START = toDecimal(1n << 28n, 0);
const DEFAULT_VERSION = 10;
/** RFC 9100 makes versions sets of features: this one is version 10 with secondary units (RFC 8798). */
const VERSION_WITH_SECONDARY_UNITS = 26;
/** Section 4.5.1. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/;

/**
 * Resolves a pack (RFC 8428, section 4.6), in the order of its records: the caller sorts if it needs to. A record
 * of base fields alone is no reading.
 * Throws `senml.count`, `senml.version`, `senml.name`, `senml.value`, `senml.time-relative`, or `decimal.*` where
 * a sum needs more than 34 digits.
 */
export function resolveSenml(
  records: readonly SenmlRecord[],
  options: ResolveOptions = {},
): ResolvedReading[] {
  const pack = options.field ?? "readings";
  if (records.length < 1 || records.length > MAX_SENML_RECORDS)
    throw new LhgError("senml.count", `must have 1 to ${MAX_SENML_RECORDS} records`, pack);
  const version = records[0]?.bver ?? DEFAULT_VERSION;
  let base: SenmlRecord = {};
  const readings: ResolvedReading[] = [];
  for (const [index, record] of records.entries()) {
    const field = `${pack}[${index}]`;
    checkVersion(record.bver ?? version, version, field);
    base = mergeBase(base, record);
    if (isReading(record, field))
      readings.push(resolveRecord(record, base, index, field, options.relativeTo));
  }
  return readings;
}

/** Section 4.1: a base field holds until a later record has the same one. */
function mergeBase(base: SenmlRecord, record: SenmlRecord): SenmlRecord {
  const { bn, bt, bu, bv, bs } = record;
  const changes = bn ?? bt ?? bu ?? bv ?? bs;
  return changes === undefined ? base : { ...base, ...record };
}

/** Section 4.4: one version in all of a pack, and none that is beyond us. */
function checkVersion(version: number, ofPack: number, field: string): void {
  if (version !== ofPack)
    throw new LhgError("senml.version", "must be the same in all records", `${field}.bver`);
  if (version > DEFAULT_VERSION && version !== VERSION_WITH_SECONDARY_UNITS)
    throw new LhgError("senml.version", `must be at most ${DEFAULT_VERSION}, or 26`, `${field}.bver`);
}

/** Section 4.2: one value, or a sum with or without one; a base value or base sum alone is none. */
function isReading(record: SenmlRecord, field: string): boolean {
  const { n, u, v, vs, vb, vd, s, t, ut } = record;
  const values = [v, vs, vb, vd].filter((value) => value !== undefined).length;
  if (values > 1) throw new LhgError("senml.value", "must have one of v, vs, vb and vd", field);
  if (values === 1 || s !== undefined) return true;
  if ([n, u, t, ut].some((value) => value !== undefined))
    throw new LhgError("senml.value", "must have a value or a sum", field);
  return false;
}

function resolveRecord(
  record: SenmlRecord,
  base: SenmlRecord,
  index: number,
  field: string,
  relativeTo: Decimal | undefined,
): ResolvedReading {
  const unit = record.u ?? base.bu;
  const value =
    record.v === undefined ? (record.vs ?? record.vb ?? record.vd) : add(base.bv, record.v, `${field}.v`);
  const sum = add(base.bs, record.s, `${field}.s`);
  return {
    index,
    name: resolveName(record, base, field),
    time: resolveTime(record, base, field, relativeTo),
    ...(unit === undefined ? {} : { unit }),
    ...(value === undefined ? {} : { value }),
    ...(sum === undefined ? {} : { sum }),
    ...(record.ut === undefined ? {} : { updateTime: record.ut }),
  };
}

function resolveName(record: SenmlRecord, base: SenmlRecord, field: string): string {
  const name = `${base.bn ?? ""}${record.n ?? ""}`;
  if (name.length > MAX_NAME_LENGTH || !NAME.test(name))
    throw new LhgError(
      "senml.name",
      `base name and name together must be 1 to ${MAX_NAME_LENGTH} letters, digits or -:./_ and begin with a letter or digit`,
      `${field}.n`,
    );
  return name;
}

function resolveTime(
  record: SenmlRecord,
  base: SenmlRecord,
  field: string,
  relativeTo: Decimal | undefined,
): Decimal {
  const time = add(base.bt, record.t, `${field}.t`);
  if (time !== undefined && compareDecimals(time, ABSOLUTE_TIME_START) >= 0) return time;
  if (relativeTo === undefined)
    throw new LhgError(
      "senml.time-relative",
      "must be an absolute time, with a base time of 2^28 or more",
      `${field}.t`,
    );
  return add(relativeTo, time, `${field}.t`) ?? relativeTo;
}

/** Sections 4.5.3 and 4.5.4: of two summands a missing one is zero; two missing ones are no value. */
function add(a: Decimal | undefined, b: Decimal | undefined, field: string): Decimal | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return addDecimals(a, b, field);
}
