/** The durable record of a validator: what it must remember of a height so that a restart never makes it vote twice. */
import { COMMIT, type VoteType, viewNumber } from "@lhg/protocol/core/block/certificate";
import {
  array,
  bytes,
  type Codec,
  decode,
  encode,
  nullable,
  record,
  refine,
  uint,
} from "@lhg/protocol/core/codec/definition";
import type { Core, CoreState, Durable } from "./core.ts";
import { changeViewVote, MAX_PROPOSAL_BYTES, preparedCertificate, prepareRequest } from "./messages.ts";
import { findRequest, keepRequest } from "./requests.ts";
import { enterView } from "./timers.ts";
import { VIEW_SLOTS, VOTE_TYPES } from "./votes.ts";

const voteType = refine(uint(COMMIT), (type) =>
  type === 0 ? { code: "value.range", message: "must be 1 to 3" } : undefined,
) as Codec<VoteType>;

const durableRecord = record(1, {
  height: uint(),
  view: viewNumber,
  votes: array(
    record(undefined, { type: voteType, view: viewNumber, blockHash: bytes(32), signature: bytes(64) }),
    { max: 2 * VIEW_SLOTS * VOTE_TYPES.length },
  ),
  changeView: nullable(
    record(undefined, { vote: changeViewVote, certificate: nullable(preparedCertificate) }),
  ),
  request: nullable(prepareRequest),
  prepared: nullable(
    record(undefined, {
      certificate: preparedCertificate,
      proposal: bytes({ min: 1, max: MAX_PROPOSAL_BYTES }),
    }),
  ),
});

export function encodeDurable(durable: Durable): Uint8Array {
  return encode(durableRecord, durable, "durable");
}

export function decodeDurable(encoded: Uint8Array): Durable {
  return decode(durableRecord, encoded, "durable");
}

export function durableOf(state: CoreState): Durable {
  const { height, view, ownIndex } = state;
  const request = findRequest(state, view)?.message;
  return {
    height,
    view,
    votes: VOTE_TYPES.flatMap((type) => state.votes[type][ownIndex]!.map((vote) => ({ type, ...vote }))),
    changeView: state.changeViews[ownIndex]![0] ?? null,
    request: request?.validatorIndex === ownIndex ? request : null,
    prepared: state.prepared ?? null,
  };
}

/** Takes the record up at the start of its height: the validator stands where its last `persist` left it. */
export function restoreDurable(core: Core, durable: Durable): void {
  const { state } = core;
  for (const { type, view, blockHash, signature } of durable.votes) {
    const vote = { view, blockHash, signature };
    state.votes[type][state.ownIndex]!.push(vote);
    if (type === COMMIT) core.freshCommits.push(vote);
  }
  if (durable.changeView !== null) state.changeViews[state.ownIndex] = [durable.changeView];
  if (durable.prepared !== null) state.prepared = durable.prepared;
  if (durable.view > 0 || durable.votes.length > 0) enterView(core, durable.view);
  core.durableChanged = false;
  if (durable.request === null) return;
  const certified =
    durable.request.justification !== null && durable.request.justification.certificate !== null;
  keepRequest(state, { message: durable.request, certified, check: "pending" });
  const { height, view, blockHash, proposal } = durable.request;
  core.effects.push({ kind: "check-proposal", height, view, blockHash, proposal, certified });
}
