/** The dBFT core under messages that decode and mean nothing good: random inputs, well and badly signed. */

import { blockOf, makePuppets } from "../../packages/node/simulation/puppets.ts";
import { makeSigning, makeValidators, openProposal } from "../../packages/node/simulation/toys.ts";
import type { Input } from "../../packages/node/src/consensus/dbft/core.ts";
import { durableOf, encodeDurable } from "../../packages/node/src/consensus/dbft/durable.ts";
import {
  decodeMessage,
  encodeMessage,
  type Message,
} from "../../packages/node/src/consensus/dbft/messages.ts";
import { step } from "../../packages/node/src/consensus/dbft/step.ts";
import { createRandom } from "../../packages/node/src/store/memory-store.ts";
import {
  COMMIT,
  changeViewSignBytes,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  type VoteType,
  voteSignBytes,
} from "../../packages/protocol/src/core/block/certificate.ts";
import { assertInvariant, LhgError } from "../../packages/protocol/src/core/errors.ts";
import { mutateCbor, pick, type Random } from "./mutate.ts";

const HEIGHT = 20;
const COUNT = 4;
const SCOPE = { chainId: "test-00", epoch: 0, height: HEIGHT };
const VALIDATORS = makeValidators(COUNT);
const SIGNERS = VALIDATORS.map(({ consensusKey }) => makeSigning(consensusKey));
const PROPOSALS = ["a", "b"].map((label) => blockOf(HEIGHT, label));
const HASHES = PROPOSALS.map((proposal) => openProposal(proposal)!.blockHash);

function vote(validatorIndex: number, type: VoteType, view: number, block: number) {
  const blockHash = HASHES[block]!;
  const signature = SIGNERS[validatorIndex]!.sign(voteSignBytes(SCOPE, view, type, blockHash));
  return { validatorIndex, view, blockHash, signature };
}

/** One message of each type, all well signed. */
export function makeMessages(): Message[] {
  const certificate = {
    view: 0,
    blockHash: HASHES[0]!,
    signatures: [0, 1, 2].map((i) => {
      const { signature } = vote(i, i === 0 ? PREPARE_REQUEST : PREPARE_RESPONSE, 0, 0);
      return { validatorIndex: i, signature };
    }),
  };
  const prepared = { view: 0, blockHash: HASHES[0]! };
  const changeViews = [0, 1, 2].map((validatorIndex) => ({
    validatorIndex,
    view: 1,
    prepared,
    signature: SIGNERS[validatorIndex]!.sign(changeViewSignBytes(SCOPE, 1, prepared)),
  }));
  const responses = [1, 2, 3].map((i) => vote(i, PREPARE_RESPONSE, 0, 0));
  const commits = [0, 1, 2].map((i) => vote(i, COMMIT, 0, 0));
  const height = HEIGHT;
  const request = { height, ...vote(0, PREPARE_REQUEST, 0, 0), proposal: PROPOSALS[0]!, justification: null };
  return [
    { type: "prepare-request", body: request },
    {
      type: "prepare-request",
      body: {
        height,
        ...vote(3, PREPARE_REQUEST, 1, 0),
        proposal: PROPOSALS[0]!,
        justification: { changeViews, certificate },
      },
    },
    ...responses.map((body) => ({ type: "prepare-response" as const, body: { height, ...body } })),
    ...commits.map((body) => ({ type: "commit" as const, body: { height, ...body } })),
    { type: "change-view", body: { height, vote: changeViews[0]!, certificate } },
    {
      type: "recovery-message",
      body: {
        height,
        request,
        responses,
        commits,
        changeViews,
        certificates: [certificate],
        wantedProposal: PROPOSALS[1]!,
      },
    },
  ];
}

const ENCODED = makeMessages().map(encodeMessage);

function drawMessage(random: Random): Message {
  const base = pick(random, ENCODED);
  if (random(3) === 0) return decodeMessage(base);
  try {
    return decodeMessage(mutateCbor(random, base, ENCODED) ?? base);
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    return decodeMessage(base);
  }
}

function drawInput(random: Random, nowMs: number): Input {
  const verdict = pick(random, ["valid", "valid", "bad", "missing"] as const);
  const kind = random(16);
  if (kind === 0) return { kind: "timer", nowMs };
  if (kind === 1) return { kind: "work", nowMs };
  if (kind < 5)
    return { kind: "proposal-checked", nowMs, height: HEIGHT, blockHash: pick(random, HASHES), verdict };
  return { kind: "message", nowMs, clockMs: nowMs, message: drawMessage(random) };
}

/** A run of a validator through sixty inputs, seeded by the bytes given. */
export function runCore(seed: Uint8Array): void {
  const random = createRandom(new DataView(Uint8Array.from({ ...seed, length: 8 }).buffer).getUint32(0));
  const { config, state } = makePuppets({ height: HEIGHT, hasWork: false }).nodes[random(COUNT)]!;
  let nowMs = 0;
  for (let i = 0; i < 60 && state.decision === undefined; i++) {
    nowMs += random(500);
    const { effects } = step(config, state, drawInput(random, nowMs));
    assertInvariant(effects.length < 100, "a step has few effects");
  }
  encodeDurable(durableOf(state));
}

export function makeDurables(): Uint8Array[] {
  const random = createRandom(7);
  return Array.from({ length: 8 }, () => {
    const { config, state } = makePuppets({ height: HEIGHT, hasWork: true }).nodes[random(COUNT)]!;
    for (const message of makeMessages())
      if (random(3) > 0) step(config, state, { kind: "message", nowMs: 1, clockMs: 1, message });
    return encodeDurable(durableOf(state));
  });
}
