/** Traces, checked offline: every event, every log, and that none was left out. */
import { toHex } from "@lhg/protocol/core/bytes";
import type { Crypto } from "@lhg/protocol/core/crypto";
import type { Trust } from "@lhg/protocol/core/proof/anchor";
import { ITEMS } from "@lhg/protocol/core/state/partition";
import { type FlagName, flagNames } from "@lhg/protocol/modules/trace/messages";
import type { TraceQuery, TraceResult, TraceStep } from "@lhg/protocol/modules/trace/trace-query";
import {
  type AskedTrace,
  type ItemsAnchor,
  type TraceProblem,
  trustItemsAnchor,
  verifyTraceBundle,
} from "@lhg/protocol/modules/trace/verify-trace";
import { nobleCrypto } from "../crypto/noble.ts";
import { describeFacts, type EventClaims } from "./event-claims.ts";
import { describeQuestion, formatQuestion, listCuts, type TraceQuestion } from "./trace-question.ts";
import { describeAnchor, type Finding, formatTime, judge, type Proven, type Refused } from "./verdict.ts";

/** An event of the journey, as it was captured. Everything in `event` is the captor's word. */
export interface TracedEvent {
  /** Hex of the capture's statement id, and the place of the event in its document. */
  readonly capture: string;
  readonly event: EventClaims;
  /** Hex of the vendor that captured it: signed with its key or one that it delegated. */
  readonly captor: string;
  /** Steps from the item that was asked for. */
  readonly depth: number;
  /** Block that recorded it, and its time in milliseconds since 1970. */
  readonly height: number;
  readonly recordedMs: number;
  /** `custody`: said by who answers for the item; `observation`: by somebody else. */
  readonly log: string;
  readonly isRetracted: boolean;
  /** What the ledger found when it executed the event. */
  readonly flags: readonly FlagName[];
}

export interface TraceVerdict extends Proven {
  readonly identity: string;
  readonly query: TraceQuery;
  /** What was asked, in words for people and programs. Nothing is claimed beyond it. */
  readonly question: TraceQuestion;
  /** All that answers the question and that the chain had recorded by `height`, as it executed it. */
  readonly isComplete: boolean;
  /** The question, or the bound on events, leaves out what the chain may have recorded of the items; `cuts` says what. */
  readonly isCut: boolean;
  readonly cuts: readonly string[];
  /** By claimed event time. */
  readonly events: readonly TracedEvent[];
  /** What the trace went through, the item that was asked for first, with the steps from it. */
  readonly items: readonly { readonly identity: string; readonly depth: number }[];
}

/** Never throws. `asked`, where given, is the question that the answer must be to: by identity in canonical form. */
export function verifyTrace(
  bundle: Uint8Array,
  trust: Trust,
  options: { readonly asked?: AskedTrace; readonly crypto?: Crypto } = {},
): TraceVerdict | Refused {
  const { asked, crypto = nobleCrypto } = options;
  return judge(() => {
    const verifyAnchor = trustItemsAnchor(crypto, trust);
    const found = verifyTraceBundle(crypto, bundle, verifyAnchor, asked);
    const { result, identity, query, anchor, problems, isComplete } = found;
    // A trace that was cut at its number of events is honest; any other problem is a proof that fails.
    const faults = problems.filter(({ code }) => code !== "trace.truncated");
    if (
      faults.length > 0 ||
      anchor === undefined ||
      result === undefined ||
      identity === undefined ||
      query === undefined
    )
      return refuse(faults);
    return describeTrace(anchor, { identity, query, isComplete, result });
  });
}

function refuse([first]: readonly TraceProblem[]): Refused {
  if (first === undefined)
    return { ok: false, code: "bundle.empty", field: "", message: "the bundle holds no trace" };
  const { code, where, message } = first;
  return { ok: false, code, field: where, message };
}

function describeTrace(
  anchor: ItemsAnchor,
  trace: Pick<TraceVerdict, "identity" | "query" | "isComplete"> & { readonly result: TraceResult },
): TraceVerdict {
  const { identity, query, isComplete, result } = trace;
  const { steps } = result;
  const question = describeQuestion(identity, query);
  const truncation = `what comes after ${counted(steps.length, "event")} (the bound was ${query.maxEvents})`;
  const cuts = isComplete ? listCuts(query) : [...listCuts(query), truncation];
  const base = describeAnchor({ ...anchor, partitionId: ITEMS.id });
  const events = steps.map(describeStep);
  return {
    ...base,
    identity,
    query,
    question,
    isComplete,
    isCut: cuts.length > 0,
    cuts,
    events,
    items: result.items.map((item) => ({ identity: item.identity, depth: item.depth })),
    proven: listProven(base, events.length, { question, isComplete, cuts }),
    claimed: listClaimed(events),
    problems: [...base.problems, ...listCutProblems(isComplete, cuts)],
  };
}

function listCutProblems(isComplete: boolean, cuts: readonly string[]): Finding[] {
  const truncated: Finding = {
    what: "trace.truncated",
    text: "The trace was cut at its number of events: there is more.",
  };
  const cut: Finding = {
    what: "trace.cut",
    text: `This answer is cut: ${cuts.join(", ")} ${cuts.length === 1 ? "is" : "are"} not part of it.`,
  };
  return [...(isComplete ? [] : [truncated]), ...(cuts.length === 0 ? [] : [cut])];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function describeStep({ event, leaf, facts, depth, log, isRetracted }: TraceStep): TracedEvent {
  return {
    capture: toHex(event.capture),
    event: describeFacts(event.index, facts),
    captor: toHex(leaf.captor),
    depth,
    height: leaf.height,
    recordedMs: leaf.timeMs,
    log,
    isRetracted,
    flags: flagNames(leaf.flags),
  };
}

function listProven(
  { chainId, height, provenByMs }: Pick<Proven, "chainId" | "height" | "provenByMs">,
  events: number,
  { question, isComplete, cuts }: Pick<TraceVerdict, "question" | "isComplete" | "cuts">,
): Finding[] {
  const recorded: Finding =
    events === 0
      ? { what: "trace.empty", text: `Chain ${chainId} had recorded no event that answers the question.` }
      : {
          what: "events.signed",
          text: `${events === 1 ? "The event" : `Each of the ${events} events`} was signed by its captor and is on chain ${chainId}, byte for byte.`,
        };
  const proven: Finding[] = [
    { what: "trace.question", text: `The question that is answered: ${formatQuestion(question)}.` },
    recorded,
    {
      what: "header.final",
      text: `More than two thirds of the validators signed header ${height} of ${formatTime(provenByMs)}.`,
    },
  ];
  if (isComplete)
    proven.push({
      what: "trace.complete",
      text:
        cuts.length === 0
          ? "No event that the chain had recorded of these items by then was left out."
          : "Within this question, no event that the chain had recorded by then was left out.",
    });
  return proven;
}

/** What happened is said by whoever captured it: how many of the events are whose word. */
function listClaimed(events: readonly TracedEvent[]): Finding[] {
  const counts = new Map<string, number>();
  for (const { captor } of events) counts.set(captor, (counts.get(captor) ?? 0) + 1);
  return [...counts].map(([by, count]) => ({
    what: "events.content",
    text: `What ${count} of ${counted(events.length, "event")} ${count === 1 ? "says" : "say"} (times, places, steps, quantities) is the word of ${by}.`,
    by,
  }));
}
