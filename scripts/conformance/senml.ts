/**
 * SenML (RFC 8428): the examples of the RFC, as the vectors' generator wrote and resolved them.
 *
 * How relative times are judged: a resolved file holds the clock of the generator's run. That instant is taken from
 * the first resolved record and given to the resolver; all other records of the file must then agree exactly.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "../../packages/protocol/src/core/bytes.ts";
import { type CborValue, decodeForeignCbor } from "../../packages/protocol/src/core/codec/cbor.ts";
import {
  type Decimal,
  formatDecimal,
  parseDecimal,
  subtractDecimals,
} from "../../packages/protocol/src/core/decimal.ts";
import { readSenmlJson } from "../../packages/protocol/src/senml/json.ts";
import type { SenmlRecord } from "../../packages/protocol/src/senml/record.ts";
import { type ResolvedReading, resolveSenml } from "../../packages/protocol/src/senml/resolve.ts";
import type { ConformanceResult } from "./result.ts";

/** The start of the absolute times: a now of it makes relative times recognisable and exact to shift. */
const EPOCH_OF_ABSOLUTE = parseDecimal("268435456");

export async function runSenml(vectorsDir: string): Promise<ConformanceResult[]> {
  const folder = join(vectorsDir, "senml");
  const names = (await readdir(folder).catch(() => [])).sort((a, b) => numberIn(a) - numberIn(b));
  const json: ConformanceResult = emptyResult("SenML JSON (RFC 8428)");
  const cbor: ConformanceResult = emptyResult("SenML CBOR (RFC 8428)");
  if (names.length === 0) {
    for (const result of [json, cbor]) {
      result.skipped = 1;
      result.notes.push(`no cases in ${folder}`);
    }
    return [json, cbor];
  }
  const read = async (name: string) => new Uint8Array(await readFile(join(folder, name)));
  for (const name of names) {
    const stem = name.replace(/\..*$/, "");
    if (name.endsWith(".gen.resolved.json"))
      await check(json, name, async () =>
        checkResolved(await read(`${stem}.gen.json`), await read(name), json, name),
      );
    else if (/^ex[0-9]+\.json$/.test(name))
      await check(json, name, async () =>
        checkSame(readSenmlJson(await read(name)), readSenmlJson(await read(`${stem}.gen.json`))),
      );
    else if (name.endsWith(".gen.cbor"))
      await check(cbor, name, async () =>
        checkSame(readForeignSenmlCbor(await read(name)), readSenmlJson(await read(`${stem}.gen.json`))),
      );
  }
  return [json, cbor];
}

function emptyResult(standard: string): ConformanceResult {
  return { standard, passed: 0, failed: 0, skipped: 0, notes: [] };
}

function numberIn(name: string): number {
  return Number(/[0-9]+/.exec(name)?.[0] ?? 0);
}

async function check(result: ConformanceResult, name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
    result.passed += 1;
  } catch (error) {
    result.failed += 1;
    result.notes.push(`${name}: ${(error as Error).message}`);
  }
}

function checkResolved(
  packBytes: Uint8Array,
  resolvedBytes: Uint8Array,
  result: ConformanceResult,
  name: string,
): void {
  const records = readSenmlJson(packBytes);
  const expected = readSenmlJson(resolvedBytes);
  let readings = resolveSenml(records, { relativeTo: findNow(records, expected) });
  const isData = (reading: ResolvedReading) => reading.value instanceof Uint8Array;
  if (readings.some(isData) && !expected.some((record) => record.vd !== undefined)) {
    readings = readings.filter((reading) => !isData(reading));
    result.notes.push(`${name}: lacks the record with a data value; the others agree`);
  }
  expectEqual(readings.map(describeReading), expected.map(describeRecord));
}

/** The two packs mean the same, whatever the clock. */
function checkSame(records: readonly SenmlRecord[], expected: readonly SenmlRecord[]): void {
  const describe = (pack: readonly SenmlRecord[]) =>
    resolveSenml(pack, { relativeTo: EPOCH_OF_ABSOLUTE }).map(describeReading);
  expectEqual(describe(records), describe(expected));
}

function findNow(records: readonly SenmlRecord[], expected: readonly SenmlRecord[]): Decimal {
  const [first] = resolveSenml(records, { relativeTo: EPOCH_OF_ABSOLUTE });
  const at = expected[0]?.t;
  if (first === undefined || at === undefined) throw new Error("the resolved file has no time");
  const distance = subtractDecimals(first.time, EPOCH_OF_ABSOLUTE);
  return subtractDecimals(at, distance);
}

function describeReading(reading: ResolvedReading): string {
  const { name, unit, time, value, sum, updateTime } = reading;
  return JSON.stringify([name, unit ?? null, ...[time, value, sum, updateTime].map(describeValue)]);
}

/** A resolved file is itself a pack without base fields; it is compared as written, unresolved. */
function describeRecord(record: SenmlRecord): string {
  const { n, u, t, v, vs, vb, vd, s, ut } = record;
  return JSON.stringify([n, u ?? null, ...[t, v ?? vs ?? vb ?? vd, s, ut].map(describeValue)]);
}

function describeValue(value: ResolvedReading["value"]): string | null {
  if (value === undefined) return null;
  if (value instanceof Uint8Array) return `data ${toHex(value)}`;
  return typeof value === "object" ? `number ${formatDecimal(value)}` : `${typeof value} ${value}`;
}

function expectEqual(actual: readonly string[], expected: readonly string[]): void {
  if (actual.length !== expected.length)
    throw new Error(`resolves to ${actual.length} readings instead of ${expected.length}`);
  for (const [i, reading] of actual.entries())
    if (reading !== expected[i]) throw new Error(`record ${i} is ${reading} instead of ${expected[i]}`);
}

const LABELS = new Map<number, keyof SenmlRecord>([
  [-1, "bver"],
  [-2, "bn"],
  [-3, "bt"],
  [-4, "bu"],
  [-5, "bv"],
  [-6, "bs"],
  [0, "n"],
  [1, "u"],
  [2, "v"],
  [3, "vs"],
  [4, "vb"],
  [5, "s"],
  [6, "t"],
  [7, "ut"],
  [8, "vd"],
]);
const NUMBERS: ReadonlySet<string> = new Set(["bt", "bv", "bs", "v", "s", "t", "ut"]);

/**
 * SenML CBOR as others write it, with floats. A double stands for the shortest decimal that reads back as it: what
 * the JSON file beside it holds. The ledger has no such reader: its collections carry decimal fractions.
 */
function readForeignSenmlCbor(bytes: Uint8Array): SenmlRecord[] {
  const pack = decodeForeignCbor(bytes);
  if (!Array.isArray(pack)) throw new Error("must be an array of records");
  return (pack as readonly CborValue[]).map((item) => {
    if (typeof item !== "object" || item === null || !("entries" in item) || Array.isArray(item))
      throw new Error("must be a map");
    const record: { [label: string]: unknown } = {};
    for (const [key, value] of (item as { entries: readonly (readonly [CborValue, CborValue])[] }).entries) {
      const label = LABELS.get(key as number);
      if (label === undefined) continue;
      record[label] = NUMBERS.has(label) ? parseDecimal(String(value)) : value;
    }
    return record as SenmlRecord;
  });
}
