/**
 * CometBFT's block header (v0.38 and v0.39): `tendermint.types.Header` as protobuf, and its hash. What decodes encodes to the same bytes
 * again, and keeps the bounds of CometBFT's `Header.ValidateBasic`.
 */
import { concatBytes, encodeUtf8 } from "../bytes.ts";
import {
  bytesField,
  messageField,
  ProtobufReader,
  UINT32_MAX,
  UINT64_MAX,
  varintField,
} from "../codec/protobuf.ts";
import type { Hasher } from "../crypto.ts";
import { hashLeaf, logRoot } from "../merkle/log.ts";
import { CHAIN_ID_MAX } from "../statement/transaction.ts";

/** `google.protobuf.Timestamp`: seconds since 1970, which may be negative, and nanoseconds that count forward, 0 to 999,999,999. */
export interface CometTime {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** Of the block before the first, all of it is empty. */
export interface CometBlockId {
  /** 32 bytes, or none. */
  readonly hash: Uint8Array;
  readonly partSetHeader: {
    /** uint32 */
    readonly total: number;
    /** 32 bytes, or none. */
    readonly hash: Uint8Array;
  };
}

export interface CometHeader {
  readonly version: {
    /** The block format: 11 in v0.38 and v0.39. */
    readonly block: bigint;
    readonly app: bigint;
  };
  readonly chainId: string;
  /** From 1 on. */
  readonly height: bigint;
  readonly time: CometTime;
  readonly lastBlockId: CometBlockId;
  /** 32 bytes or none, as all hashes where nothing else is said. */
  readonly lastCommitHash: Uint8Array;
  readonly dataHash: Uint8Array;
  /** 32 bytes: `hashValidators` of the validators of this block. */
  readonly validatorsHash: Uint8Array;
  /** 32 bytes: of the validators of the next block. */
  readonly nextValidatorsHash: Uint8Array;
  readonly consensusHash: Uint8Array;
  /** Of the state before this block: what the application returned, at most 64 bytes. */
  readonly appHash: Uint8Array;
  readonly lastResultsHash: Uint8Array;
  readonly evidenceHash: Uint8Array;
  /** 20 bytes */
  readonly proposerAddress: Uint8Array;
}

const BLOCK_PROTOCOL = 11n;
const HASH_BYTES = 32;
const ADDRESS_BYTES = 20;
const APP_HASH_BYTES_MAX = 64;

/** 0001-01-01, which is Go's zero time, and 10000-01-01. */
export const SECONDS_MIN = -62_135_596_800n;
export const SECONDS_END = 253_402_300_800n;
const NANOS_MAX = 999_999_999n;

export function encodeCometTime({ seconds, nanos }: CometTime): Uint8Array {
  return concatBytes(varintField(1, seconds), varintField(2, BigInt(nanos)));
}

export function readCometTime(reader: ProtobufReader): CometTime {
  const seconds = reader.readInt64(1, "seconds");
  if (seconds < SECONDS_MIN || seconds >= SECONDS_END)
    reader.fail("range", "must lie in the years 1 to 9999", "seconds");
  const nanos = Number(reader.readUint(2, "nanos", { max: NANOS_MAX }));
  reader.finish();
  return { seconds, nanos };
}

/** `tendermint.types.BlockID`, and `CanonicalBlockID`, which has the same bytes. */
export function encodeCometBlockId({
  hash,
  partSetHeader: { total, hash: parts },
}: CometBlockId): Uint8Array {
  const partSetHeader = concatBytes(varintField(1, BigInt(total)), bytesField(2, parts));
  return concatBytes(bytesField(1, hash), messageField(2, partSetHeader));
}

export function readCometBlockId(reader: ProtobufReader): CometBlockId {
  const hash = readHash(reader, 1, "hash");
  const parts = reader.readMessage(2, "part_set_header");
  reader.finish();
  const total = Number(parts.readUint(1, "total", { max: UINT32_MAX }));
  const partsHash = readHash(parts, 2, "hash");
  parts.finish();
  return { hash, partSetHeader: { total, hash: partsHash } };
}

function readHash(reader: ProtobufReader, number: number, name: string): Uint8Array {
  const hash = reader.readBytes(number, name, { max: HASH_BYTES });
  if (hash.length !== 0 && hash.length !== HASH_BYTES)
    reader.fail("length", `must be ${HASH_BYTES} bytes or none`, name);
  return hash;
}

const WHOLE_HASH = { min: HASH_BYTES, max: HASH_BYTES };
const WHOLE_ADDRESS = { min: ADDRESS_BYTES, max: ADDRESS_BYTES };

function encodeVersion({ block, app }: CometHeader["version"]): Uint8Array {
  return concatBytes(varintField(1, block), varintField(2, app));
}

/** The header's fields from the sixth on, in their order: all of them byte strings. */
function hashesOf(header: CometHeader): readonly Uint8Array[] {
  return [
    header.lastCommitHash,
    header.dataHash,
    header.validatorsHash,
    header.nextValidatorsHash,
    header.consensusHash,
    header.appHash,
    header.lastResultsHash,
    header.evidenceHash,
    header.proposerAddress,
  ];
}
const FIRST_HASH_FIELD = 6;

export function encodeCometHeader(header: CometHeader): Uint8Array {
  return concatBytes(
    messageField(1, encodeVersion(header.version)),
    bytesField(2, encodeUtf8(header.chainId)),
    varintField(3, header.height),
    messageField(4, encodeCometTime(header.time)),
    messageField(5, encodeCometBlockId(header.lastBlockId)),
    ...hashesOf(header).map((hash, i) => bytesField(FIRST_HASH_FIELD + i, hash)),
  );
}

/** Throws `comet.*` naming the field by its name in CometBFT's definition, below `field`. */
export function decodeCometHeader(bytes: Uint8Array, field = "header"): CometHeader {
  const reader = new ProtobufReader(bytes, "comet", field);
  const header = {
    version: readVersion(reader.readMessage(1, "version")),
    chainId: reader.readText(2, "chain_id", { min: 1, max: CHAIN_ID_MAX }),
    height: reader.readInt64(3, "height"),
    time: readCometTime(reader.readMessage(4, "time")),
    lastBlockId: readCometBlockId(reader.readMessage(5, "last_block_id")),
    lastCommitHash: readHash(reader, 6, "last_commit_hash"),
    dataHash: readHash(reader, 7, "data_hash"),
    validatorsHash: reader.readBytes(8, "validators_hash", WHOLE_HASH),
    nextValidatorsHash: reader.readBytes(9, "next_validators_hash", WHOLE_HASH),
    consensusHash: readHash(reader, 10, "consensus_hash"),
    appHash: reader.readBytes(11, "app_hash", { max: APP_HASH_BYTES_MAX }),
    lastResultsHash: readHash(reader, 12, "last_results_hash"),
    evidenceHash: readHash(reader, 13, "evidence_hash"),
    proposerAddress: reader.readBytes(14, "proposer_address", WHOLE_ADDRESS),
  };
  if (header.height < 1n) reader.fail("range", "must be at least 1", "height");
  reader.finish();
  return header;
}

function readVersion(reader: ProtobufReader): CometHeader["version"] {
  const block = reader.readUint(1, "block", { min: BLOCK_PROTOCOL, max: BLOCK_PROTOCOL });
  const app = reader.readUint(2, "app", { max: UINT64_MAX });
  reader.finish();
  return { block, app };
}

/**
 * CometBFT's `Header.Hash`: the RFC 6962 root over the encodings of the fourteen fields in their order. A text, an integer and a byte
 * string stand as a message with that one field, nothing where empty.
 */
export function hashCometHeader(hasher: Pick<Hasher, "sha256">, header: CometHeader): Uint8Array {
  const fields = [
    encodeVersion(header.version),
    bytesField(1, encodeUtf8(header.chainId)),
    varintField(1, header.height),
    encodeCometTime(header.time),
    encodeCometBlockId(header.lastBlockId),
    ...hashesOf(header).map((hash) => bytesField(1, hash)),
  ];
  return logRoot(
    hasher,
    fields.map((encoded) => hashLeaf(hasher, encoded)),
  );
}

/** Milliseconds since 1970, rounded down. */
export function timeMsOf({ time }: Pick<CometHeader, "time">): number {
  return Number(time.seconds * 1000n + BigInt(time.nanos) / 1_000_000n);
}

/** Below zero where `a` is earlier, above where it is later. */
export function compareCometTimes(a: CometTime, b: CometTime): number {
  if (a.seconds !== b.seconds) return a.seconds < b.seconds ? -1 : 1;
  return a.nanos - b.nanos;
}
