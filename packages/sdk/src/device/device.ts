/**
 * The device kit: signs readings offline, in an unbroken chain of collections, and hands them to any transport. A
 * collection is saved before it is handed out, so a crash at any moment uses no sequence twice.
 */
import { type Address, deriveAddress } from "@lhg/protocol/core/account";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import type { Signer } from "@lhg/protocol/core/cose";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { DEFAULT_PARAMETERS } from "@lhg/protocol/core/parameters";
import { collection } from "@lhg/protocol/modules/collection/messages";
import { nobleCrypto } from "../crypto/noble.ts";
import { signSubmission } from "../transaction/signed-statement.ts";
import { type BatchLimits, createBatcher } from "./batch.ts";
import { type FlushOptions, type FlushResult, flushDevice, type Send } from "./flush.ts";
import { type PlainReadings, packReadings, type Readings, readReadings } from "./readings.ts";
import {
  type DeviceState,
  type DeviceStore,
  decodeState,
  emptyState,
  encodeState,
  type KeptCollection,
  type StreamPlace,
} from "./state.ts";

export interface DeviceOptions {
  readonly signer: Signer;
  readonly chainId: string;
  /** By default the address of the signer's key; where the key was rotated, that of the device's first. */
  readonly address?: Address;
  /** 0 by default. */
  readonly stream?: number;
  readonly store: DeviceStore;
  /** Readings gather up to so many, or so long, before they are signed; by default each `record` is signed at once. */
  readonly batch?: BatchLimits;
  /** The chain's bounds of a collection; larger packs are split. By default those of a new chain. */
  readonly limits?: { readonly collectionReadingsMax: number; readonly collectionSizeBytesMax: number };
  /** Bound of what is kept here, and so of what one save writes. Default 256 KiB. */
  readonly keptBytesMax?: number;
  readonly nowMs?: () => number;
  readonly crypto?: Crypto;
}

export type Recorded = Pick<KeptCollection, "seq" | "id">;

export interface Device {
  readonly address: Address;
  /** What is saved. */
  readonly state: DeviceState;
  /**
   * Signs readings, or adds them to the open batch; resolves with the (last) collection that holds them, once it is
   * saved. Throws `senml.*`, `device.full` (too much waits to be sent), `device.blocked`, `device.exhausted`.
   */
  record(readings: Readings): Promise<Recorded>;
  /** Throws as `record` would for readings that no chain takes, and records nothing. */
  check(readings: Readings): void;
  /** Signs the open batch now. */
  close(): Promise<void>;
  /** Sends what waits, oldest first, until something fails. Recording goes on meanwhile. */
  flush(send: Send, options?: FlushOptions): Promise<FlushResult>;
  /** Sends collections `from`..`to` again, downward, as the chain fills gaps. Throws `device.forgotten`. */
  fill(gap: { readonly from: number; readonly to: number }, send: Send): Promise<void>;
}

const KEPT_BYTES_MAX_DEFAULT = 256 << 10;
/** A node that lost its disk is the only one to ask for what was acknowledged. */
const KEPT_ACKNOWLEDGED_MAX = 64;
const SEQ_MAX = 0xffffffff;

