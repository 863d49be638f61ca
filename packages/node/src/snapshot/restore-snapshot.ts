/** Puts a snapshot into an empty store, checked against a certified header down to the last byte. */
import { certificate as certificateCodec, verifyCertificate } from "@lhg/protocol/core/block/certificate";
import { type Header, hashHeader, header as headerCodec } from "@lhg/protocol/core/block/header";
import { hashValidators } from "@lhg/protocol/core/block/validator-set";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeChainId, type Genesis, genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { type CertifiedHeader, certifiedHeader, ENGINE_DBFT, EPOCH } from "@lhg/protocol/core/proof/anchor";
import { VersionedState } from "@lhg/protocol/core/state/versioned-state";
import { getValidatorSchedule, getValidatorsAt } from "@lhg/protocol/modules/validators/validators";
import { EVIDENCE_HEIGHTS_MAX, hashCertificate } from "../blocks/proposal.ts";
import { type HeadRecord, headRecord, keptRecord, transitionsRecord } from "../blocks/records.ts";
import {
  certificateKey,
  GENESIS_KEY,
  HEAD_KEY,
  KEPT_KEY,
  keptHeaderKey,
  RESTORING_KEY,
  TRANSITIONS_KEY,
} from "../blocks/store-keys.ts";
import type { Store, StoreWrite } from "../store/store.ts";
import { readItems } from "./chunk-format.ts";
import { checkChunk, openSnapshotInfo, type SnapshotInfo, type SnapshotMetadata } from "./snapshot.ts";
import { StateIntake, type StateIntakeOptions } from "./state-intake.ts";
import { isTransition, type TrustedHeader } from "./trust.ts";

export interface RestoreOptions {
  /** Empty, and thrown away by the caller when this fails. */
  readonly store: Store;
  readonly crypto: Crypto;
  readonly genesis: Genesis;
  /** As a peer offers it: nothing of it is believed. */
  readonly info: SnapshotInfo;
  /** May answer with anything; who wants to ask others again for a wrong chunk looks at it with `checkChunk` first. */
  readonly readChunk: (index: number) => Promise<Uint8Array>;
  /** Header `info.height + 1`, verified by `verifyTrustPath`. */
  readonly trusted: TrustedHeader;
  readonly indexPair?: StateIntakeOptions["indexPair"];
  /** Chunks that are in the store. */
  readonly onProgress?: (done: number) => void;
  readonly pairsMax?: number;
}

/**
 * Restores the state after block `info.height`, so that `LedgerApplication.open` goes on from there. Throws what is wrong: `snapshot.*`,
 * `certificate.*`; a field `chunks[i]` says in which chunk it came to light. After any failure the store is of no use.
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<void> {
  const { store, crypto, info, trusted } = options;
  const metadata = openSnapshotInfo(crypto, info);
  checkHeader(options, metadata);
  if ((await store.scan({ limit: 1 })).length > 0)
    throw new LhgError("snapshot.store", "must be empty", "store");
  await store.commit([{ key: RESTORING_KEY, value: Uint8Array.of(1) }]);
  const { appHash } = trusted.header;
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
    checkChunk(crypto, metadata, index, chunk);
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
  await store.commit(completeChain(options, metadata));
}

/**
 * The header after the snapshot's block commits that block, its state, its results and its certificate. Throws `snapshot.chain`,
 * `snapshot.header` and `snapshot.certificate`.
 */
export function checkHeader(
  { crypto, genesis, trusted }: Pick<RestoreOptions, "crypto" | "genesis" | "trusted">,
  metadata: SnapshotMetadata,
): void {
  const next = trusted.header;
  const fails = (code: string, message: string, field: string): never => {
    throw new LhgError(code, message, `metadata.${field}`);
  };
  const { header } = metadata;
  if (next.chainId !== computeChainId(crypto, genesis))
    fails("snapshot.chain", "is of another chain", "header");
  if (next.height !== header.height + 1)
    fails("snapshot.header", "is not the block before the trusted header", "header");
  if (!equalBytes(hashHeader(crypto, header), next.parent))
    fails("snapshot.header", "is not the parent of the trusted header", "header");
  if (!equalBytes(hashCertificate(crypto, metadata.certificate), next.lastCertificateHash))
    fails("snapshot.certificate", "is not the one that the trusted header names", "certificate");
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

/** What the store needs beside the state; it makes the restored chain valid, so it is written last. */
function completeChain(options: RestoreOptions, { header, certificate }: SnapshotMetadata): StoreWrite[] {
  const { crypto, store, genesis, trusted } = options;
  const { height } = header;
  const next = trusted.header;
  const state = new VersionedState(crypto, store);
  const schedule = getValidatorSchedule(state);
  if (schedule[0]!.fromHeight > Math.max(1, height + 1 - EVIDENCE_HEIGHTS_MAX))
    throw new LhgError("snapshot.validators", "do not reach back as far as evidence may", "metadata");
  const validators = getValidatorsAt(state, height);
  checkValidators(crypto, state, next);
  verifyCertificate(
    crypto,
    { chainId: next.chainId, epoch: EPOCH, height },
    next.parent,
    decode(certificateCodec, certificate, "certificate"),
    validators,
  );
  const head: HeadRecord = {
    height,
    timeMs: header.timeMs,
    blockHash: next.parent,
    appHash: next.appHash,
    resultsHash: next.resultsHash,
    certificateHash: next.lastCertificateHash,
  };
  const encodedHeader = encode(headerCodec, header, "header");
  const own = { engine: ENGINE_DBFT, header: encodedHeader, certificate, validators };
  const heightOf = (each: CertifiedHeader): number => decode(headerCodec, each.header, "header").height;
  const before = trusted.path.transitions.filter((each) => isTransition(each) && heightOf(each) < height);
  const kept = [...new Map([...before, own].map((each) => [heightOf(each), each])).values()];
  return [
    ...kept.map((each) => ({
      key: keptHeaderKey(heightOf(each)),
      value: encode(certifiedHeader, each, "header"),
    })),
    { key: TRANSITIONS_KEY, value: encode(transitionsRecord, kept.filter(isTransition).map(heightOf)) },
    { key: certificateKey(height), value: certificate },
    { key: GENESIS_KEY, value: encode(genesisCodec, genesis, "genesis") },
    {
      key: KEPT_KEY,
      value: encode(keptRecord, {
        firstHeight: height + 1,
        prunedHeight: height,
        base: { height, validators: schedule },
      }),
    },
    { key: RESTORING_KEY, value: undefined },
    { key: HEAD_KEY, value: encode(headRecord, head) },
  ];
}

/** The state says who signs; were it another state than the header's, this would differ first. */
function checkValidators(crypto: Crypto, state: VersionedState, next: Header): void {
  const isSame =
    equalBytes(hashValidators(crypto, getValidatorsAt(state, next.height)), next.validatorsHash) &&
    equalBytes(hashValidators(crypto, getValidatorsAt(state, next.height + 1)), next.nextValidatorsHash);
  if (!isSame)
    throw new LhgError("snapshot.validators", "are not those that the trusted header names", "state");
}
