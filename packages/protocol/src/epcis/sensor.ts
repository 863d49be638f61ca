/** The sensor elements of an event (EPCIS 2.0). */
import type { Decimal } from "../core/decimal.ts";
import { LhgError } from "../core/errors.ts";
import { type JsonNode, type JsonObject, memberPath } from "../core/json.ts";
import { checkMembers } from "./context.ts";
import {
  expectArray,
  expectBoolean,
  expectMatch,
  expectNumber,
  expectObject,
  expectText,
  expectTime,
  expectUri,
  readOptional,
  requireMember,
} from "./fields.ts";
import { COMPONENTS, MEASUREMENT_TYPES, readTerm, SENSOR_ALERTS, type Vocabulary } from "./vocabulary.ts";

/** What a report says in figures; the rest of it stays in the event's bytes. */
export interface SensorReport {
  /** Full URI of the kind of measurement. */
  readonly type: string;
  /** Full URI of the alert, if it is one. */
  readonly exception?: string;
  readonly value?: Decimal;
  readonly uom?: string;
  /** Of the report, else of its element: milliseconds since 1970. */
  readonly timeMs?: number;
}

type Prefixes = ReadonlyMap<string, string>;
type Check = (node: JsonNode, path: string, prefixes: Prefixes) => unknown;

const ELEMENT_NAMES: ReadonlySet<string> = new Set(["sensorMetadata", "sensorReport"]);

const METADATA_FIELDS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ...each("time startTime endTime", expectTime),
  ...each("deviceID deviceMetadata rawData dataProcessingMethod bizRules", expectUri),
]);

const REPORT_FIELDS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ["type", (node, path, prefixes) => readTerm(MEASUREMENT_TYPES, node, path, prefixes)],
  ["exception", (node, path, prefixes) => readTerm(SENSOR_ALERTS, node, path, prefixes)],
  ["component", (node, path, prefixes) => readTerm(COMPONENTS, node, path, prefixes)],
  ...each("deviceID deviceMetadata rawData dataProcessingMethod bizRules", expectUri),
  ...each("microorganism chemicalSubstance coordinateReferenceSystem uriValue", expectUri),
  ...each("value minValue maxValue meanValue sDev percRank percValue", expectNumber),
  ...each("stringValue uom", expectText),
  ["time", expectTime],
  ["booleanValue", expectBoolean],
  ["hexBinaryValue", (node, path) => expectMatch(node, path, /^[A-Fa-f0-9]+$/, "hexadecimal digits")],
]);

const METADATA_NAMES: ReadonlySet<string> = new Set(METADATA_FIELDS.keys());
const REPORT_NAMES: ReadonlySet<string> = new Set(REPORT_FIELDS.keys());

export function readSensorElement(
  node: JsonNode,
  prefixes: Prefixes,
  path: string,
  maxReports: number,
): SensorReport[] {
  const element = expectObject(node, path);
  checkMembers(element, ELEMENT_NAMES, prefixes, path);
  const elementTimeMs = readOptional(element, "sensorMetadata", path, (metadata, at) =>
    readMetadata(metadata, prefixes, at),
  );
  const reportsPath = memberPath(path, "sensorReport");
  const reports = expectArray(requireMember(element, "sensorReport", path), reportsPath).items;
  if (reports.length === 0) throw new LhgError("epcis.empty", "must not be empty", reportsPath);
  if (reports.length > maxReports)
    throw new LhgError("epcis.too-many", `must have at most ${maxReports} sensor reports`, reportsPath);
  return reports.map((report, index) =>
    readReport(report, prefixes, `${reportsPath}[${index}]`, elementTimeMs),
  );
}

function readMetadata(node: JsonNode, prefixes: Prefixes, path: string): number | undefined {
  const metadata = expectObject(node, path);
  checkMembers(metadata, METADATA_NAMES, prefixes, path);
  checkFields(metadata, METADATA_FIELDS, prefixes, path);
  return readOptional(metadata, "time", path, expectTime);
}

function readReport(
  node: JsonNode,
  prefixes: Prefixes,
  path: string,
  elementTimeMs: number | undefined,
): SensorReport {
  const report = expectObject(node, path);
  checkMembers(report, REPORT_NAMES, prefixes, path);
  requireMember(report, "type", path);
  checkFields(report, REPORT_FIELDS, prefixes, path);
  const term = (name: string, vocabulary: Vocabulary) =>
    readOptional(report, name, path, (value, at) => readTerm(vocabulary, value, at, prefixes));
  const exception = term("exception", SENSOR_ALERTS);
  const value = readOptional(report, "value", path, expectNumber);
  const uom = readOptional(report, "uom", path, expectText);
  const timeMs = readOptional(report, "time", path, expectTime) ?? elementTimeMs;
  return {
    type: term("type", MEASUREMENT_TYPES)!,
    ...(exception === undefined ? {} : { exception }),
    ...(value === undefined ? {} : { value }),
    ...(uom === undefined ? {} : { uom }),
    ...(timeMs === undefined ? {} : { timeMs }),
  };
}

function checkFields(
  object: JsonObject,
  checks: ReadonlyMap<string, Check>,
  prefixes: Prefixes,
  path: string,
): void {
  for (const [name, node] of object.entries) checks.get(name)?.(node, memberPath(path, name), prefixes);
}

function each(names: string, check: Check): [string, Check][] {
  return names.split(" ").map((name) => [name, check]);
}
