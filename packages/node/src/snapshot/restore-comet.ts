/** Puts a snapshot of a chain under CometBFT into an empty store. */
import { equalBytes, ZERO32 } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Genesis } from "@lhg/protocol/core/genesis";
import { ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import { VersionedState } from "@lhg/protocol/core/state/versioned-state";
import { certifiedRecord, engineRecord, type HeadRecord, headRecord } from "../blocks/records.ts";
import { CERTIFIED_KEY, ENGINE_KEY, HEAD_KEY } from "../blocks/store-keys.ts";
import type { Store } from "../store/store.ts";
import {
  type CometOffer,
  type CometSnapshotMetadata,
  openCometOffer,
  type ProvenBlock,
  proveCometBlock,
} from "./comet-snapshot.ts";
import { beginAfter, checkSchedule, keepHeaders, type RestoreParts, restoreState } from "./restore-state.ts";

export interface VerifiedOffer {
  readonly metadata: CometSnapshotMetadata;
  readonly block: ProvenBlock;
}

/**
 * All that can be said of an offer before its chunks come. `appHash`: what CometBFT's light client found for the state after the
 * snapshot's block; undefined where nobody but the chain of headers speaks for it. Throws `snapshot.*`, `header.*`, `certificate.*`,
 * `comet.*`.
 */
export function verifyCometOffer(
  crypto: Crypto,
  genesis: Genesis,
  offer: CometOffer,
  appHash: Uint8Array | undefined,
): VerifiedOffer {
  const metadata = openCometOffer(crypto, offer);
  const block = proveCometBlock(crypto, genesis, metadata);
  if (appHash !== undefined && !equalBytes(appHash, block.next.appHash))
    throw new LhgError(
      "snapshot.app-hash",
      "is not the one that CometBFT's light client found",
      "metadata.trust.header",
    );
  return { metadata, block };
}

export interface CometRestoreOptions extends RestoreParts {
  /** Empty, and thrown away by the caller when this fails. */
  readonly store: Store;
  readonly appHash: Uint8Array | undefined;
}

/**
 * Restores the state after block `info.height`, so that `LedgerApplication.open` goes on from there. Throws what `verifyCometOffer` and
 * `restoreState` throw, and `snapshot.validators`. After any failure the store is of no use.
 */
export async function restoreCometSnapshot(options: CometRestoreOptions): Promise<void> {
  const { store, crypto, genesis, info } = options;
  const { metadata, block } = verifyCometOffer(crypto, genesis, info, options.appHash);
  const { height, timeMs, blockHash, next } = block;
  await restoreState({ ...options, chunks: metadata.chunks, appHash: next.appHash });
  const schedule = checkSchedule(crypto, new VersionedState(crypto, store), next);
  const head: HeadRecord = {
    height,
    timeMs,
    blockHash,
    appHash: next.appHash,
    resultsHash: metadata.resultsHash,
    certificateHash: ZERO32,
  };
  await store.commit([
    ...keepHeaders(metadata.trust.transitions),
    ...beginAfter(genesis, height, schedule),
    { key: ENGINE_KEY, value: encode(engineRecord, ENGINE_COMETBFT) },
    // Certificates are fetched from the next block on.
    { key: CERTIFIED_KEY, value: encode(certifiedRecord, height) },
    { key: HEAD_KEY, value: encode(headRecord, head) },
  ]);
}
