/** What CometBFT's RPC answers, read with suspicion: 64-bit numbers are texts, hashes hexadecimal, keys and signatures base64. */
import type { BlockIdFlag, CometCommit } from "@lhg/protocol/core/block/comet-commit";
import type { CometBlockId, CometHeader, CometTime } from "@lhg/protocol/core/block/comet-header";
import { fromHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { ED25519_PUBLIC } from "./comet-genesis.ts";

export interface CometSignedHeader {
  readonly header: CometHeader;
  readonly commit: CometCommit;
  /** False for the newest block: its commit is the one that this node saw, and the next block may carry another. */
  readonly isCanonical: boolean;
}

export interface CometRpcValidator {
  readonly address: Uint8Array;
  readonly consensusKey: Uint8Array;
  readonly power: bigint;
  readonly proposerPriority: bigint;
}

export interface CometStatus {
  /** As `cometNodeId` has it. */
  readonly nodeId: string;
  readonly chainId: string;
  readonly version: string;
  readonly appVersion: bigint;
  /** 0: no block yet. */
  readonly height: bigint;
  readonly blockHash: Uint8Array;
  readonly appHash: Uint8Array;
  readonly time: CometTime;
  readonly earliestHeight: bigint;
  readonly isCatchingUp: boolean;
  readonly consensusKey: Uint8Array;
  readonly power: bigint;
}

/** What CheckTx said. Code 0: the mempool has it. */
export interface CometBroadcast {
  readonly code: number;
  readonly codespace: string;
  readonly log: string;
  readonly hash: Uint8Array;
}

export interface CometUnconfirmed {
  readonly count: number;
  readonly sizeBytes: bigint;
}

const TEXT_LENGTH_MAX = 10_000;
const SIGNATURES_MAX = 10_000;
const VALIDATORS_PER_PAGE_MAX = 100;
const INT64_MAX = (1n << 63n) - 1n;
const INT32_MAX = 2 ** 31 - 1;
const UINT32_MAX = 2 ** 32 - 1;

function malformed(path: string, problem: string): LhgError {
  return new LhgError("engine.rpc-malformed", problem, path);
}

/** A value and where in the answer it stands. */
export class Reader {
  readonly #value: unknown;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    this.#value = value;
    this.#path = path;
  }

  get isNull(): boolean {
    return this.#value === null || this.#value === undefined;
  }

  at(name: string): Reader {
    if (typeof this.#value !== "object" || this.#value === null || Array.isArray(this.#value))
      throw malformed(this.#path, "must be an object");
    const fields = this.#value as Readonly<Record<string, unknown>>;
    return new Reader(Object.hasOwn(fields, name) ? fields[name] : undefined, `${this.#path}.${name}`);
  }

  list(max: number): Reader[] {
    const value = this.#value;
    if (!Array.isArray(value) || value.length > max)
      throw malformed(this.#path, `must be a list of at most ${max}`);
    return value.map((entry, i) => new Reader(entry, `${this.#path}[${i}]`));
  }

  text(): string {
    if (typeof this.#value !== "string" || this.#value.length > TEXT_LENGTH_MAX)
      throw malformed(this.#path, `must be a text of at most ${TEXT_LENGTH_MAX} characters`);
    return this.#value;
  }

  flag(): boolean {
    if (typeof this.#value !== "boolean") throw malformed(this.#path, "must be true or false");
    return this.#value;
  }

  /** A JSON number. */
  whole(max: number, min = 0): number {
    const value = this.#value;
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
      throw malformed(this.#path, `must be a whole number from ${min} to ${max}`);
    return value as number;
  }

  /** A text of digits. What is left out is 0, as Go leaves it out. */
  int64(min = 0n): bigint {
    if (this.#value === undefined) return 0n;
    const value = this.#value;
    if (typeof value === "string" && /^-?[0-9]{1,19}$/.test(value)) {
      const number = BigInt(value);
      if (number >= min && number <= INT64_MAX) return number;
    }
    throw malformed(this.#path, `must be a text with a whole number from ${min}`);
  }

  /** `sizes`: how many bytes it may have. */
  hex(...sizes: readonly number[]): Uint8Array {
    const value = this.#value;
    if (typeof value === "string" && sizes.includes(value.length / 2) && /^[0-9a-fA-F]*$/.test(value))
      return fromHex(value, this.#path);
    throw malformed(this.#path, `must be ${sizes.join(" or ")} bytes in hexadecimal`);
  }

  /** Null is empty, as Go has it. */
  base64(...sizes: readonly number[]): Uint8Array {
    const value = this.#value ?? "";
    if (
      typeof value === "string" &&
      /^[A-Za-z0-9+/]*={0,2}$/.test(value) &&
      value.length <= TEXT_LENGTH_MAX
    ) {
      const bytes = Buffer.from(value, "base64");
      if (sizes.includes(bytes.length) && bytes.toString("base64") === value) return new Uint8Array(bytes);
    }
    throw malformed(this.#path, `must be ${sizes.join(" or ")} bytes in base64`);
  }

  /** RFC 3339 in UTC, as Go writes it, from the year 1 on. */
  time(): CometTime {
    const value = this.#value;
    const found =
      typeof value === "string" ? /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(value) : null;
    const milliseconds = Date.parse(`${found?.[1]}Z`);
    // A day that a month lacks would become one of the next.
    if (Number.isNaN(milliseconds) || new Date(milliseconds).toISOString() !== `${found?.[1]}.000Z`)
      throw malformed(this.#path, "must be a time in UTC");
    return { seconds: BigInt(milliseconds) / 1000n, nanos: Number((found?.[2] ?? "").padEnd(9, "0")) };
  }

  /** An Ed25519 key. */
  key(): Uint8Array {
    if (this.at("type").text() !== ED25519_PUBLIC)
      throw malformed(`${this.#path}.type`, `must be ${ED25519_PUBLIC}`);
    return this.at("value").base64(32);
  }
}

const HASH = 32;
const ADDRESS = 20;
const SIGNATURE = 64;
const APP_HASH_SIZES = Array.from({ length: 65 }, (_, size) => size);

function readBlockId(reader: Reader): CometBlockId {
  const parts = reader.at("parts");
  return {
    hash: reader.at("hash").hex(0, HASH),
    partSetHeader: { total: parts.at("total").whole(UINT32_MAX), hash: parts.at("hash").hex(0, HASH) },
  };
}

function readHeader(reader: Reader): CometHeader {
  const hash = (name: string): Uint8Array => reader.at(name).hex(0, HASH);
  return {
    version: {
      block: reader.at("version").at("block").int64(),
      app: reader.at("version").at("app").int64(),
    },
    chainId: reader.at("chain_id").text(),
    height: reader.at("height").int64(),
    time: reader.at("time").time(),
    lastBlockId: readBlockId(reader.at("last_block_id")),
    lastCommitHash: hash("last_commit_hash"),
    dataHash: hash("data_hash"),
    validatorsHash: hash("validators_hash"),
    nextValidatorsHash: hash("next_validators_hash"),
    consensusHash: hash("consensus_hash"),
    appHash: reader.at("app_hash").hex(...APP_HASH_SIZES),
    lastResultsHash: hash("last_results_hash"),
    evidenceHash: hash("evidence_hash"),
    proposerAddress: reader.at("proposer_address").hex(ADDRESS),
  };
}

function readCommit(reader: Reader): CometCommit {
  return {
    height: reader.at("height").int64(),
    round: reader.at("round").whole(INT32_MAX),
    blockId: readBlockId(reader.at("block_id")),
    signatures: reader
      .at("signatures")
      .list(SIGNATURES_MAX)
      .map((entry) => ({
        blockIdFlag: entry.at("block_id_flag").whole(3, 1) as BlockIdFlag,
        validatorAddress: entry.at("validator_address").hex(0, ADDRESS),
        timestamp: entry.at("timestamp").time(),
        signature: entry.at("signature").base64(0, SIGNATURE),
      })),
  };
}

export function readSignedHeader(reader: Reader): CometSignedHeader {
  const signed = reader.at("signed_header");
  return {
    header: readHeader(signed.at("header")),
    commit: readCommit(signed.at("commit")),
    isCanonical: reader.at("canonical").flag(),
  };
}

export function readStatus(reader: Reader): CometStatus {
  const [node, sync, own] = [reader.at("node_info"), reader.at("sync_info"), reader.at("validator_info")];
  return {
    nodeId: node.at("id").text(),
    chainId: node.at("network").text(),
    version: node.at("version").text(),
    appVersion: node.at("protocol_version").at("app").int64(),
    height: sync.at("latest_block_height").int64(),
    blockHash: sync.at("latest_block_hash").hex(0, HASH),
    appHash: sync.at("latest_app_hash").hex(...APP_HASH_SIZES),
    time: sync.at("latest_block_time").time(),
    earliestHeight: sync.at("earliest_block_height").int64(),
    isCatchingUp: sync.at("catching_up").flag(),
    consensusKey: own.at("pub_key").key(),
    power: own.at("voting_power").int64(),
  };
}

export function readBroadcast(reader: Reader): CometBroadcast {
  return {
    code: reader.at("code").whole(UINT32_MAX),
    codespace: reader.at("codespace").text(),
    log: reader.at("log").text(),
    hash: reader.at("hash").hex(HASH),
  };
}

export function readPeerCount(reader: Reader): number {
  return Number(reader.at("n_peers").int64());
}

export function readUnconfirmed(reader: Reader): CometUnconfirmed {
  return { count: Number(reader.at("total").int64()), sizeBytes: reader.at("total_bytes").int64() };
}

export interface ValidatorPage {
  readonly validators: readonly CometRpcValidator[];
  readonly total: number;
}

export function readValidatorPage(reader: Reader): ValidatorPage {
  return {
    total: Number(reader.at("total").int64()),
    validators: reader
      .at("validators")
      .list(VALIDATORS_PER_PAGE_MAX)
      .map((entry) => ({
        address: entry.at("address").hex(ADDRESS),
        consensusKey: entry.at("pub_key").key(),
        power: entry.at("voting_power").int64(),
        proposerPriority: entry.at("proposer_priority").int64(-INT64_MAX - 1n),
      })),
  };
}
