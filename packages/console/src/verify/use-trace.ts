/** A trace with its proof: asked of the node, checked in the worker, compared with what this browser knows. */
import { LhgError } from "@lhg/protocol/core/errors";
import { DEFAULT_TRACE_QUERY, type TraceQuery } from "@lhg/protocol/modules/trace/trace-query";
import type { TraceOptions } from "@lhg/sdk/client/client";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { client } from "../node/client.ts";
import type { TraceProof, TraceRefusal } from "./messages.ts";
import {
  keepVerifiedHeight,
  keepVouched,
  type PinState,
  readPin,
  readVerifiedHeight,
  toPinned,
} from "./pin.ts";
import { check } from "./verifier.ts";

export type TraceAnswer =
  | { readonly kind: "proven"; readonly proof: TraceProof; readonly bundle: Uint8Array }
  | { readonly kind: "refused"; readonly refusal: TraceRefusal }
  /** The proof holds, and is of a block before one that is known to be there. */
  | { readonly kind: "old"; readonly proof: TraceProof; readonly knownHeight: number }
  | { readonly kind: "withheld"; readonly code: string; readonly message: string }
  | { readonly kind: "other-chain"; readonly pin: PinState };

export interface Question {
  /** Canonical. */
  readonly identity: string;
  readonly direction: "back" | "forward" | "both";
  readonly maxEvents: number;
  readonly observations: "ignore" | "show";
  readonly wantsSources: boolean;
}

export const PIN_QUERY = { queryKey: ["pin"], queryFn: readPin, staleTime: 60_000 } as const;

export function useTrace(question: Question | undefined): UseQueryResult<TraceAnswer> {
  return useQuery({
    queryKey: ["trace", question],
    queryFn: () => askTrace(question!),
    enabled: question !== undefined,
    staleTime: 30_000,
    refetchInterval: ({ state }) => (state.status === "error" ? RETRY_MS : false),
    retry: (count, error) => !isOurFault(error) && count < 2,
  });
}

/** What went wrong is asked again for as long as somebody looks. */
const RETRY_MS = 5_000;

/** Asking again gives the same answer. */
function isOurFault(error: Error): boolean {
  return error instanceof LhgError && /^(?:identity|verify|genesis|value|cbor)\./.test(error.code);
}

async function askTrace(question: Question): Promise<TraceAnswer> {
  const pin = await readPin();
  if (!pin.isSame) return { kind: "other-chain", pin };
  const first = await askOnce(question, pin);
  // Behind a balancer another machine may be a block behind: one that lies does so twice.
  return first.kind === "old" ? askOnce(question, pin) : first;
}

async function askOnce(question: Question, { pin }: PinState): Promise<TraceAnswer> {
  const { identity, direction, maxEvents, observations, wantsSources } = question;
  const { provableHeight } = await client.getStatus();
  const knownHeight = Math.max(readVerifiedHeight(pin.chainId), provableHeight ?? 0);
  const options: TraceOptions = { direction, maxEvents, observations };
  let bundle: Uint8Array;
  try {
    bundle = (await retryUntilProvable(() => client.getTraceBundle(identity, options))).bytes;
  } catch (error) {
    if (!(error instanceof LhgError) || isUnreachable(error) || isOurFault(error)) throw error;
    return { kind: "withheld", code: error.code, message: error.message };
  }
  const asked = { identity, query: toQuery(question) };
  const found = await check({ kind: "trace", bundle, asked, pinned: toPinned(pin), wantsSources });
  if (!found.isProven) return { kind: "refused", refusal: found };
  if (found.verdict.height < knownHeight) return { kind: "old", proof: found, knownHeight };
  keepVerifiedHeight(pin.chainId, found.verdict.height);
  keepVouched(pin.chainId, found.vouched);
  return { kind: "proven", proof: found, bundle };
}

export function isUnreachable(error: unknown): boolean {
  return (
    error instanceof LhgError && (error.code === "client.unreachable" || error.code === "client.timeout")
  );
}

const DIRECTIONS = { back: 1, forward: 2, both: 3 } as const;

function toQuery({ direction, maxEvents, observations }: Question): TraceQuery {
  return {
    ...DEFAULT_TRACE_QUERY,
    direction: DIRECTIONS[direction],
    maxEvents,
    observations: observations === "show" ? 1 : 0,
  };
}

const PROVABLE_RETRIES = 20;
const PROVABLE_RETRY_MS = 300;

/** What was committed a moment ago is proven by the next header, which comes at once. */
async function retryUntilProvable<T>(ask: () => Promise<T>): Promise<T> {
  for (let retry = 0; ; retry++) {
    try {
      return await ask();
    } catch (error) {
      const isEarly = error instanceof LhgError && error.code === "proof.not-yet";
      if (!isEarly || retry === PROVABLE_RETRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PROVABLE_RETRY_MS));
    }
  }
}
