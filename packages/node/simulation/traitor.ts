/** A validator that signs whatever hurts: votes for every block it sees, and ChangeViews that deny what it prepared. */
import {
  COMMIT,
  changeViewSignBytes,
  PREPARE_RESPONSE,
  voteSignBytes,
} from "@lhg/protocol/core/block/certificate";
import type { Message, VoteMessage } from "../src/consensus/dbft/messages.ts";
import type { SimulatedNode } from "./simulated-node.ts";
import { membersAt, type World } from "./world.ts";

/** Reacts to a message that the traitor saw, each time towards another part of the network. */
export function betray(world: World, node: SimulatedNode, seen: Message): void {
  const { random } = world;
  const { height } = seen.body;
  const ownIndex = membersAt(world, height).indexOf(node.validator);
  if (ownIndex < 0) return;
  const scope = { chainId: world.invariants.chainId, epoch: 0, height };
  const whisper = (message: Message): void => {
    for (let to = 0; to < world.options.validators; to++)
      if (to !== node.validator && random.chance(0.5)) node.transmit(to, { kind: "consensus", message });
  };
  const sign = (
    type: typeof PREPARE_RESPONSE | typeof COMMIT,
    view: number,
    blockHash: Uint8Array,
  ): VoteMessage => ({
    height,
    view,
    validatorIndex: ownIndex,
    blockHash,
    signature: node.config.signing.sign(voteSignBytes(scope, view, type, blockHash)),
  });
  if (seen.type === "prepare-request" || seen.type === "prepare-response" || seen.type === "commit") {
    const { view, blockHash } = seen.body;
    if (random.chance(0.4))
      whisper({ type: "prepare-response", body: sign(PREPARE_RESPONSE, view, blockHash) });
    if (random.chance(0.5)) whisper({ type: "commit", body: sign(COMMIT, view, blockHash) });
  }
  if (seen.type === "change-view" && random.chance(0.4)) {
    const { view } = seen.body.vote;
    const signature = node.config.signing.sign(changeViewSignBytes(scope, view, null));
    const vote = { validatorIndex: ownIndex, view, prepared: null, signature };
    whisper({ type: "change-view", body: { height, vote, certificate: null } });
  }
}
