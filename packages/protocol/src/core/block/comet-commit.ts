/** CometBFT's commit (v0.38 and v0.39): `tendermint.types.Commit` as protobuf, what its votes sign, and when it makes a block final. */
import { concatBytes, encodeUtf8, equalBytes } from "../bytes.ts";
import {
  bytesField,
  INT32_MAX,
  lengthPrefixed,
  messageField,
  ProtobufReader,
  sfixed64Field,
  varintField,
} from "../codec/protobuf.ts";
import type { Hasher, Verifier } from "../crypto.ts";
import { LhgError } from "../errors.ts";
import { hashLeaf, logRoot } from "../merkle/log.ts";
import {
  type CometBlockId,
  type CometTime,
  encodeCometBlockId,
  encodeCometTime,
  readCometBlockId,
  readCometTime,
  SECONDS_MIN,
} from "./comet-header.ts";
import { type Signatory, totalPower, VALIDATORS_MAX, validatorAddress } from "./validator-set.ts";

/** `BlockIDFlag`: no vote came in; a vote for the block; a vote for no block in this round. */
export const FLAG_ABSENT = 1;
export const FLAG_COMMIT = 2;
export const FLAG_NIL = 3;
export type BlockIdFlag = typeof FLAG_ABSENT | typeof FLAG_COMMIT | typeof FLAG_NIL;

/** A validator's vote, at its place in the set of the height. */
export interface CometSignature {
  readonly blockIdFlag: BlockIdFlag;
  /** 20 bytes; none where absent. */
  readonly validatorAddress: Uint8Array;
  /** `ZERO_TIME` where absent. */
  readonly timestamp: CometTime;
  /** 64 bytes; none where absent. */
  readonly signature: Uint8Array;
}

export interface CometCommit {
  /** From 1 on. */
  readonly height: bigint;
  /** int32, from 0 on. */
  readonly round: number;
  readonly blockId: CometBlockId;
  /** One for each validator of the height, in the order of the set. */
  readonly signatures: readonly CometSignature[];
}

/** Go's zero time, 0001-01-01: the timestamp of a vote that is absent. */
export const ZERO_TIME: CometTime = { seconds: SECONDS_MIN, nanos: 0 };

/** `SignedMsgType` of the votes in a commit. */
const PRECOMMIT = 2n;
const ADDRESS_BYTES = 20;
const SIGNATURE_BYTES = 64;

export function encodeCometCommit({ height, round, blockId, signatures }: CometCommit): Uint8Array {
  return concatBytes(
    varintField(1, height),
    varintField(2, BigInt(round)),
    messageField(3, encodeCometBlockId(blockId)),
    ...signatures.map((each) => messageField(4, encodeSignature(each))),
  );
}

function encodeSignature(entry: CometSignature): Uint8Array {
  return concatBytes(
    varintField(1, BigInt(entry.blockIdFlag)),
    bytesField(2, entry.validatorAddress),
    messageField(3, encodeCometTime(entry.timestamp)),
    bytesField(4, entry.signature),
  );
}

/**
 * Keeps the bounds of CometBFT's `Commit.ValidateBasic`. Throws `comet.*` naming the field by its name in CometBFT's definition, below
 * `field`.
 */
export function decodeCometCommit(bytes: Uint8Array, field = "certificate"): CometCommit {
  const reader = new ProtobufReader(bytes, "comet", field);
  const height = reader.readInt64(1, "height");
  if (height < 1n) reader.fail("range", "must be at least 1", "height");
  const round = Number(reader.readUint(2, "round", { max: INT32_MAX }));
  const blockId = readCometBlockId(reader.readMessage(3, "block_id"));
  if (blockId.hash.length === 0) reader.fail("missing", "must name a block", "block_id.hash");
  const signatures: CometSignature[] = [];
  for (const each of reader.readMessages(4, "signatures", { min: 1, max: VALIDATORS_MAX }))
    signatures.push(readSignature(each));
  reader.finish();
  return { height, round, blockId, signatures };
}

function readSignature(reader: ProtobufReader): CometSignature {
  const range = { min: BigInt(FLAG_ABSENT), max: BigInt(FLAG_NIL) };
  const blockIdFlag = Number(reader.readUint(1, "block_id_flag", range)) as BlockIdFlag;
  const exactly = (length: number) => {
    const expected = blockIdFlag === FLAG_ABSENT ? 0 : length;
    return { min: expected, max: expected };
  };
  const validatorAddress = reader.readBytes(2, "validator_address", exactly(ADDRESS_BYTES));
  const timestamp = readCometTime(reader.readMessage(3, "timestamp"));
  if (blockIdFlag === FLAG_ABSENT && (timestamp.seconds !== SECONDS_MIN || timestamp.nanos !== 0))
    reader.fail("range", "must be Go's zero time in an absent vote", "timestamp");
  const signature = reader.readBytes(4, "signature", exactly(SIGNATURE_BYTES));
  reader.finish();
  return { blockIdFlag, validatorAddress, timestamp, signature };
}

