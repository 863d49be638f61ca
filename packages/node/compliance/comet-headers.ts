/** Headers and commits as CometBFT's validators would make them: the keys of all of them are here. */
import {
  type CometCommit,
  type CometSignature,
  cometVoteSignBytes,
  decodeCometCommit,
  encodeCometCommit,
  FLAG_ABSENT,
  FLAG_COMMIT,
  hashCometCommit,
  ZERO_TIME,
} from "@lhg/protocol/core/block/comet-commit";
import {
  type CometHeader,
  type CometTime,
  encodeCometHeader,
  hashCometHeader,
} from "@lhg/protocol/core/block/comet-header";
import { hashValidators, type Signatory, validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { ZERO32 } from "@lhg/protocol/core/bytes";
import { createNativeSigner, sodiumCrypto } from "../src/crypto/sodium.ts";
import type { World } from "./world.ts";

export interface HeaderPlan {
  readonly chainId: string;
  readonly height: number;
  readonly timeMs: number;
  /** Hash of the block before, and its commit, encoded; undefined before the first. */
  readonly last: { readonly hash: Uint8Array; readonly commit: Uint8Array } | undefined;
  readonly appHash: Uint8Array;
  readonly txs: readonly Uint8Array[];
  /** Of this height, in CometBFT's order. */
  readonly validators: readonly Signatory[];
  /** Of the set of the next height. */
  readonly nextValidatorsHash: Uint8Array;
  readonly proposerAddress: Uint8Array;
  /** Tells blocks of one height apart that are else the same. */
  readonly round: number;
}

export interface MadeHeader {
  readonly header: CometHeader;
  readonly encoded: Uint8Array;
  readonly hash: Uint8Array;
}

export function toCometTime(timeMs: number): CometTime {
  const seconds = Math.floor(timeMs / 1_000);
  return { seconds: BigInt(seconds), nanos: (timeMs - seconds * 1_000) * 1_000_000 };
}

/** Hashes of what LHG does not look at are hashes of something. */
export function makeCometHeader(plan: HeaderPlan): MadeHeader {
  const hashOf = (...parts: readonly Uint8Array[]): Uint8Array => sodiumCrypto.sha256(Buffer.concat(parts));
  const { last } = plan;
  const header: CometHeader = {
    version: { block: 11n, app: 1n },
    chainId: plan.chainId,
    height: BigInt(plan.height),
    time: toCometTime(plan.timeMs),
    lastBlockId: makeBlockId(last?.hash ?? new Uint8Array(0)),
    lastCommitHash: hashCometCommit(
      sodiumCrypto,
      last === undefined ? { signatures: [] } : decodeCometCommit(last.commit),
    ),
    dataHash: hashOf(...plan.txs.map((tx) => hashOf(tx))),
    validatorsHash: hashValidators(sodiumCrypto, plan.validators),
    nextValidatorsHash: plan.nextValidatorsHash,
    consensusHash: ZERO32,
    appHash: plan.appHash,
    lastResultsHash: hashOf(Uint8Array.of(plan.round)),
    evidenceHash: ZERO32,
    proposerAddress: plan.proposerAddress,
  };
  return { header, encoded: encodeCometHeader(header), hash: hashCometHeader(sodiumCrypto, header) };
}

function makeBlockId(hash: Uint8Array): CometCommit["blockId"] {
  return hash.length === 0
    ? { hash, partSetHeader: { total: 0, hash } }
    : { hash, partSetHeader: { total: 1, hash: sodiumCrypto.sha256(hash) } };
}

export interface CommitPlan {
  readonly header: MadeHeader;
  readonly round: number;
  readonly validators: readonly Signatory[];
  /** Places in the set that no vote came from. */
  readonly absent?: ReadonlySet<number>;
}

/** Encoded. */
export function makeCometCommit(world: World, plan: CommitPlan): Uint8Array {
  const { header, round, validators, absent = new Set() } = plan;
  const timestamp = header.header.time;
  const unsigned: CometCommit = {
    height: header.header.height,
    round,
    blockId: makeBlockId(header.hash),
    signatures: validators.map(
      ({ consensusKey }, i): CometSignature =>
        absent.has(i)
          ? {
              blockIdFlag: FLAG_ABSENT,
              validatorAddress: new Uint8Array(0),
              timestamp: ZERO_TIME,
              signature: new Uint8Array(0),
            }
          : {
              blockIdFlag: FLAG_COMMIT,
              validatorAddress: validatorAddress(sodiumCrypto, consensusKey),
              timestamp,
              signature: new Uint8Array(64),
            },
    ),
  };
  const signatures = unsigned.signatures.map((entry, i) =>
    entry.blockIdFlag === FLAG_ABSENT
      ? entry
      : {
          ...entry,
          signature: createNativeSigner(world.keyOf(validators[i]!.consensusKey)).sign(
            cometVoteSignBytes(header.header.chainId, unsigned, i),
          ),
        },
  );
  return encodeCometCommit({ ...unsigned, signatures });
}
