import { writeFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { LhgError } from "@lhg/protocol/core/errors";
import {
  DEFAULT_TRACE_QUERY,
  TRACE_BACK,
  TRACE_BOTH,
  TRACE_FORWARD,
} from "@lhg/protocol/modules/trace/trace-query";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { readItem } from "@lhg/sdk/items/read-item";
import { type TraceVerdict, verifyTrace } from "@lhg/sdk/verify/verify-trace";
import { type Chain, openChain } from "../chain.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatJourney, type JourneyStep } from "../journey.ts";
import { formatCount } from "../output.ts";
import type { Session } from "../session.ts";
import { findTrust } from "../trust-source.ts";
import { toJourney } from "../verified-journey.ts";
import { describeProven } from "./verify.ts";

interface TraceOptions {
  readonly direction: "back" | "forward" | "both";
  readonly depth?: number;
  readonly from?: string;
  readonly until?: string;
  readonly maxEvents: number;
  readonly verify?: boolean;
  readonly genesis?: string;
  readonly out?: string;
}

const DIRECTIONS = { back: TRACE_BACK, forward: TRACE_FORWARD, both: TRACE_BOTH } as const;

export async function traceItem(session: Session, uri: string, options: TraceOptions): Promise<ExitCode> {
  const identity = readItem(uri, "item").key;
  const fromMs = readTime(options.from, "--from");
  const untilMs = readTime(options.until, "--until");
  const question = {
    direction: options.direction,
    maxEvents: options.maxEvents,
    ...(options.depth === undefined ? {} : { maxDepth: options.depth }),
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(untilMs === undefined ? {} : { untilMs }),
  };
  const chain = await openChain(session);
  session.output.progress("tracing");
  if (options.verify !== true && options.out === undefined) {
    const trace = await chain.client.getTrace(identity, question);
    const steps = trace.steps.map(toStep);
    const nameOf = await findNames(chain, steps);
    session.output.result(trace, describeSteps(identity, steps, nameOf, trace.isTruncated));
    return steps.length === 0 ? EXIT.notFound : EXIT.ok;
  }
  const { bytes: bundle } = await retryUntilProvable(() => chain.client.getTraceBundle(identity, question));
  if (options.out !== undefined) await writeFile(options.out, bundle);
  const found = await findTrust(session, options);
  const asked = {
    identity,
    query: {
      ...DEFAULT_TRACE_QUERY,
      direction: DIRECTIONS[options.direction],
      maxDepth: options.depth ?? null,
      fromMs: fromMs ?? null,
      untilMs: untilMs ?? null,
      maxEvents: options.maxEvents,
    },
  };
  session.output.progress("verifying");
  const verdict = verifyTrace(bundle, found.trust, { asked, crypto: nodeCrypto });
  if (!verdict.ok) throw new LhgError(verdict.code, verdict.message, verdict.field);
  const steps = toJourney(verdict.events);
  const nameOf = await findNames(chain, steps);
  session.output.result({ ...verdict, ...(options.out === undefined ? {} : { file: options.out }) }, [
    ...describeSteps(identity, steps, nameOf, !verdict.isComplete),
    `VALID: ${describeCompleteness(verdict)}`,
    ...describeProven(verdict, found),
  ]);
  if (options.out !== undefined) session.output.note(`Kept with all proofs in ${options.out}`);
  return steps.length === 0 ? EXIT.notFound : EXIT.ok;
}

function describeCompleteness({ isComplete, isCut }: Pick<TraceVerdict, "isComplete" | "isCut">): string {
  if (!isComplete) return "cut at its number of events";
  return isCut ? "complete within the question, which leaves something out" : "complete as executed";
}

const PROVABLE_RETRIES = 20;
const PROVABLE_RETRY_MS = 500;

/** What was committed a moment ago is proven by the next header, which comes at once. */
async function retryUntilProvable<T>(ask: () => Promise<T>): Promise<T> {
  for (let retry = 0; ; retry++) {
    try {
      return await ask();
    } catch (error) {
      const isEarly = error instanceof LhgError && error.code === "proof.not-yet";
      if (!isEarly || retry === PROVABLE_RETRIES) throw error;
      await setTimeout(PROVABLE_RETRY_MS);
    }
  }
}

function readTime(text: string | undefined, field: string): number | undefined {
  if (text === undefined) return undefined;
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs))
    throw new LhgError("usage.time", "must be a time in ISO 8601, such as 2026-01-31T12:00:00Z", field);
  return timeMs;
}

type TraceStepView = Awaited<ReturnType<Chain["client"]["getTrace"]>>["steps"][number];

function toStep({ event, depth, log, isRetracted }: TraceStepView): JourneyStep {
  return {
    id: event.id,
    eventTime: new Date(event.eventTimeMs).toISOString(),
    type: event.type,
    action: event.action ?? null,
    bizStep: event.bizStep ?? null,
    readPoint: event.readPoint ?? null,
    items: event.items.map(({ identity, role, quantity }) => ({
      identity,
      role,
      ...(quantity === undefined ? {} : { quantity: `${quantity.value} ${quantity.uom}`.trim() }),
    })),
    captor: event.vendor,
    height: event.height,
    depth,
    log,
    isRetracted,
    flags: event.flags,
  };
}

function describeSteps(
  identity: string,
  steps: readonly JourneyStep[],
  nameOf: (address: string) => string | undefined,
  isTruncated: boolean,
): string[] {
  if (steps.length === 0) return [`No event names ${identity}`];
  const count = `${formatCount(steps.length, "event")}${isTruncated ? ", and there are more" : ""}`;
  return [`Journey of ${identity}: ${count}`, ...formatJourney(steps, nameOf)];
}

/** Names of at most so many vendors are asked for; the others keep their address. */
const NAMES_MAX = 50;

async function findNames({ client }: Chain, steps: readonly JourneyStep[]) {
  const captors = [...new Set(steps.map(({ captor }) => captor))].slice(0, NAMES_MAX);
  const found = await Promise.all(captors.map((captor) => client.getVendor(captor)));
  const names = new Map(found.map(({ vendor, name }) => [vendor, name]));
  return (address: string): string | undefined => names.get(address);
}
