/** Chains in memory as CometBFT decides them: real headers, real votes, and commits that every node has seen in its own way. */
import {
  type CometCommit,
  cometVoteSignBytes,
  encodeCometCommit,
  FLAG_ABSENT,
  FLAG_COMMIT,
  hashCometCommit,
  ZERO_TIME,
} from "@lhg/protocol/core/block/comet-commit";
import {
  type CometBlockId,
  type CometHeader,
  type CometTime,
  encodeCometHeader,
  hashCometHeader,
} from "@lhg/protocol/core/block/comet-header";
import { type ValidatorSet, validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { encodeUtf8, equalBytes } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import type { Submission } from "@lhg/protocol/core/statement/submission";
import { LedgerApplication } from "../../application/application.ts";
import type { CommitSummary, StatementInput } from "../../application/port.ts";
import { createSender, GENESIS_MS, prepareInputs, type TestChain } from "../../application/testing.ts";
import { createNativeSigner, sodiumCrypto } from "../../crypto/sodium.ts";
import { createDevChain, type DevChain } from "../../dev-chain.ts";
import { indexBlock } from "../../queries/indexes.ts";
import { createMemoryStore } from "../../store/memory-store.ts";
import type { Store } from "../../store/store.ts";
import { toLedgerBlock } from "./comet-block.ts";

export interface DecidedBlock {
  readonly height: number;
  readonly header: CometHeader;
  readonly hash: Uint8Array;
  readonly timeMs: number;
  readonly statements: readonly StatementInput[];
  readonly validators: ValidatorSet;
  /** The one that the next header names. */
  readonly commit: CometCommit;
  /** What a node saw before there was a next header: the vote of the validator at this place came late. */
  readonly seenWithout: (place: number) => CometCommit;
}

export interface CometTestChain {
  readonly dev: DevChain;
  /** Executes every block, and certifies it as node 1. */
  readonly application: LedgerApplication;
  readonly blocks: readonly DecidedBlock[];
  readonly transaction: TestChain["transaction"];
  /** Decides a block of these submissions. */
  commit(submissions?: readonly Submission[], timeMs?: number): Promise<CommitSummary>;
}

const filled = (name: string): Uint8Array => sodiumCrypto.sha256(encodeUtf8(name));

function toCometTime(timeMs: number): CometTime {
  return { seconds: BigInt(Math.floor(timeMs / 1_000)), nanos: (timeMs % 1_000) * 1_000_000 };
}

export function openCometApplication(dev: DevChain, store: Store): Promise<LedgerApplication> {
  return LedgerApplication.open(sodiumCrypto, store, dev.genesis, indexBlock, ENGINE_COMETBFT);
}

export async function openCometTestChain(
  options: { readonly dev?: DevChain; readonly isShared?: (height: number) => boolean } = {},
): Promise<CometTestChain> {
  const dev = options.dev ?? createDevChain(GENESIS_MS);
  const application = await openCometApplication(dev, createMemoryStore());
  const blocks: DecidedBlock[] = [];
  return {
    dev,
    application,
    blocks,
    transaction: createSender(application),
    async commit(submissions = [], timeMs) {
      const block = decide(dev, application, blocks.at(-1), prepareInputs(submissions), timeMs);
      blocks.push(block);
      const summary = await commitDecided(application, block);
      await certifyDecided(application, blocks, { node: 1, ...options });
      return summary;
    },
  };
}

function decide(
  dev: DevChain,
  application: LedgerApplication,
  before: DecidedBlock | undefined,
  statements: readonly StatementInput[],
  // The first block has the time of genesis.
  timeMs = before === undefined ? dev.genesis.timeMs : before.timeMs + 1_000,
): DecidedBlock {
  const { base, validators, head } = application.tip;
  const none = new Uint8Array(0);
  const blockIdOf = (hash: Uint8Array): CometBlockId => ({
    hash,
    partSetHeader: hash.length === 0 ? { total: 0, hash } : { total: 1, hash: filled("parts") },
  });
  const header: CometHeader = {
    version: { block: 11n, app: 1n },
    chainId: base.chainId,
    height: BigInt(base.height),
    time: toCometTime(timeMs),
    lastBlockId: blockIdOf(before?.hash ?? none),
    lastCommitHash: hashCometCommit(sodiumCrypto, before?.commit ?? { signatures: [] }),
    dataHash: filled(`data ${base.height}`),
    validatorsHash: base.validatorsHash,
    nextValidatorsHash: base.nextValidatorsHash,
    consensusHash: filled("parameters"),
    appHash: head.appHash,
    lastResultsHash: filled("results"),
    evidenceHash: filled("evidence"),
    proposerAddress: validatorAddress(sodiumCrypto, validators[0]!.consensusKey),
  };
  const hash = hashCometHeader(sodiumCrypto, header);
  const place = { chainId: base.chainId, height: header.height, blockId: blockIdOf(hash), timeMs };
  return {
    height: base.height,
    header,
    hash,
    timeMs,
    statements,
    validators,
    commit: signCommit(dev, place, validators, 0),
    seenWithout: (absent) => signCommit(dev, place, validators, absent),
  };
}

function signCommit(
  { consensusKeys }: DevChain,
  place: {
    readonly chainId: string;
    readonly height: bigint;
    readonly blockId: CometBlockId;
    readonly timeMs: number;
  },
  validators: ValidatorSet,
  absent: number,
): CometCommit {
  const { chainId, height, blockId, timeMs } = place;
  const none = new Uint8Array(0);
  const unsigned: CometCommit = {
    height,
    round: 0,
    blockId,
    signatures: validators.map(({ consensusKey }, i) =>
      i === absent
        ? { blockIdFlag: FLAG_ABSENT, validatorAddress: none, timestamp: ZERO_TIME, signature: none }
        : {
            blockIdFlag: FLAG_COMMIT,
            validatorAddress: validatorAddress(sodiumCrypto, consensusKey),
            timestamp: toCometTime(timeMs + 1 + i),
            signature: new Uint8Array(64),
          },
    ),
  };
  const signatures = unsigned.signatures.map((entry, i) => {
    if (i === absent) return entry;
    const key = consensusKeys.find(({ publicKey }) => equalBytes(publicKey, validators[i]!.consensusKey))!;
    return { ...entry, signature: createNativeSigner(key).sign(cometVoteSignBytes(chainId, unsigned, i)) };
  });
  return { ...unsigned, signatures };
}

/** Executes and commits a block that another application decided. */
export async function commitDecided(
  application: LedgerApplication,
  { height, hash, timeMs, statements, header }: DecidedBlock,
): Promise<CommitSummary> {
  const block = { height, hash, timeMs, txs: [], proposerAddress: header.proposerAddress, misbehaviours: [] };
  application.execute(toLedgerBlock(sodiumCrypto, application.tip, block, statements));
  return application.commit(hash, null);
}

/** Certifies what is not certified yet, as `followCertificates` does it on a node of this number. */
export async function certifyDecided(
  application: LedgerApplication,
  blocks: readonly DecidedBlock[],
  {
    node,
    isShared = () => false,
  }: { readonly node: number; readonly isShared?: (height: number) => boolean },
): Promise<void> {
  const certify = (height: number, commit: CometCommit): Promise<void> =>
    application.certify(
      encodeCometHeader(blocks[height - 1]!.header),
      encodeCometCommit(commit),
      isShared(height - 1),
    );
  while (application.certifiedHeight < application.head.height) {
    const height = application.certifiedHeight + 1;
    const seen = blocks[height - 1]!.seenWithout(node);
    try {
      await certify(height, seen);
    } catch (error) {
      if (!(error instanceof LhgError) || error.code !== "certificate.parent") throw error;
      await certify(height - 1, blocks[height - 2]!.commit);
      await certify(height, seen);
    }
  }
}
