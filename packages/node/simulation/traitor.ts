/**
 * A validator that signs whatever hurts: votes for every block it sees, two proposals for one view, ChangeViews that deny or backdate what
 * was prepared, or that lead to gigantic views.
 */
import {
  COMMIT,
  changeViewSignBytes,
  MAX_VIEW,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  type VoteType,
  voteSignBytes,
} from "@lhg/protocol/core/block/certificate";
import { concatBytes } from "@lhg/protocol/core/bytes";
import type {
  Justification,
  Message,
  PreparedCertificate,
  VoteMessage,
} from "../src/consensus/dbft/messages.ts";
import type { SimulatedNode } from "./driver.ts";
import { makeProposal, openProposal } from "./toys.ts";
import { membersAt, type World } from "./world.ts";

/** Hands a message to every validator with this probability. */
function whisper(world: World, node: SimulatedNode, message: Message, probability = 0.5): void {
  for (let to = 0; to < world.options.validators; to++)
    if (to !== node.validator && world.random.chance(probability))
      node.transmit(to, { kind: "consensus", message });
}

function forgeJustification(world: World, honest: Justification | null): Justification | null {
  if (honest === null || world.random.chance(0.3)) return null;
  if (honest.certificate === null || world.random.chance(0.3)) return honest;
  return { ...honest, certificate: null };
}

function scopeAt(world: World, height: number) {
  return { chainId: world.invariants.chainId, epoch: 0, height };
}

/** Reacts to a message that the traitor saw, each time towards another part of the network. */
export function betray(world: World, node: SimulatedNode, seen: Message): void {
  const { random } = world;
  const { height } = seen.body;
  const ownIndex = membersAt(world, height).indexOf(node.validator);
  if (ownIndex < 0) return;
  const { sign } = node.config.signing;
  const vote = (type: VoteType, view: number, blockHash: Uint8Array): VoteMessage => ({
    height,
    view,
    validatorIndex: ownIndex,
    blockHash,
    signature: sign(voteSignBytes(scopeAt(world, height), view, type, blockHash)),
  });
  if (seen.type === "prepare-request" || seen.type === "prepare-response" || seen.type === "commit") {
    const { view, blockHash } = seen.body;
    if (random.chance(0.4))
      whisper(world, node, { type: "prepare-response", body: vote(PREPARE_RESPONSE, view, blockHash) });
    if (random.chance(0.5)) whisper(world, node, { type: "commit", body: vote(COMMIT, view, blockHash) });
  }
  if (seen.type !== "change-view") return;
  const { certificate } = seen.body;
  const changeView = (view: number, claimed: PreparedCertificate | null): void => {
    const prepared = claimed && { view: claimed.view, blockHash: claimed.blockHash };
    const signature = sign(changeViewSignBytes(scopeAt(world, height), view, prepared));
    const own = { validatorIndex: ownIndex, view, prepared, signature };
    whisper(world, node, { type: "change-view", body: { height, vote: own, certificate: claimed } });
  };
  const { view } = seen.body.vote;
  if (random.chance(0.4)) changeView(view, null);
  // An older certificate than others hold, and the claim of one that proves something else.
  if (certificate !== null && random.chance(0.2)) changeView(view, certificate);
  if (view > 0 && random.chance(0.1)) changeView(view, inventCertificate(view - 1));
  if (random.chance(0.05)) changeView(MAX_VIEW - random.below(3), null);
}

/** Of a block that was proposed by nobody yet: the next that this traitor proposes without a reason. */
function inventCertificate(view: number): PreparedCertificate {
  const signatures = [0, 1, 2].map((validatorIndex) => ({ validatorIndex, signature: new Uint8Array(64) }));
  return { view, blockHash: new Uint8Array(32), signatures };
}

/**
 * As primary: one block for some, another for the others, each maybe for both. Where a certificate leaves no choice, or the view needs a
 * reason, it proposes as if there were none.
 */
export function equivocate(world: World, node: SimulatedNode, message: Message): void {
  whisper(world, node, message, world.random.pick([0.5, 0.5, 1]));
  if (message.type !== "prepare-request") return;
  const { body } = message;
  const justification = forgeJustification(world, body.justification);
  const block = openProposal(body.proposal)!;
  const payload = concatBytes(block.payload, Uint8Array.of(1));
  const { height, timeMs, parentHash } = block;
  const proposal = makeProposal({ height, timeMs, parentHash, payload });
  const { blockHash } = openProposal(proposal)!;
  const signed = voteSignBytes(scopeAt(world, height), body.view, PREPARE_REQUEST, blockHash);
  const signature = node.config.signing.sign(signed);
  whisper(world, node, {
    type: "prepare-request",
    body: { ...body, blockHash, signature, proposal, justification },
  });
}
