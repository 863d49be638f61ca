/** Lines for people. */
import { toHex } from "@lhg/protocol/core/bytes";
import type { Message } from "../src/consensus/dbft/messages.ts";

export function describe({ type, body }: Message): string {
  if (type === "change-view") {
    const { validatorIndex, view, prepared } = body.vote;
    const claim = prepared ? `prepared ${short(prepared.blockHash)} in ${prepared.view}` : "unprepared";
    return `change-view ${body.height}/${view} of ${validatorIndex}, ${claim}`;
  }
  if (type === "recovery-message") {
    const { height, request, responses, commits, changeViews } = body;
    const parts = [
      request ? [`request ${request.view} ${short(request.blockHash)}`] : [],
      responses.map((vote) => `response ${vote.view} of ${vote.validatorIndex}`),
      commits.map((vote) => `commit ${vote.view} of ${vote.validatorIndex}`),
      changeViews.map((vote) => `change-view ${vote.view} of ${vote.validatorIndex}`),
    ];
    return `recovery-message ${height} (${parts.flat().join(", ")})`;
  }
  const hash = "blockHash" in body ? ` ${short(body.blockHash)}` : "";
  return `${type} ${body.height}/${body.view} of ${body.validatorIndex}${hash}`;
}

export function short(blockHash: Uint8Array): string {
  return toHex(blockHash).slice(0, 8);
}
