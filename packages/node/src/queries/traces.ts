import { toHex } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { anchor } from "@lhg/protocol/core/proof/anchor";
import { ITEMS } from "@lhg/protocol/core/state/partition";
import { canonicalIdentity } from "@lhg/protocol/epcis/identity";
import { roleName } from "@lhg/protocol/modules/trace/messages";
import {
  type BundleSources,
  buildTraceBundle,
  encodeTraceBundle,
} from "@lhg/protocol/modules/trace/trace-bundle";
import {
  DEFAULT_TRACE_QUERY,
  OBSERVATIONS_FOLLOW,
  OBSERVATIONS_IGNORE,
  OBSERVATIONS_SHOW,
  TRACE_BACK,
  TRACE_BOTH,
  TRACE_FORWARD,
  type TraceQuery,
  type TraceStep,
  traceItem,
} from "@lhg/protocol/modules/trace/trace-query";
import { stateTraceReader } from "@lhg/protocol/modules/trace/trace-reader";
import type { QueryContext } from "./context.ts";
import { formatEventId, viewEvent } from "./events.ts";
import { type ReceiptAnswer, requireProvable } from "./proofs.ts";
import { findStatement, historyPruned, readSubmission } from "./stored.ts";
import type { TraceView } from "./views.ts";

const DIRECTIONS = { back: TRACE_BACK, forward: TRACE_FORWARD, both: TRACE_BOTH } as const;
const OBSERVATIONS = {
  ignore: OBSERVATIONS_IGNORE,
  show: OBSERVATIONS_SHOW,
  follow: OBSERVATIONS_FOLLOW,
} as const;

/** While a trace runs no block commits: this many events take about 50 ms. */
const TRACE_EVENTS_PER_ANSWER_MAX = 5_000;

export interface TraceArgs {
  /** Any URI of the item. */
  readonly id: string;
  /** Both by default. */
  readonly direction?: keyof typeof DIRECTIONS;
  readonly maxDepth?: number;
  /** Claimed times, both inclusive. */
  readonly fromMs?: number;
  readonly untilMs?: number;
  /** 1,000 by default, 5,000 at most. */
  readonly maxEvents?: number;
  /** What others than the custodian say: ignored, shown (the default), or followed too. */
  readonly observations?: keyof typeof OBSERVATIONS;
  readonly includeClasses?: boolean;
}

function readQuery(args: TraceArgs): TraceQuery {
  const { direction = "both", maxDepth, fromMs, untilMs } = args;
  const maxEvents = args.maxEvents ?? DEFAULT_TRACE_QUERY.maxEvents;
  if (maxEvents < 1 || maxEvents > TRACE_EVENTS_PER_ANSWER_MAX)
    throw new LhgError("limit.range", `must be from 1 to ${TRACE_EVENTS_PER_ANSWER_MAX}`, "maxEvents");
  return {
    direction: DIRECTIONS[direction],
    maxDepth: maxDepth ?? null,
    fromMs: fromMs ?? null,
    untilMs: untilMs ?? null,
    maxEvents,
    observations: OBSERVATIONS[args.observations ?? "show"],
    includeClasses: args.includeClasses ?? false,
  };
}

/** Traces an item over the newest state. An item without events has an empty trace. Throws `identity.*`, `trace.*`. */
export function getTrace(context: QueryContext, args: TraceArgs): TraceView {
  const identity = canonicalIdentity(args.id, "id").key;
  const reader = stateTraceReader(context.crypto, context.state);
  const { steps, items, isTruncated } = asPruned(context, () => traceItem(reader, identity, readQuery(args)));
  const names = new Map(items.map((item) => [toHex(item.key), item.identity]));
  return {
    height: context.head.height,
    identity,
    isTruncated,
    items: items.map((item) => ({ identity: item.identity, depth: item.depth })),
    steps: steps.map((step) => viewStep(step, names)),
  };
}

/** A trace over what blocks below the first kept one held. */
function asPruned<T>(context: QueryContext, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof LhgError && error.code === "trace.body-pruned") throw historyPruned(context, "id");
    throw error;
  }
}

function viewStep(step: TraceStep, names: ReadonlyMap<string, string>): TraceView["steps"][number] {
  const { event, leaf, facts, depth, log, isFollowed, isRetracted } = step;
  const via = toHex(step.via);
  return {
    event: viewEvent(event, leaf, facts),
    depth,
    via: names.get(via) ?? via,
    log,
    role: roleName(leaf.role),
    isFollowed,
    isRetracted,
    corrections: step.corrections.map((correction) => formatEventId(correction.event)),
  };
}

/** The encoded trace bundle at the provable height: the same trace, with all that checks it offline. */
export function getTraceBundle(context: QueryContext, args: TraceArgs): ReceiptAnswer {
  const identity = canonicalIdentity(args.id, "id").key;
  const query = readQuery(args);
  const height = requireProvable(context);
  const { crypto, state, provable } = context;
  const sources: BundleSources = {
    hasher: crypto,
    state: provable,
    proveValue: (key) => state.proveValue(ITEMS, key, height),
    getStatement: (capture) =>
      readSubmission(context, findStatement(context, toHex(capture)).record).statement,
    anchor: encode(anchor, context.anchorOf(ITEMS)),
  };
  const { bundle } = asPruned(context, () => buildTraceBundle(sources, identity, query));
  return { height, bytes: encodeTraceBundle(bundle) };
}
