/** Steps in words of everyday: what happened, and what to mind about it. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import type { Strings } from "../strings/en.ts";

type Words = Strings["item"];

const STEP = /^https:\/\/ref\.gs1\.org\/cbv\/BizStep-(.+)$/;
const DISPOSITION = /^https:\/\/ref\.gs1\.org\/cbv\/Disp-(.+)$/;

/** As a proven trace has it, and as the API has it, which leaves out what an event does not say. */
interface StepSummary {
  readonly type: string;
  readonly bizStep?: string | null | undefined;
  readonly action?: string | null | undefined;
}

/** `Shipped`; of a step that no vocabulary here knows, what kind of event it is. */
export function nameStep(
  words: Pick<Words, "steps" | "kinds">,
  { bizStep, type, action }: StepSummary,
): string {
  const known = own(words.steps, STEP.exec(bizStep ?? "")?.[1]);
  if (known !== undefined) return known;
  if (typeof bizStep === "string") return bizStep;
  if (type === "TransformationEvent") return words.kinds.TransformationEvent;
  if (type === "AggregationEvent") return action === "DELETE" ? words.kinds.unpacked : words.kinds.packed;
  if (type === "AssociationEvent") return action === "DELETE" ? words.kinds.unbuilt : words.kinds.built;
  if (action === "ADD" || action === "OBSERVE" || action === "DELETE") return words.kinds[action];
  return words.kinds.event;
}

export function nameDisposition(words: Words, disposition: string | null): string | undefined {
  if (disposition === null) return undefined;
  const bare = DISPOSITION.exec(disposition)?.[1];
  return own(words.dispositions, bare) ?? bare?.replaceAll("_", " ") ?? disposition;
}

export function nameFlag(words: Pick<Words, "flags">, flag: string): string {
  return own(words.flags, flag) ?? flag;
}

/** In a word or two where that is enough. */
export function nameAgreement(words: Words, flag: string): string {
  return own(words.agreements, flag) ?? nameFlag(words, flag);
}

/** Flags that tell of an agreement or of a correction; all others are to be minded. */
const HARMLESS: ReadonlySet<string> = new Set(["handedOver", "received", "correction"]);

export function isConcern(flag: string): boolean {
  return !HARMLESS.has(flag);
}

/** Of no good for whoever has the item. */
const FAILURES = /-(?:recalled|stolen|damaged|non_conformant)$/;

export function isFailure(disposition: string | null): boolean {
  return disposition !== null && FAILURES.test(disposition);
}

/** What to mind about a step for the sake of one item; what a stranger said of others is no concern of its. */
export function findStepConcerns(identity: string, { event, flags, isRetracted }: TracedEvent): string[] {
  if (isRetracted) return [];
  const isOwn = event.items.some((item) => item.identity === identity);
  return flags.filter((flag) => isConcern(flag) && (isOwn || (flag !== "observed" && flag !== "unowned")));
}

export interface Concerns {
  readonly steps: number;
  /** Each once. */
  readonly flags: readonly string[];
}

/** Steps with something to mind for the sake of an item. */
export function findConcerns(identity: string, events: readonly TracedEvent[]): Concerns {
  const found = events.map((traced) => findStepConcerns(identity, traced));
  return { steps: found.filter((flags) => flags.length > 0).length, flags: [...new Set(found.flat())] };
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** `3 hours`, `2 days`; undefined where it is of no interest. */
export function formatSpan(words: Words, spanMs: number): string | undefined {
  if (spanMs >= 2 * DAY_MS) return words.days(Math.round(spanMs / DAY_MS));
  if (spanMs >= HOUR_MS) return words.hours(Math.round(spanMs / HOUR_MS));
  return undefined;
}

function own(words: Readonly<Record<string, string>>, name: string | undefined): string | undefined {
  return name !== undefined && Object.hasOwn(words, name) ? words[name] : undefined;
}
