/** Puts a snapshot into an empty store, checked against a certified header down to the last byte. */
import { certificate as certificateCodec, verifyCertificate } from "@lhg/protocol/core/block/certificate";
import { hashHeader, header as headerCodec } from "@lhg/protocol/core/block/header";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeChainId } from "@lhg/protocol/core/genesis";
import { ENGINE_DBFT, EPOCH } from "@lhg/protocol/core/proof/anchor";
import { VersionedState } from "@lhg/protocol/core/state/versioned-state";
import { getValidatorsAt } from "@lhg/protocol/modules/validators/validators";
import { hashCertificate } from "../blocks/proposal.ts";
import { type HeadRecord, headRecord } from "../blocks/records.ts";
import { certificateKey, HEAD_KEY } from "../blocks/store-keys.ts";
import type { Store, StoreWrite } from "../store/store.ts";
import {
  beginAfter,
  checkSchedule,
  heightOf,
  keepHeaders,
  type RestoreParts,
  restoreState,
} from "./restore-state.ts";
import { openSnapshotInfo, type SnapshotMetadata } from "./snapshot.ts";
import { isTransition, type TrustedHeader } from "./trust.ts";

export interface RestoreOptions extends RestoreParts {
  /** Empty, and thrown away by the caller when this fails. */
  readonly store: Store;
  /** Header `info.height + 1`, verified by `verifyTrustPath`. */
  readonly trusted: TrustedHeader;
}

/**
 * Restores the state after block `info.height`, so that `LedgerApplication.open` goes on from there. Throws what is wrong: `snapshot.*`,
 * `certificate.*`; a field `chunks[i]` says in which chunk it came to light. After any failure the store is of no use.
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<void> {
  const { store, crypto, info, trusted } = options;
  const metadata = openSnapshotInfo(crypto, info);
  checkHeader(options, metadata);
  await restoreState({ ...options, chunks: metadata.chunks, appHash: trusted.header.appHash });
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

/** What the store needs beside the state; it makes the restored chain valid, so it is written last. */
function completeChain(options: RestoreOptions, { header, certificate }: SnapshotMetadata): StoreWrite[] {
  const { crypto, store, genesis, trusted } = options;
  const { height } = header;
  const next = trusted.header;
  const state = new VersionedState(crypto, store);
  const schedule = checkSchedule(crypto, state, next);
  const validators = getValidatorsAt(state, height);
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
  const before = trusted.path.transitions.filter((each) => isTransition(each) && heightOf(each) < height);
  return [
    ...keepHeaders([...before, own]),
    { key: certificateKey(height), value: certificate },
    ...beginAfter(genesis, height, schedule),
    { key: HEAD_KEY, value: encode(headRecord, head) },
  ];
}
