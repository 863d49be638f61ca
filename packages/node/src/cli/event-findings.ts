/** What the ledger found when it executed the events of a capture, out of the notices of its outcome. */
import {
  type FlagName,
  flagNames,
  NOTICE_DUPLICATE,
  NOTICE_EVENT,
  TRACE_MODULE,
} from "@lhg/protocol/modules/trace/messages";
import type { Statement } from "@lhg/sdk/client/types";

export interface EventFinding {
  /** The event that the captor had recorded before: this one repeats it and stands in no log. */
  readonly duplicateOf?: string;
  readonly flags?: readonly FlagName[];
}

/** By the event's place in its document. */
export function readFindings(notices: Statement["notices"]): Map<number, EventFinding> {
  const findings = new Map<number, EventFinding>();
  for (const { module, kind, attributes } of notices) {
    if (module !== TRACE_MODULE) continue;
    const [, index, third, fourth] = attributes;
    if (kind === NOTICE_EVENT && Number(third) !== 0)
      findings.set(Number(index), { flags: flagNames(Number(third)) });
    if (kind === NOTICE_DUPLICATE) findings.set(Number(index), { duplicateOf: `${third}:${fourth}` });
  }
  return findings;
}

/** What the ledger flagged, in sentences. A flag of a newer node keeps its name. */
export function describeFlags(flags: readonly string[]): string[] {
  // An item of nobody's namespace is always an observation too: the one sentence says both.
  const isUnowned = flags.includes("unowned");
  return flags
    .filter((flag) => !(isUnowned && flag === "observed"))
    .map((flag) => (Object.hasOwn(FLAG_TEXTS, flag) ? FLAG_TEXTS[flag as FlagName] : flag));
}

const FLAG_TEXTS: Readonly<Record<FlagName, string>> = {
  unowned: "nobody was granted the namespace of an item",
  observed: "of an item that another vendor answers for: it stands among the observations",
  reparented: "an item was in another container and was not taken out of it before",
  notLinked: "a containment changes no state, since the captor does not answer for both sides",
  quantityExceeded: "more is consumed than is known to be produced",
  quantityUncounted: "a quantity could not be counted",
  outputExceedsInput: "more comes out than went in",
  afterEnd: "an item was ended before",
  recommissioned: "an item was commissioned before",
  correction: "declares an earlier event in error",
  correctionUnknown: "the declared event is not known",
  notUndone: "something of the declared event could not be undone",
  handedOver: "handed over to the vendor that is named as destination",
  received: "received from the vendor that handed it over",
};

export function formatFinding(finding: EventFinding | undefined): string[] {
  if (finding === undefined) return [];
  if (finding.duplicateOf !== undefined) return [`    recorded before as ${finding.duplicateOf}`];
  return describeFlags(finding.flags ?? []).map((text) => `    ${text}`);
}
