/**
 * Anchors: a partition's record, proven under the app hash of a certified header. Everything else that is
 * proven offline hangs on one.
 */
import { digest } from "../account.ts";
import { certificate, verifyCertificate } from "../block/certificate.ts";
import { type Header, hashHeader, header } from "../block/header.ts";
import { hashValidators, signatorySet } from "../block/validator-set.ts";
import { equalBytes, toHex } from "../bytes.ts";
import {
  array,
  bytes,
  type Codec,
  decode,
  type Infer,
  nullable,
  record,
  refine,
  uint,
} from "../codec/definition.ts";
import type { Crypto } from "../crypto.ts";
import { LhgError } from "../errors.ts";
import { type TrieProof, verifyTrieProof } from "../merkle/trie-proof.ts";
import { type PartitionRecord, partitionRecord } from "../state/versioned-state.ts";

export const ENGINE_DBFT = 1;
export const ENGINE_COMETBFT = 2;
/** Signatures of the term of the validators; constant until elections give terms. */
export const EPOCH = 0;

export const trieProof: Codec<TrieProof> = (() => {
  const wire = record(undefined, {
    depth: uint(256),
    bitmap: bytes({ max: 32 }),
    siblings: array(digest, { max: 256 }),
    terminal: nullable(record(undefined, { keyHash: digest, valueHash: digest })),
  });
  const toWire = (proof: TrieProof) => ({ ...proof, terminal: proof.terminal ?? null });
  const fromWire = (value: Infer<typeof wire>): TrieProof => ({
    ...value,
    terminal: value.terminal ?? undefined,
  });
  return {
    write: (writer, value) => wire.write(writer, toWire(value)),
    read: (reader) => fromWire(wire.read(reader)),
    toJson: (value) => wire.toJson(toWire(value)),
    fromJson: (json, path) => fromWire(wire.fromJson(json, path)),
    schema: wire.schema,
  };
})();

/** A header with what makes it final, the same from either engine. */
export const certifiedHeader = record(undefined, {
  engine: refine(uint(2), (engine) =>
    engine === ENGINE_DBFT ? undefined : { code: "header.engine", message: "is no engine known here" },
  ),
  header: bytes({ min: 1, max: 4096 }),
  certificate: bytes({ min: 1, max: 64 << 10 }),
  validators: signatorySet,
});
export type CertifiedHeader = Infer<typeof certifiedHeader>;

export const anchor = record(1, {
  partitionId: bytes({ min: 1, max: 64 }),
  partitionRecord: bytes({ min: 1, max: 256 }),
  appProof: trieProof,
  header: certifiedHeader,
  /** Headers at which the set of validators changed, from the pinned set to the header's, oldest first. */
  transitions: array(certifiedHeader, { max: 1024 }),
});
export type Anchor = Infer<typeof anchor>;

/** What a verifier holds for true beforehand. */
export interface Trust {
  readonly chainId: string;
  /** Hash of a validator set, of genesis or of any later checkpoint. */
  readonly validatorsHash: Uint8Array;
  /**
   * When the pinned set was known to be in force, for how long it is trusted, and what time it is: keys that leak
   * later sign any time they like, so the header's own does not count. undefined: no limit.
   */
  readonly period?: { readonly pinnedAtMs: number; readonly lengthMs: number; readonly nowMs: number };
}

export interface VerifiedHeader {
  readonly header: Header;
  readonly hash: Uint8Array;
  /** Whether the pinned set is still within its trust period. */
  readonly isWithinTrust: boolean;
}

/** Checks a header's own certificate by the validators it names. Throws `header.*` or `certificate.*`. */
export function verifyCertifiedHeader(
  crypto: Crypto,
  chainId: string,
  subject: CertifiedHeader,
): VerifiedHeader {
  const decoded = decode(header, subject.header, "header");
  if (decoded.chainId !== chainId)
    throw new LhgError("header.chain", `is of chain ${decoded.chainId}`, "header.chainId");
  if (!equalBytes(hashValidators(crypto, subject.validators), decoded.validatorsHash))
    throw new LhgError("header.validators", "the validators are not those the header names", "validators");
  const hash = hashHeader(crypto, decoded);
  verifyCertificate(
    crypto,
    { chainId, epoch: EPOCH, height: decoded.height },
    hash,
    decode(certificate, subject.certificate, "certificate"),
    subject.validators,
  );
  return { header: decoded, hash, isWithinTrust: true };
}

/**
 * Follows the changes of validators from the pinned set: a header signed by a trusted set makes the set that it
 * names as next trusted. Whoever pinned a later set than genesis is given the changes before it, too: they are passed
 * over. Throws `header.untrusted` when the last header's signers are not reached.
 */
export function verifyHeader(
  crypto: Crypto,
  trust: Trust,
  subject: Pick<Anchor, "header" | "transitions">,
): VerifiedHeader {
  let trusted = [toHex(trust.validatorsHash)];
  let previousHeight = -1;
  const headers = [...subject.transitions, subject.header];
  const isPinned = (hash: Uint8Array) => equalBytes(hash, trust.validatorsHash);
  const first = headers.findIndex((one) => isPinned(decode(header, one.header, "header").validatorsHash));
  for (const transition of headers.slice(Math.max(0, first))) {
    const named = decode(header, transition.header, "header");
    if (!trusted.includes(toHex(named.validatorsHash)))
      throw new LhgError(
        "header.untrusted",
        "is signed by validators that the pinned set does not lead to",
        "validators",
      );
    const verified = verifyCertifiedHeader(crypto, trust.chainId, transition);
    if (verified.header.height < previousHeight)
      throw new LhgError("header.order", "transitions must ascend", "transitions");
    previousHeight = verified.header.height;
    trusted = [toHex(verified.header.validatorsHash), toHex(verified.header.nextValidatorsHash)];
    if (transition === subject.header) return { ...verified, isWithinTrust: isWithinTrust(trust) };
  }
  throw new LhgError("header.untrusted", "there is no header", "header");
}

function isWithinTrust({ period }: Trust): boolean {
  return period === undefined || period.nowMs <= period.pinnedAtMs + period.lengthMs;
}

export interface VerifiedAnchor extends VerifiedHeader {
  readonly partitionId: Uint8Array;
  readonly partition: PartitionRecord;
}

/** An app hash of the past, with the present header that vouches for it. */
export interface ConfirmedAppHash {
  readonly appHash: Uint8Array;
  readonly vouchedBy: VerifiedHeader;
}

/**
 * Checks an anchor from the pinned validators down to the partition record. With a confirmed app hash its own header
 * and signatures do not count: they may be of keys that leaked since.
 */
export function verifyAnchor(
  crypto: Crypto,
  trust: Trust,
  subject: Anchor,
  confirmed?: ConfirmedAppHash,
): VerifiedAnchor {
  const verified = confirmed?.vouchedBy ?? verifyHeader(crypto, trust, subject);
  const appHash = confirmed?.appHash ?? verified.header.appHash;
  const keyHash = crypto.sha256(subject.partitionId);
  const verdict = verifyTrieProof(crypto, appHash, keyHash, subject.appProof);
  if (
    verdict === undefined ||
    !verdict.present ||
    !equalBytes(verdict.valueHash, crypto.sha256(subject.partitionRecord))
  )
    throw new LhgError("anchor.partition", "the partition record is not under the app hash", "appProof");
  return {
    ...verified,
    partitionId: subject.partitionId,
    partition: decode(partitionRecord, subject.partitionRecord, "partitionRecord"),
  };
}
