/** What restoring does under either engine: the state, item by item, and the records that make a chain of it. */
import { hashValidators } from "@lhg/protocol/core/block/validator-set";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Genesis, genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import {
  type CertifiedHeader,
  certifiedHeader,
  type LightHeader,
  readLightHeader,
} from "@lhg/protocol/core/proof/anchor";
import type { VersionedState } from "@lhg/protocol/core/state/versioned-state";
import { getValidatorSchedule, getValidatorsAt } from "@lhg/protocol/modules/validators/validators";
import { EVIDENCE_HEIGHTS_MAX } from "../blocks/proposal.ts";
import { type KeptRecord, keptRecord, transitionsRecord } from "../blocks/records.ts";
import {
  GENESIS_KEY,
  KEPT_KEY,
  keptHeaderKey,
  RESTORING_KEY,
  TRANSITIONS_KEY,
} from "../blocks/store-keys.ts";
import type { Store, StoreWrite } from "../store/store.ts";
import { readItems } from "./chunk-format.ts";
import { checkChunk, type SnapshotInfo } from "./snapshot.ts";
import { StateIntake, type StateIntakeOptions } from "./state-intake.ts";
import { isTransition } from "./trust.ts";

export interface RestoreParts {
  readonly crypto: Crypto;
  readonly genesis: Genesis;
  /** As a peer offers it: nothing of it is believed. */
  readonly info: SnapshotInfo;
  /** May answer with anything; who wants to ask others again for a wrong chunk looks at it with `checkChunk` first. */
  readonly readChunk: (index: number) => Promise<Uint8Array>;
  readonly indexPair?: StateIntakeOptions["indexPair"];
  /** Chunks that are in the store. */
  readonly onProgress?: (done: number) => void;
  readonly pairsMax?: number;
}

/**
 * Takes the chunks into an empty store, which is marked as unfinished; the chain's own records are for the caller to write. Throws
 * `snapshot.*`; a field `chunks[i]` says in which chunk it came to light.
 */
export async function restoreState(
  options: RestoreParts & {
    readonly store: Store;
    /** Hashes, as the metadata names them. */
    readonly chunks: readonly Uint8Array[];
    /** Of the state after block `info.height`, as a certified header says. */
    readonly appHash: Uint8Array;
  },
): Promise<void> {
  const { store, crypto, info, appHash } = options;
  if ((await store.scan({ limit: 1 })).length > 0)
    throw new LhgError("snapshot.store", "must be empty", "store");
  await store.commit([{ key: RESTORING_KEY, value: Uint8Array.of(1) }]);
  const intake = new StateIntake({
    crypto,
    store,
    height: info.height,
    appHash,
    indexPair: options.indexPair ?? (() => []),
    ...(options.pairsMax === undefined ? {} : { pairsMax: options.pairsMax }),
  });
  let restBytes = info.sizeBytes;
  for (let index = 0; index < info.chunks; index++) {
    const chunk = await options.readChunk(index);
    checkChunk(crypto, options, index, chunk);
    restBytes -= chunk.length;
    if (restBytes < 0)
      throw new LhgError("snapshot.oversize", "exceeds the size that was offered", `chunks[${index}]`);
    await atChunk(index, async () => {
      for (const item of readItems(chunk)) await intake.take(item);
    });
    options.onProgress?.(index + 1);
  }
  await atChunk(info.chunks - 1, () => intake.finish());
  if (restBytes > 0) throw new LhgError("snapshot.info", "is not the size of the chunks", "sizeBytes");
}

async function atChunk(index: number, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof LhgError) || error.code.startsWith("store.")) throw error;
    const code = error.code.startsWith("snapshot.") ? error.code : "snapshot.item";
    throw new LhgError(code, error.message, `chunks[${index}]`);
  }
}

export type ValidatorSchedule = ReturnType<typeof getValidatorSchedule>;

/**
 * Who signs by the restored state: were it another state than that of the header after it, this would differ first. Throws
 * `snapshot.validators`.
 */
export function checkSchedule(
  crypto: Crypto,
  state: VersionedState,
  next: Pick<LightHeader, "height" | "validatorsHash" | "nextValidatorsHash">,
): ValidatorSchedule {
  const schedule = getValidatorSchedule(state);
  if (schedule[0]!.fromHeight > Math.max(1, next.height - EVIDENCE_HEIGHTS_MAX))
    throw new LhgError("snapshot.validators", "do not reach back as far as evidence may", "metadata");
  const isSame =
    equalBytes(hashValidators(crypto, getValidatorsAt(state, next.height)), next.validatorsHash) &&
    equalBytes(hashValidators(crypto, getValidatorsAt(state, next.height + 1)), next.nextValidatorsHash);
  if (!isSame)
    throw new LhgError("snapshot.validators", "are not those that the trusted header names", "state");
  return schedule;
}

export function heightOf(each: CertifiedHeader): number {
  return readLightHeader(each).height;
}

/** Certified headers of heights whose blocks are not there. */
export function keepHeaders(headers: readonly CertifiedHeader[]): StoreWrite[] {
  const kept = [...new Map(headers.map((each) => [heightOf(each), each])).values()];
  return [
    ...kept.map((each) => ({
      key: keptHeaderKey(heightOf(each)),
      value: encode(certifiedHeader, each, "header"),
    })),
    { key: TRANSITIONS_KEY, value: encode(transitionsRecord, kept.filter(isTransition).map(heightOf)) },
  ];
}

/** The chain has no blocks up to `height`; with a head it is whole. */
export function beginAfter(genesis: Genesis, height: number, schedule: ValidatorSchedule): StoreWrite[] {
  const kept: KeptRecord = {
    firstHeight: height + 1,
    prunedHeight: height,
    base: { height, validators: schedule },
  };
  return [
    { key: GENESIS_KEY, value: encode(genesisCodec, genesis, "genesis") },
    { key: KEPT_KEY, value: encode(keptRecord, kept) },
    { key: RESTORING_KEY, value: undefined },
  ];
}
