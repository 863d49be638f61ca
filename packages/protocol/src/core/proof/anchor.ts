/**
 * Anchors: a partition's record, proven under the app hash of a certified header. Everything else that is
 * proven offline hangs on one.
 */
import { digest } from "../account.ts";
import { certificate, verifyCertificate } from "../block/certificate.ts";
import { decodeCometCommit, hasThirdOf, verifyCometCommit } from "../block/comet-commit.ts";
import { compareCometTimes, decodeCometHeader, hashCometHeader, timeMsOf } from "../block/comet-header.ts";
import { hashHeader, header } from "../block/header.ts";
import { hashValidators, signatorySet } from "../block/validator-set.ts";
import { equalBytes } from "../bytes.ts";
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

/**
 * A header with what makes it final. Of dBFT: a `header` and a `certificate` of `core/block`. Of CometBFT: its header and its commit as
 * protobuf (comet-header.ts, comet-commit.ts). Validators stand in the order of the set's hash.
 */
export const certifiedHeader = record(undefined, {
  engine: refine(uint(2), (engine) =>
    engine === ENGINE_DBFT || engine === ENGINE_COMETBFT
      ? undefined
      : { code: "header.engine", message: "is no engine known here" },
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
   * later sign any time they like, so the header's own does not count. It counts for skipping from a header to later ones
   * (`verifyHeader`), once the way from the pinned set to it is taken for true. undefined: no limit.
   */
  readonly period?: { readonly pinnedAtMs: number; readonly lengthMs: number; readonly nowMs: number };
}

/** What headers of either engine say. `appHash` is that of the state before the block. */
export interface LightHeader {
  readonly chainId: string;
  readonly height: number;
  /** Since 1970; CometBFT's nanoseconds are rounded down. */
  readonly timeMs: number;
  readonly appHash: Uint8Array;
  /** Of those who sign this block, and of those who sign the next. */
  readonly validatorsHash: Uint8Array;
  readonly nextValidatorsHash: Uint8Array;
}

export interface VerifiedHeader {
  readonly header: LightHeader;
  readonly hash: Uint8Array;
  /** Whether the pinned set is still within its trust period. */
  readonly isWithinTrust: boolean;
}

/** What a header says, without a check of who signed it. Throws `cbor.*` or `value.*` (dBFT), or `comet.*`. */
export function readLightHeader(subject: Pick<CertifiedHeader, "engine" | "header">): LightHeader {
  if (subject.engine === ENGINE_COMETBFT) {
    const { height, ...named } = decodeCometHeader(subject.header);
    if (height > BigInt(Number.MAX_SAFE_INTEGER))
      throw new LhgError("comet.range", "must be at most 2^53 - 1", "header.height");
    const { chainId, appHash, validatorsHash, nextValidatorsHash } = named;
    const timeMs = timeMsOf(named);
    return { chainId, height: Number(height), timeMs, appHash, validatorsHash, nextValidatorsHash };
  }
  const named = decode(header, subject.header, "header");
  const { chainId, height, timeMs, appHash, validatorsHash, nextValidatorsHash } = named;
  return { chainId, height, timeMs, appHash, validatorsHash, nextValidatorsHash };
}

/**
 * Checks a header's own certificate by the validators it names; whether these are the chain's is for `verifyHeader` to say. Throws
 * `header.*` or `certificate.*`, and what decoding throws: `cbor.*` and `value.*`, or `comet.*`.
 */
export function verifyCertifiedHeader(
  crypto: Crypto,
  chainId: string,
  subject: CertifiedHeader,
): VerifiedHeader {
  const named = readLightHeader(subject);
  if (named.chainId !== chainId)
    throw new LhgError("header.chain", `is of chain ${named.chainId}`, "header.chainId");
  if (!equalBytes(hashValidators(crypto, subject.validators), named.validatorsHash))
    throw new LhgError("header.validators", "the validators are not those the header names", "validators");
  const verifyFinality = subject.engine === ENGINE_COMETBFT ? verifyComet : verifyDbft;
  return { header: named, hash: verifyFinality(crypto, chainId, subject), isWithinTrust: true };
}

/** Verifies the certificate and returns the hash of the header. */
function verifyDbft(crypto: Crypto, chainId: string, subject: CertifiedHeader): Uint8Array {
  const decoded = decode(header, subject.header, "header");
  const hash = hashHeader(crypto, decoded);
  verifyCertificate(
    crypto,
    { chainId, epoch: EPOCH, height: decoded.height },
    hash,
    decode(certificate, subject.certificate, "certificate"),
    subject.validators,
  );
  return hash;
}

function verifyComet(crypto: Crypto, chainId: string, subject: CertifiedHeader): Uint8Array {
  const decoded = decodeCometHeader(subject.header);
  const hash = hashCometHeader(crypto, decoded);
  const commit = decodeCometCommit(subject.certificate);
  verifyCometCommit(crypto, { chainId, height: decoded.height }, hash, commit, subject.validators);
  return hash;
}

/** A header that was reached and verified. */
interface Step {
  readonly subject: CertifiedHeader;
  readonly header: LightHeader;
  readonly hash: Uint8Array;
}

/**
 * Follows the changes of validators from the pinned set. Whoever pinned a later set than genesis is given the changes before it, too:
 * they are passed over. Each header must hold by itself (`verifyCertifiedHeader`), and be reached from the one before it:
 * - by name: its validators are those of the header before it, or those that this one names as next. This takes on trust that the sets
 *   on the way were honest while they were in force. Of CometBFT's headers, the very next height must be signed by the next set.
 * - by skipping, CometBFT's alone, over heights between: over 1/3 of the power of the header before signed it, too. This takes on trust
 *   that less than a third of that set turns traitor until the trust period is over, counted from that header's own time; so
 *   where `trust.period` is there, it must not be over. The pinned set is only known by its hash: the first header is
 *   reached by name.
 *
 * Throws `header.engine` for headers of two engines, `header.untrusted` where the signers are not reached, `header.expired` where they
 * would have been within the trust period, `header.order`, and what `verifyCertifiedHeader` throws.
 */
export function verifyHeader(
  crypto: Crypto,
  trust: Trust,
  subject: Pick<Anchor, "header" | "transitions">,
): VerifiedHeader {
  const headers = [...subject.transitions, subject.header];
  if (headers.some(({ engine }) => engine !== subject.header.engine))
    throw new LhgError("header.engine", "must be of the same engine as the header", "transitions");
  const isPinned = (one: CertifiedHeader) =>
    equalBytes(readLightHeader(one).validatorsHash, trust.validatorsHash);
  let before: Step | undefined;
  for (const each of headers.slice(Math.max(0, headers.findIndex(isPinned)))) {
    const named = readLightHeader(each);
    if (!isReachedByName(trust, before, each.engine, named)) checkSkip(trust, before, each, named);
    const verified = verifyCertifiedHeader(crypto, trust.chainId, each);
    const step = { subject: each, header: verified.header, hash: verified.hash };
    if (before !== undefined) checkOrder(before, step);
    if (each === subject.header) return { ...verified, isWithinTrust: isWithinTrust(trust) };
    before = step;
  }
  throw new LhgError("header.untrusted", "there is no header", "header");
}

function isReachedByName(
  trust: Trust,
  before: Step | undefined,
  engine: number,
  named: LightHeader,
): boolean {
  if (before === undefined) return equalBytes(named.validatorsHash, trust.validatorsHash);
  const { height, validatorsHash, nextValidatorsHash } = before.header;
  if (equalBytes(named.validatorsHash, nextValidatorsHash)) return true;
  if (engine === ENGINE_COMETBFT && named.height === height + 1) return false;
  return equalBytes(named.validatorsHash, validatorsHash);
}

/** By how much a validator's clock may be ahead of the verifier's: what CometBFT's light client allows. */
const CLOCK_DRIFT_MS = 10_000;

/** Checks who claims to have signed; the signatures themselves are for `verifyCertifiedHeader`. */
function checkSkip(
  { period }: Trust,
  before: Step | undefined,
  subject: CertifiedHeader,
  { height }: LightHeader,
): void {
  const isReached =
    subject.engine === ENGINE_COMETBFT &&
    before !== undefined &&
    height > before.header.height + 1 &&
    hasThirdOf(before.subject.validators, decodeCometCommit(subject.certificate), subject.validators);
  if (!isReached)
    throw new LhgError(
      "header.untrusted",
      "is signed by validators that the pinned set does not lead to",
      "validators",
    );
  if (period === undefined) return;
  const { timeMs } = before.header;
  // A header from the future would be trusted for longer than the period.
  if (period.nowMs > timeMs + period.lengthMs || timeMs >= period.nowMs + CLOCK_DRIFT_MS)
    throw new LhgError(
      "header.expired",
      `is reached over height ${before.header.height} alone, whose time is outside of the trust period`,
      "validators",
    );
}

function checkOrder(before: Step, next: Step): void {
  const rise = next.header.height - before.header.height;
  const isInOrder = next.subject.engine === ENGINE_COMETBFT ? isCometOrder(before, next, rise) : rise >= 0;
  if (!isInOrder) throw new LhgError("header.order", "transitions must ascend", "transitions");
}

/** Two headers of one height are one header, and time ascends with height. */
function isCometOrder(before: Step, next: Step, rise: number): boolean {
  if (rise === 0) return equalBytes(before.hash, next.hash);
  const timeOf = ({ subject }: Step) => decodeCometHeader(subject.header).time;
  return rise > 0 && compareCometTimes(timeOf(before), timeOf(next)) < 0;
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