/** Throws `device.state-foreign` where the store holds another stream, `device.state-damaged`, `cbor.*`, `value.*`. */
export async function createDevice(options: DeviceOptions): Promise<Device> {
  const { signer, chainId, store, crypto = nobleCrypto, nowMs = Date.now, stream = 0 } = options;
  const { collectionReadingsMax, collectionSizeBytesMax } = options.limits ?? DEFAULT_PARAMETERS;
  const keptBytesMax = options.keptBytesMax ?? KEPT_BYTES_MAX_DEFAULT;
  const address = options.address ?? deriveAddress(crypto, signer.publicKey);
  let state = await loadState(store, { chainId, device: address, stream });
  const takeTurn = createTurns();
  const takeFlushTurn = createTurns();

  /** One change at a time, each built on the state that was saved before it. */
  function update(change: (state: DeviceState) => DeviceState): Promise<DeviceState> {
    return takeTurn(async () => {
      const next = change(state);
      await store.save(encodeState(next));
      state = next;
      return next;
    });
  }

  function sign(before: DeviceState, readings: PlainReadings): KeptCollection {
    const seq = before.headSeq + 1;
    const body = {
      chainId,
      device: address,
      stream,
      seq,
      prevId: before.headId,
      readings: packReadings(readings),
    };
    return {
      seq,
      ...signSubmission(crypto, signer, "collection", encode(collection, body, "collection")),
    };
  }

  function append(before: DeviceState, readings: PlainReadings): DeviceState {
    checkOpen(before);
    const { version, records } = readings;
    if (records.length <= collectionReadingsMax) {
      const signed = sign(before, readings);
      if (signed.bytes.length <= collectionSizeBytesMax)
        return {
          ...before,
          headSeq: signed.seq,
          headId: signed.id,
          kept: makeRoom(before, signed, keptBytesMax),
        };
    }
    if (records.length === 1)
      throw new LhgError("device.too-large", `must fit ${collectionSizeBytesMax} bytes`, "readings[0]");
    const middle = Math.ceil(records.length / 2);
    const half = append(before, { version, records: records.slice(0, middle) });
    return append(half, { version, records: records.slice(middle) });
  }

  const batcher = createBatcher<Recorded>(
    options.batch ?? { readingsMax: 1, delayMs: 0 },
    async (readings) => {
      const { headSeq, headId } = await update((before) => append(before, readings));
      return { seq: headSeq, id: headId };
    },
  );
  return {
    address,
    get state() {
      return state;
    },
    record: async (readings) => batcher.add(readReadings(readings, nowMs())),
    check: (readings) => void readReadings(readings, nowMs()),
    close: () => batcher.close(),
    flush: async (send, flushOptions = {}) => {
      await batcher.close();
      return takeFlushTurn(() => flushDevice({ read: () => state, update }, send, flushOptions));
    },
    fill: ({ from, to }, send) =>
      takeFlushTurn(async () => {
        for (let seq = to; seq >= from; seq--) await send(requireKept(state, seq).bytes);
      }),
  };
}

/** Runs work one after the other, in the order in which it came; a failure is its caller's alone. */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = Promise.allSettled([done]);
    return done;
  };
}

async function loadState(store: DeviceStore, place: StreamPlace): Promise<DeviceState> {
  const stored = await store.load();
  if (stored === undefined) return emptyState(place);
  const state = decodeState(stored);
  const isSame =
    state.chainId === place.chainId &&
    state.stream === place.stream &&
    equalBytes(state.device, place.device);
  if (!isSame)
    throw new LhgError("device.state-foreign", "belongs to another chain, device or stream", "store");
  return state;
}

function checkOpen({ blocked, headSeq }: DeviceState): void {
  if (blocked !== null)
    throw new LhgError(
      "device.blocked",
      `the chain refused it (${blocked}): the vendor opens another`,
      "stream",
    );
  if (headSeq === SEQ_MAX)
    throw new LhgError("device.exhausted", "all sequences are used: the vendor opens another", "stream");
}

function requireKept(state: DeviceState, seq: number): KeptCollection {
  const found = state.kept.find((entry) => entry.seq === seq);
  if (found === undefined)
    throw new LhgError("device.forgotten", `collection ${seq} is no longer kept here`, "gap");
  return found;
}

/** Adds a collection and lets go of the oldest acknowledged ones until all fits. Throws `device.full`. */
function makeRoom(state: DeviceState, added: KeptCollection, keptBytesMax: number): KeptCollection[] {
  const kept = [...state.kept, added];
  let sizeBytes = kept.reduce((sum, entry) => sum + entry.bytes.length, 0);
  let from = 0;
  const isTooMuch = (): boolean =>
    sizeBytes > keptBytesMax || kept[from]!.seq <= state.acknowledgedSeq - KEPT_ACKNOWLEDGED_MAX;
  while (kept[from]!.seq <= state.acknowledgedSeq && isTooMuch()) {
    sizeBytes -= kept[from]!.bytes.length;
    from += 1;
  }
  if (sizeBytes > keptBytesMax)
    throw new LhgError(
      "device.full",
      `${keptBytesMax} bytes of collections wait to be sent: flush before recording more`,
      "store",
    );
  return kept.slice(from);
}
