/** The proposals seen at this height. */
import { equalBytes } from "@lhg/protocol/core/bytes";
import type { AcceptedRequest, CoreState } from "./core.ts";

/** Views whose accepted proposals are kept, to answer peers that lack one. */
export const KEPT_REQUESTS = 4;

export function keepRequest(state: CoreState, request: AcceptedRequest): void {
  state.requests.push(request);
  if (state.requests.length > KEPT_REQUESTS) state.requests.shift();
}

export function findRequest(state: CoreState, view: number): AcceptedRequest | undefined {
  return state.requests.find((request) => request.message.view === view);
}

export function findProposal(state: CoreState, blockHash: Uint8Array): Uint8Array | undefined {
  const { prepared, fetched } = state;
  const request = state.requests.find((held) => equalBytes(held.message.blockHash, blockHash));
  if (request !== undefined) return request.message.proposal;
  if (prepared !== undefined && equalBytes(prepared.certificate.blockHash, blockHash))
    return prepared.proposal;
  return fetched !== undefined && equalBytes(fetched.blockHash, blockHash) ? fetched.proposal : undefined;
}
