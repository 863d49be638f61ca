/** Headers with what makes them final, also of blocks of which nothing else is kept. */
import { decodeCometCommit, hashCometCommit } from "@lhg/protocol/core/block/comet-commit";
import { decodeCometHeader } from "@lhg/protocol/core/block/comet-header";
import { header } from "@lhg/protocol/core/block/header";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import {
  type CertifiedHeader,
  certifiedHeader,
  ENGINE_DBFT,
  readLightHeader,
} from "@lhg/protocol/core/proof/anchor";
import type { Store } from "../store/store.ts";
import { blockRecord } from "./records.ts";
import { blockKey, certificateKey, keptHeaderKey } from "./store-keys.ts";

/** Undefined where this node has no such header, or none any more. */
export function readCertifiedHeader(store: Pick<Store, "get">, height: number): CertifiedHeader | undefined {
  const kept = store.get(keptHeaderKey(height));
  if (kept !== undefined) return decode(certifiedHeader, kept, "header");
  const block = store.get(blockKey(height));
  const certificate = store.get(certificateKey(height));
  if (block === undefined || certificate === undefined) return undefined;
  const { header: named, validators } = decode(blockRecord, block, "block");
  return { engine: ENGINE_DBFT, header: encode(header, named, "header"), certificate, validators };
}

/**
 * Of what nodes have seen of a commit of CometBFT, each has something else; the header after it names the one that counts. What outlasts the
 * blocks, or travels in snapshots, is that one: commits of headers that change the validators, and those that are `isWanted`. Throws
 * `certificate.parent`.
 */
export function checkParentCertificate(
  hasher: Pick<Hasher, "sha256">,
  parent: CertifiedHeader | undefined,
  encoded: Uint8Array,
  isWanted: boolean,
): void {
  if (parent === undefined) return;
  const { validatorsHash, nextValidatorsHash } = readLightHeader(parent);
  if (!isWanted && equalBytes(validatorsHash, nextValidatorsHash)) return;
  if (!isNamedBy(hasher, parent, encoded))
    throw new LhgError("certificate.parent", "is not the one that the next header names", "certificate");
}

/** Whether a header of CometBFT names the commit of the one before it. */
export function isNamedBy(
  hasher: Pick<Hasher, "sha256">,
  parent: Pick<CertifiedHeader, "certificate">,
  encoded: Uint8Array,
): boolean {
  const { lastCommitHash } = decodeCometHeader(encoded);
  return equalBytes(hashCometCommit(hasher, decodeCometCommit(parent.certificate)), lastCommitHash);
}
