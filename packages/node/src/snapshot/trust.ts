/** From genesis, or a header pinned by hand, to the certified header that a snapshot is checked against. */
import { type Header, hashHeader, header as headerCodec } from "@lhg/protocol/core/block/header";
import { hashValidators, sortValidators } from "@lhg/protocol/core/block/validator-set";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { array, decode, encode, type Infer, record } from "@lhg/protocol/core/codec/definition";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeChainId, type Genesis } from "@lhg/protocol/core/genesis";
import {
  type CertifiedHeader,
  certifiedHeader,
  ENGINE_DBFT,
  readLightHeader,
  verifyHeader,
} from "@lhg/protocol/core/proof/anchor";

const TRANSITIONS_MAX = 10_000;
const TRUST_BYTES_MAX = 64 << 20;

/** What leads to a header: others of the chain in ascending order, those at which the set of validators changed among them. */
export const trustPath = record(1, {
  transitions: array(certifiedHeader, { max: TRANSITIONS_MAX }),
  header: certifiedHeader,
});
export type TrustPath = Infer<typeof trustPath>;

export interface TrustOptions {
  /** A header known from elsewhere; it must stand in the path. */
  readonly pinned?: { readonly height: number; readonly hash: Uint8Array };
  /** For how long keys of validators are trusted not to have leaked, counted from genesis or the pinned header; no limit by default. */
  readonly period?: { readonly lengthMs: number; readonly nowMs: number };
}

/** A header that M of N of the validators signed to whom the path leads; all of the path is verified. */
export interface TrustedHeader {
  readonly header: Header;
  readonly path: TrustPath;
}

/**
 * Verifies a path of dBFT's headers. Throws `header.*`, `certificate.*`, `trust.pinned` where the pinned header is not in it, and `trust.expired` where
 * who only knows genesis, or an old header, can no longer tell the chain from one made with leaked keys.
 */
export function verifyTrustPath(
  crypto: Crypto,
  genesis: Genesis,
  path: TrustPath,
  options: TrustOptions = {},
): TrustedHeader {
  const validatorsHash = hashValidators(crypto, sortValidators(crypto, genesis.validators));
  const trust = { chainId: computeChainId(crypto, genesis), validatorsHash };
  if (path.header.engine !== ENGINE_DBFT)
    throw new LhgError("header.engine", "must be of dBFT", "trust.header");
  verifyHeader(crypto, trust, path);
  const header = decode(headerCodec, path.header.header, "header");
  const verified = path.transitions.slice(findFirst(path.transitions, validatorsHash));
  const pinnedAtMs =
    options.pinned === undefined
      ? genesis.timeMs
      : findPinned(crypto, [...verified, path.header], options.pinned);
  const { period } = options;
  if (period !== undefined && period.nowMs > pinnedAtMs + period.lengthMs)
    throw new LhgError("trust.expired", "is too old to begin from: pin a recent header", "pinned");
  return { header, path: { transitions: verified, header: path.header } };
}

/**
 * What stands before the first header of the genesis set was passed over unverified, and does not count: a true header put there would
 * vouch for a forged way.
 */
function findFirst(transitions: readonly CertifiedHeader[], validatorsHash: Uint8Array): number {
  const isOfGenesis = (each: CertifiedHeader): boolean =>
    equalBytes(decode(headerCodec, each.header, "header").validatorsHash, validatorsHash);
  const found = transitions.findIndex(isOfGenesis);
  return found < 0 ? transitions.length : found;
}

/** Time of the pinned header. What follows it in the path is signed by its validators or their successors. */
function findPinned(
  crypto: Crypto,
  verified: readonly CertifiedHeader[],
  pinned: NonNullable<TrustOptions["pinned"]>,
): number {
  for (const each of verified) {
    const named = decode(headerCodec, each.header, "header");
    if (named.height === pinned.height && equalBytes(hashHeader(crypto, named), pinned.hash))
      return named.timeMs;
  }
  throw new LhgError(
    "trust.pinned",
    `the path does not lead over the pinned header ${pinned.height}`,
    "pinned",
  );
}

/** Throws `cbor.*` and `value.*`, and `trust.oversize`. */
export function decodeTrustPath(encoded: Uint8Array): TrustPath {
  if (encoded.length > TRUST_BYTES_MAX)
    throw new LhgError("trust.oversize", `must be at most ${TRUST_BYTES_MAX} bytes`, "trust");
  return decode(trustPath, encoded, "trust");
}

export function encodeTrustPath(path: TrustPath): Uint8Array {
  return encode(trustPath, path, "trust");
}

/** Whether a header hands over to another set. */
export function isTransition(subject: Pick<CertifiedHeader, "engine" | "header">): boolean {
  const { validatorsHash, nextValidatorsHash } = readLightHeader(subject);
  return !equalBytes(validatorsHash, nextValidatorsHash);
}
