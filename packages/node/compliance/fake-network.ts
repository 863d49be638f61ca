/** The part of a CometBFT network that all its nodes agree on: proposals, decided blocks, validators, and what the application said of them. */
import { hashValidators, type Signatory, validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import type { Random } from "../simulation/random.ts";
import { MisbehaviorType } from "../src/consensus/comet/abci/generated/abci_pb.ts";
import type { RequestInit } from "../src/consensus/comet/abci/testing.ts";
import type { Finalized } from "../src/consensus/comet/comet-engine.ts";
import { sodiumCrypto } from "../src/crypto/sodium.ts";
import { type MadeHeader, makeCometCommit, makeCometHeader, toCometTime } from "./comet-headers.ts";
import { applyValidatorUpdates, sortMembers } from "./validator-rules.ts";
import { foundingValidators, type World } from "./world.ts";

export interface Proposal {
  readonly height: number;
  readonly round: number;
  readonly timeMs: number;
  readonly txs: readonly Uint8Array[];
  readonly misbehaviours: readonly FakeMisbehaviour[];
  readonly header: MadeHeader;
  readonly proposerAddress: Uint8Array;
  /** PrepareProposal made it, of some node. */
  readonly isOfApplication: boolean;
  /** What ProcessProposal said of it. */
  readonly verdicts: Set<boolean>;
}

export interface ProposalPlan {
  readonly round: number;
  readonly txs: readonly Uint8Array[];
  readonly misbehaviours: readonly FakeMisbehaviour[];
  readonly isOfApplication: boolean;
}

export interface FakeMisbehaviour {
  readonly type: number;
  readonly height: number;
  readonly address: Uint8Array;
}

export interface FakeNetwork {
  /** Of the last decided block; 0 before the first. */
  readonly height: number;
  readonly genesisRequest: RequestInit;
  validatorsAt(height: number): readonly Signatory[];
  decidedAt(height: number): Proposal;
  /** What Info must say at this height. */
  appHashAt(height: number): Uint8Array;
  propose(plan: ProposalPlan): Proposal;
  decide(proposal: Proposal): void;
  /** The first node to say it says it for all. Throws where another says something else, or what CometBFT would stop for. */
  noteAnswer(height: number, answer: Finalized): void;
  noteGenesis(appHash: Uint8Array): void;
  /** Header and commit, encoded. The commit of the newest block is what this node has seen of it, another one every time. */
  certify(height: number): { readonly header: Uint8Array; readonly commit: Uint8Array };
}

export function createFakeNetwork(world: World, random: Random): FakeNetwork {
  const { chainId, genesis } = world;
  const founding = foundingValidators(world).map(({ consensusKey, power }) => ({ consensusKey, power }));
  const decided: Proposal[] = [];
  /** Those that the next headers name; a node may have seen another one. */
  const commits: Uint8Array[] = [];
  const sets: (readonly Signatory[])[] = [[], founding, founding];
  const appHashes: Uint8Array[] = [];
  const answers: Finalized[] = [];
  const addressOf = ({ consensusKey }: Signatory): Uint8Array => validatorAddress(sodiumCrypto, consensusKey);
  let timeMs = genesis.timeMs;
  const signCommit = ({ header, round, height }: Proposal): Uint8Array => {
    const validators = sets[height]!;
    return makeCometCommit(world, { header, round, validators, absent: pickAbsent(random, validators) });
  };

  return {
    get height() {
      return decided.length;
    },
    genesisRequest: {
      case: "initChain",
      value: {
        chainId,
        time: toCometTime(genesis.timeMs),
        initialHeight: 1n,
        validators: sortMembers(founding).map(({ consensusKey, power }) => ({
          pubKey: { sum: { case: "ed25519" as const, value: consensusKey } },
          power,
        })),
      },
    },
    validatorsAt: (height) => sets[height]!,
    decidedAt: (height) => decided[height - 1]!,
    appHashAt: (height) => appHashes[height]!,
    propose(plan) {
      const { txs, round } = plan;
      const height = decided.length + 1;
      const proposerAddress = addressOf(random.pick(sets[height]!));
      // The first block bears the time of genesis; the others ascend, now and then by the least that is possible.
      const rise = random.chance(0.2) ? 1 : 1 + random.below(3_000);
      const proposedMs = height === 1 ? genesis.timeMs : timeMs + rise;
      const header = makeCometHeader({
        chainId,
        height,
        timeMs: proposedMs,
        last: height === 1 ? undefined : { hash: decided.at(-1)!.header.hash, commit: commits.at(-1)! },
        appHash: appHashes[height - 1]!,
        txs,
        validators: sets[height]!,
        nextValidatorsHash: hashValidators(sodiumCrypto, sets[height + 1]!),
        proposerAddress,
        round,
      });
      return { ...plan, height, timeMs: proposedMs, header, proposerAddress, verdicts: new Set() };
    },
    decide(proposal) {
      decided.push(proposal);
      commits.push(signCommit(proposal));
      timeMs = proposal.timeMs;
    },
    noteGenesis(appHash) {
      appHashes[0] ??= appHash;
      if (!equalBytes(appHashes[0], appHash)) throw new Error("InitChain answers another app hash");
    },
    noteAnswer(height, answer) {
      const known = answers[height];
      if (known !== undefined) return compareAnswers(height, known, answer);
      answers[height] = answer;
      appHashes[height] = answer.appHash;
      const { txs } = decided[height - 1]!;
      if (answer.txResults.length !== txs.length)
        throw new Error(`block ${height}: ${answer.txResults.length} results of ${txs.length} transactions`);
      sets[height + 2] = applyValidatorUpdates(sets[height + 1]!, answer.validatorUpdates);
    },
    certify(height) {
      const proposal = decided[height - 1]!;
      const commit = height < decided.length ? commits[height - 1]! : signCommit(proposal);
      return { header: proposal.header.encoded, commit };
    },
  };
}

/** CometBFT compares hashes of answers: nodes must agree in every bit of them. */
function compareAnswers(height: number, known: Finalized, answer: Finalized): void {
  const show = (value: Finalized): string =>
    JSON.stringify(value, (_, part) =>
      part instanceof Uint8Array ? toHex(part) : typeof part === "bigint" ? String(part) : part,
    );
  if (show(known) !== show(answer))
    throw new Error(`block ${height} has two results:\n${show(known)}\n${show(answer)}`);
}

/** Less than a third of the power does not vote. */
function pickAbsent(random: Random, validators: readonly Signatory[]): Set<number> {
  const total = validators.reduce((sum, { power }) => sum + power, 0n);
  const absent = new Set<number>();
  let missing = 0n;
  for (const [i, { power }] of validators.entries())
    if (3n * (missing + power) < total && random.chance(0.4)) {
      absent.add(i);
      missing += power;
    }
  return absent;
}

/** What ProcessProposal and FinalizeBlock say alike. */
export function blockRequest({ height, timeMs, txs, misbehaviours, header, proposerAddress }: Proposal) {
  return {
    height: BigInt(height),
    time: toCometTime(timeMs),
    hash: header.hash,
    txs: [...txs],
    proposerAddress,
    nextValidatorsHash: header.header.nextValidatorsHash,
    misbehavior: misbehaviours.map((entry) => ({
      type: entry.type as MisbehaviorType,
      height: BigInt(entry.height),
      validator: { address: entry.address, power: 1n },
      time: toCometTime(timeMs),
      totalVotingPower: 10n,
    })),
  };
}

/** Of validators of recent heights, mostly; now and then more of it than a block of dBFT could hold. */
export function drawMisbehaviours(random: Random, network: FakeNetwork): FakeMisbehaviour[] {
  const count = random.chance(0.3) ? 40 : 1 + random.below(3);
  return Array.from({ length: count }, () => {
    const height = Math.max(1, network.height + 1 - random.below(random.chance(0.1) ? 80 : 6));
    const { consensusKey } = random.pick(network.validatorsAt(height));
    const type = random.pick([
      MisbehaviorType.DUPLICATE_VOTE,
      MisbehaviorType.DUPLICATE_VOTE,
      MisbehaviorType.LIGHT_CLIENT_ATTACK,
      MisbehaviorType.UNKNOWN,
      77,
    ]);
    const address = random.chance(0.1)
      ? Uint8Array.from({ length: 20 }, () => random.below(256))
      : validatorAddress(sodiumCrypto, consensusKey);
    return { type, height, address };
  });
}
