/** The proposals seen at this height. */
import { equalBytes } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import type { AcceptedRequest, CoreState } from "./core.ts";
import { type Justification, justification, type PrepareRequest } from "./messages.ts";

/** Views whose accepted proposals are kept, to answer peers that lack one. */
export const KEPT_REQUESTS = 4;

export function keepRequest(state: CoreState, request: AcceptedRequest): void {
  state.requests.push(request);
  if (state.requests.length > KEPT_REQUESTS) state.requests.shift();
}

export function findRequest(state: CoreState, view: number): AcceptedRequest | undefined {
  return state.requests.find((request) => request.message.view === view);
}

/** Of one view. The justification is not signed, so two requests of one signature may differ in it. */
export function isSameRequest(a: PrepareRequest, b: PrepareRequest): boolean {
  if (a === b) return true;
  return (
    equalBytes(a.signature, b.signature) &&
    equalBytes(a.blockHash, b.blockHash) &&
    equalBytes(a.proposal, b.proposal) &&
    isSameJustification(a.justification, b.justification)
  );
}

function isSameJustification(a: Justification | null, b: Justification | null): boolean {
  if (a === null || b === null) return a === b;
  const encoded = (value: Justification): Uint8Array => encode(justification, value, "justification");
  return equalBytes(encoded(a), encoded(b));
}

export function findProposal(state: CoreState, blockHash: Uint8Array): Uint8Array | undefined {
  const { prepared, fetched } = state;
  const request = state.requests.find((held) => equalBytes(held.message.blockHash, blockHash));
  if (request !== undefined) return request.message.proposal;
  if (prepared !== undefined && equalBytes(prepared.certificate.blockHash, blockHash))
    return prepared.proposal;
  return fetched !== undefined && equalBytes(fetched.blockHash, blockHash) ? fetched.proposal : undefined;
}