/**
 * What the validator at `index` signed: CometBFT's `Commit.VoteSignBytes`, a `CanonicalVote` with its length before it. Only a vote for
 * the block names it; the time is each validator's own.
 */
export function cometVoteSignBytes(chainId: string, commit: CometCommit, index: number): Uint8Array {
  const { blockIdFlag, timestamp } = commit.signatures[index]!;
  const blockId =
    blockIdFlag === FLAG_COMMIT ? messageField(4, encodeCometBlockId(commit.blockId)) : new Uint8Array(0);
  return lengthPrefixed(
    concatBytes(
      varintField(1, PRECOMMIT),
      sfixed64Field(2, commit.height),
      sfixed64Field(3, BigInt(commit.round)),
      blockId,
      messageField(5, encodeCometTime(timestamp)),
      bytesField(6, encodeUtf8(chainId)),
    ),
  );
}

/**
 * CometBFT's `Commit.Hash`: the RFC 6962 root over its signatures. The next header has that of one commit as `lastCommitHash`: of all that a
 * node may have seen, this one is the same everywhere.
 */
export function hashCometCommit(
  hasher: Pick<Hasher, "sha256">,
  { signatures }: Pick<CometCommit, "signatures">,
): Uint8Array {
  return logRoot(
    hasher,
    signatures.map((each) => hashLeaf(hasher, encodeSignature(each))),
  );
}

/** Positions of those who voted for the block, ascending. */
export function cometSigners({ signatures }: CometCommit): number[] {
  return [...signatures.keys()].filter((index) => signatures[index]!.blockIdFlag === FLAG_COMMIT);
}

/** The chain and the height that a commit must be of. */
export interface CometScope {
  readonly chainId: string;
  readonly height: bigint;
}

/**
 * Checks as CometBFT's `VerifyCommit` does that a commit makes the block final: it is of this height and block, has a place for each
 * validator with its address, over 2/3 of the power voted for the block, and every signature holds, those of votes for no block
 * too, though these count for nothing. Signatures are judged by ZIP-215, being what CometBFT's validators agree by. Throws
 * `certificate.height`, `certificate.block`, `certificate.count`, `certificate.unknown-validator`, `certificate.quorum` or
 * `certificate.signature`.
 */
export function verifyCometCommit(
  verifier: Pick<Hasher, "sha256"> & Pick<Verifier, "verifyZip215">,
  { chainId, height }: CometScope,
  blockHash: Uint8Array,
  commit: CometCommit,
  validators: readonly Signatory[],
): void {
  if (commit.height !== height) fail("certificate.height", `must be of height ${height}`, "height");
  if (!equalBytes(commit.blockId.hash, blockHash))
    fail("certificate.block", "is of another block", "block_id.hash");
  const { signatures } = commit;
  if (signatures.length !== validators.length)
    fail("certificate.count", `must have ${validators.length} votes, one for each validator`, "signatures");
  const cast = [...signatures.keys()].filter((index) => signatures[index]!.blockIdFlag !== FLAG_ABSENT);
  for (const index of cast) {
    const address = validatorAddress(verifier, validators[index]!.consensusKey);
    if (!equalBytes(signatures[index]!.validatorAddress, address))
      fail(
        "certificate.unknown-validator",
        "is not the validator at this place of the set",
        `signatures[${index}].validator_address`,
      );
  }
  const signed = totalPower(cometSigners(commit).map((index) => validators[index]!));
  if (3n * signed <= 2n * totalPower(validators))
    fail("certificate.quorum", "must hold over 2/3 of the power", "signatures");
  for (const index of cast) {
    const isValid = verifier.verifyZip215({
      publicKey: validators[index]!.consensusKey,
      message: cometVoteSignBytes(chainId, commit, index),
      signature: signatures[index]!.signature,
    });
    if (!isValid) fail("certificate.signature", "is not the validator's", `signatures[${index}].signature`);
  }
}

function fail(code: string, message: string, field: string): never {
  throw new LhgError(code, message, `certificate.${field}`);
}

/**
 * Whether those of `known` who voted for the commit's block, at whatever place among `validators`, hold over 1/3 of the power of
 * `known`: then at least one of them is honest, as long as fewer than a third of `known` are not. Checks no signature.
 */
export function hasThirdOf(
  known: readonly Signatory[],
  commit: CometCommit,
  validators: readonly Signatory[],
): boolean {
  const keys = cometSigners(commit).flatMap((index) => validators[index]?.consensusKey ?? []);
  const signed = known.filter(({ consensusKey }) => keys.some((key) => equalBytes(key, consensusKey)));
  return 3n * totalPower(signed) > totalPower(known);
}
