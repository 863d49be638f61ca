import type { Address } from "../../core/account.ts";
import { equalKeys } from "../../core/accounts.ts";
import { equalBytes, ZERO32 } from "../../core/bytes.ts";
import { encodeCbor } from "../../core/codec/cbor.ts";
import { record, uint } from "../../core/codec/definition.ts";
import type { Sign1 } from "../../core/cose.ts";
import { assertInvariant, LhgError } from "../../core/errors.ts";
import {
  type AdmissionContext,
  type Module,
  postpone,
  refuse,
  type StatementContext,
} from "../../core/module.ts";
import { computeSizeCost, type Parameters } from "../../core/parameters.ts";
import type { StateReader } from "../../core/state/overlay.ts";
import { vendorPartition } from "../../core/state/partition.ts";
import { defineTable } from "../../core/state/table.ts";
import { failStatement } from "../../core/status.ts";
import { type ResolvedReading, resolveSenml } from "../../senml/resolve.ts";
import { getDevice, type OwnedDevice } from "../identity/devices.ts";
import { ADMITTED, getVendor } from "../identity/vendors.ts";
import { getCredits, spendCredits } from "../token/token.ts";
import { COLLECTION_MODULE, type Collection, type collectionMessages } from "./messages.ts";
import { advanceStream, checkFillId, emptyStream, getStream, placeCollection, setStream } from "./streams.ts";

const NOTICE_COLLECTED = 1;
const DAY_MS = 86_400_000;

/** Credits a device used on a day, counted in the day of block time. */
const usages = defineTable<[Address], { day: number; credits: number }>(
  "device usage",
  COLLECTION_MODULE,
  2,
  record(1, { day: uint(), credits: uint() }),
);

/** Credits that a collection of so many readings and bytes of COSE costs. */
export function computeCollectionCost(parameters: Parameters, readings: number, sizeBytes: number): number {
  return (
    parameters.creditsPerCollection +
    readings * parameters.creditsPerReading +
    computeSizeCost(parameters, sizeBytes)
  );
}

function getUsedToday(state: StateReader, vendor: Address, device: Address, timeMs: number): number {
  const usage = usages.get(state, vendorPartition(vendor), device);
  return usage !== undefined && usage.day === Math.floor(timeMs / DAY_MS) ? usage.credits : 0;
}

/** Judges a collection against the state just before it; everything but the signature itself. */
export function admitCollection(
  context: AdmissionContext,
  statement: Sign1,
  body: Collection,
  id: Uint8Array,
): void {
  const { state, parameters, timeMs } = context;
  if (body.chainId !== context.chainId)
    refuse("statement.chain", "is for another chain", "collection.chainId");
  if (statement.bytes.length > parameters.collectionSizeBytesMax)
    refuse("statement.oversize", `must be at most ${parameters.collectionSizeBytesMax} bytes`, "statement");
  if (body.readings.length > parameters.collectionReadingsMax)
    refuse(
      "collection.readings",
      `must have at most ${parameters.collectionReadingsMax} readings`,
      "collection.readings",
    );
  const owned = getDevice(state, body.device);
  if (owned === undefined) refuse("device.unknown", "is not registered", "collection.device");
  const vendor = getVendor(state, owned.vendor);
  if (vendor?.standing !== ADMITTED)
    refuse("vendor.not-admitted", "the device's vendor is not admitted", "collection.device");
  const stream = getStream(state, owned.vendor, body.device, body.stream);
  if (stream === undefined) refuse("collection.stream", "is not open", "collection.stream");
  // Before anything is postponed: what strangers sign would wait in the device's own lane.
  requireDeviceKey(statement, owned);
  const placement = placeCollection(stream, body);
  checkFillId(stream, placement, id);
  checkStanding(context, statement, owned, placement.kind === "fill");
  const cost = computeCollectionCost(parameters, body.readings.length, statement.bytes.length);
  if (getCredits(state, owned.vendor) < cost)
    postpone("credit.insufficient", `needs ${cost} credits of its vendor`, "collection");
  const limit = owned.device.creditsPerDayMax ?? parameters.deviceCreditsPerDayMax;
  if (getUsedToday(state, owned.vendor, body.device, timeMs) + cost > limit)
    postpone("device.rate", `the device may use ${limit} credits a day`, "collection.device");
}

