import { type Infer, record, uint, uint64 } from "./codec/definition.ts";
import { InvariantError } from "./errors.ts";
import type { StateAccess, StateReader } from "./state/overlay.ts";
import { BASE } from "./state/partition.ts";
import { defineTable } from "./state/table.ts";

/** Rules of the chain that validators may change; they are state. Sizes in bytes, times in milliseconds. */
export const parameters = record(1, {
  /** Smallest units of LHG per unit of gas, at least. */
  gasPriceMin: uint64,
  gasPerTransaction: uint(),
  gasPerByte: uint(),
  gasPerMessage: uint(),
  gasPerApproval: uint(),
  blockSizeBytesMax: uint(),
  blockStatementsMax: uint(),
  transactionSizeBytesMax: uint(),
  transactionLifetimeMsMax: uint(),
  collectionSizeBytesMax: uint(),
  collectionReadingsMax: uint(),
  captureSizeBytesMax: uint(),
  captureEventsMax: uint(),
  /** Smallest units of LHG that buy one credit. */
  creditPrice: uint64,
  creditsPerCollection: uint(),
  creditsPerReading: uint(),
  creditsPerCapture: uint(),
  creditsPerEvent: uint(),
  /** Of a collection's statement or a capture's document, begun kilobytes of 1,024 bytes. */
  creditsPerKilobyte: uint(),
  /** Credits a device may use a day where its vendor set no limit of its own. */
  deviceCreditsPerDayMax: uint(),
});
export type Parameters = Infer<typeof parameters>;
export type ParameterName = keyof Parameters;

export const DEFAULT_PARAMETERS: Parameters = {
  gasPriceMin: 1n,
  gasPerTransaction: 1_000,
  gasPerByte: 2,
  gasPerMessage: 500,
  gasPerApproval: 2_000,
  blockSizeBytesMax: 8 << 20,
  blockStatementsMax: 10_000,
  transactionSizeBytesMax: 64 << 10,
  transactionLifetimeMsMax: 24 * 3_600_000,
  collectionSizeBytesMax: 256 << 10,
  collectionReadingsMax: 1_000,
  captureSizeBytesMax: 2 << 20,
  captureEventsMax: 1_000,
  creditPrice: 100n,
  creditsPerCollection: 10,
  creditsPerReading: 1,
  creditsPerCapture: 50,
  creditsPerEvent: 20,
  // Ten-byte URIs make a hundred item records of a kilobyte.
  creditsPerKilobyte: 50,
  deviceCreditsPerDayMax: 10_000_000,
};

/**
 * Bounds within which parameters may change: no vote can stop the chain by a block that holds nothing, and no
 * sum of costs leaves the safe integers.
 */
const BOUNDS: { readonly [K in keyof Parameters]: readonly [min: number, max: number] } = {
  gasPriceMin: [0, 1e12],
  gasPerTransaction: [0, 1e9],
  gasPerByte: [0, 1e6],
  gasPerMessage: [0, 1e9],
  gasPerApproval: [0, 1e9],
  blockSizeBytesMax: [4 << 20, 64 << 20],
  blockStatementsMax: [1, 25_000],
  // Room for the approvals of a majority of 256 validators.
  transactionSizeBytesMax: [64 << 10, 1 << 20],
  transactionLifetimeMsMax: [60_000, 30 * 86_400_000],
  collectionSizeBytesMax: [4 << 10, 1 << 20],
  collectionReadingsMax: [1, 4_096],
  captureSizeBytesMax: [64 << 10, 4 << 20],
  captureEventsMax: [1, 10_000],
  creditPrice: [1, 1e12],
  creditsPerCollection: [0, 1e6],
  creditsPerReading: [0, 1e6],
  creditsPerCapture: [0, 1e6],
  creditsPerEvent: [0, 1e6],
  creditsPerKilobyte: [0, 1e6],
  deviceCreditsPerDayMax: [0, 1e15],
};

/** The first parameter that is out of its bounds; undefined: all are sound. */
export function findUnsoundParameter(value: Parameters): ParameterName | undefined {
  return (Object.keys(BOUNDS) as ParameterName[]).find((name) => {
    const [min, max] = BOUNDS[name];
    return value[name] < min || value[name] > max;
  });
}

export const CORE_MODULE = 0;
const parametersTable = defineTable<[], Parameters>("parameters", CORE_MODULE, 1, parameters);

export function getParameters(state: StateReader): Parameters {
  const value = parametersTable.get(state, BASE);
  if (value === undefined) throw new InvariantError("the state has no parameters");
  return value;
}

export function setParameters(state: StateAccess, value: Parameters): void {
  parametersTable.set(state, BASE, value);
}

/** Credits for the size of what prepaid credit pays. */
export function computeSizeCost(
  { creditsPerKilobyte }: Pick<Parameters, "creditsPerKilobyte">,
  sizeBytes: number,
): number {
  return creditsPerKilobyte * Math.ceil(sizeBytes / 1024);
}
