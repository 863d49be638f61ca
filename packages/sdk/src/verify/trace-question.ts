/** The question that a trace answers, in words: what it leaves out is no part of any claim of completeness. */
import {
  OBSERVATIONS_IGNORE,
  OBSERVATIONS_SHOW,
  TRACE_BACK,
  TRACE_BOTH,
  TRACE_FORWARD,
  type TraceQuery,
} from "@lhg/protocol/modules/trace/trace-query";
import { formatTime } from "./verdict.ts";

export interface TraceQuestion {
  /** Identity of the item in canonical form. */
  readonly item: string;
  readonly direction: "back" | "forward" | "both";
  /** Steps from item to item; null: no limit. */
  readonly depth: number | null;
  /** Claimed event times in ISO 8601, both inclusive; null: no limit. */
  readonly from: string | null;
  readonly until: string | null;
  /** What others than the custodian say of an item. */
  readonly observations: "ignored" | "shown" | "followed";
  /** Whether events of the class as a whole count as the item's. */
  readonly includesClasses: boolean;
  readonly eventsMax: number;
}

export function describeQuestion(item: string, query: TraceQuery): TraceQuestion {
  const { direction, maxDepth, fromMs, untilMs, observations, includeClasses, maxEvents } = query;
  return {
    item,
    direction: direction === TRACE_BOTH ? "both" : direction === TRACE_BACK ? "back" : "forward",
    depth: maxDepth,
    from: fromMs === null ? null : formatTime(fromMs),
    until: untilMs === null ? null : formatTime(untilMs),
    observations:
      observations === OBSERVATIONS_IGNORE
        ? "ignored"
        : observations === OBSERVATIONS_SHOW
          ? "shown"
          : "followed",
    includesClasses: includeClasses,
    eventsMax: maxEvents,
  };
}

/** One line: `Question: urn:x:y, back to its origins, at most 2 steps, ...`. */
export function formatQuestion(question: TraceQuestion): string {
  const { item, direction, depth, from, until, observations, includesClasses } = question;
  const ways = {
    both: "origins and destinations",
    back: "origins only",
    forward: "destinations only",
  };
  return [
    item,
    ways[direction],
    depth === null ? "any depth" : `depth ${depth}`,
    from === null && until === null
      ? "any time"
      : `from ${from ?? "the beginning"} until ${until ?? "the end"}`,
    `observations ${observations}`,
    ...(includesClasses ? ["events of its class included"] : []),
  ].join(", ");
}

/** What the question itself leaves out, each in words; empty for a question about all there is. */
export function listCuts({ direction, maxDepth, fromMs, untilMs, observations }: TraceQuery): string[] {
  const except = "(transformations excepted)";
  return [
    ...(direction === TRACE_BACK ? ["what became of the item (direction back)"] : []),
    ...(direction === TRACE_FORWARD ? ["what the item came from (direction forward)"] : []),
    ...(maxDepth === null
      ? []
      : [`what is more than ${maxDepth} ${maxDepth === 1 ? "step" : "steps"} away (depth ${maxDepth})`]),
    ...(fromMs === null ? [] : [`events before ${formatTime(fromMs)} ${except}`]),
    ...(untilMs === null ? [] : [`events after ${formatTime(untilMs)} ${except}`]),
    ...(observations === OBSERVATIONS_IGNORE ? ["observations by others than the custodian"] : []),
  ];
}