/** The key is the device's, now or once. */
function requireDeviceKey({ key }: Sign1, { device }: OwnedDevice): void {
  if (!equalKeys(key, device.key) && !device.previousKeys.some((former) => equalKeys(former, key)))
    refuse("statement.key", "is not the device's key", "statement.protected.kid");
}

/** Revoked devices and former keys may only fill gaps. */
function checkStanding(
  context: AdmissionContext,
  statement: Sign1,
  { device }: OwnedDevice,
  isFill: boolean,
): void {
  if (isFill) return;
  if (device.revokedFromHeight !== null && context.height >= device.revokedFromHeight)
    refuse("device.revoked", "is revoked and may only fill gaps", "collection.device");
  if (!equalKeys(statement.key, device.key))
    refuse(
      "device.key-rotated",
      "is a former key of the device and may only fill gaps",
      "statement.protected.kid",
    );
}

/** Counts a collection's credit and sequence; what follows may fail without giving either back. */
export function chargeCollection(context: StatementContext, body: Collection, sizeBytes: number): void {
  const { state, timeMs } = context;
  const { vendor } = requireDevice(state, body.device);
  const cost = computeCollectionCost(context.parameters, body.readings.length, sizeBytes);
  const used = getUsedToday(state, vendor, body.device, timeMs);
  spendCredits(state, vendor, cost);
  const partition = vendorPartition(vendor);
  usages.set(state, partition, { day: Math.floor(timeMs / DAY_MS), credits: used + cost }, body.device);
  const stream = getStream(state, vendor, body.device, body.stream)!;
  const advanced = advanceStream(stream, placeCollection(stream, body), body, context.statementId);
  setStream(state, vendor, body.device, body.stream, advanced);
}

function requireDevice(state: StateReader, device: Address): OwnedDevice {
  const owned = getDevice(state, device);
  assertInvariant(owned !== undefined, "the device was found at admission");
  return owned;
}

/** Records a collection; returns its readings, for whoever acts on what they say. */
export function executeCollection(context: StatementContext, body: Collection): ResolvedReading[] {
  const readings = resolveReadings(body);
  context.state.putDerived(collectionDerivedKey(body.device, body.stream, body.seq), context.statementId);
  context.emit(COLLECTION_MODULE, NOTICE_COLLECTED, body.device, body.stream, body.seq, body.readings.length);
  return readings;
}

function resolveReadings(body: Collection): ResolvedReading[] {
  try {
    return resolveSenml(body.readings, { field: "collection.readings" });
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    const status =
      error.code === "senml.time-relative" ? "collection.time-relative" : "collection.pack-invalid";
    return failStatement(status, error.message, error.field);
  }
}

/** Where the statement id of a collection is found by its place in a stream. */
export function collectionDerivedKey(device: Address, stream: number, seq: number): Uint8Array {
  return encodeCbor(["collection", device, stream, seq]);
}

export const collections: Module<typeof collectionMessages> = {
  name: "collection",
  id: COLLECTION_MODULE,
  handlers: {
    "collection.open-stream": (context, { device, stream, afterStream, lastId }) => {
      const owned = getDevice(context.state, device);
      if (owned === undefined || !equalBytes(owned.vendor, context.sender))
        failStatement("identity.device-unknown", "is no device of the sender", "device");
      if (getStream(context.state, context.sender, device, stream) !== undefined)
        failStatement("collection.stream-exists", "is open already", "stream");
      const before = getStream(context.state, context.sender, device, afterStream);
      if (before === undefined)
        failStatement("collection.stream-unknown", "is no stream of the device", "afterStream");
      if (equalBytes(lastId, ZERO32) !== (before.headSeq === 0))
        failStatement(
          "collection.stream-unknown",
          "must name a collection of that stream, if it has any",
          "lastId",
        );
      const opened = emptyStream(device, { stream: afterStream, lastId });
      setStream(context.state, context.sender, device, stream, opened);
    },
  },
};
