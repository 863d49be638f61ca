/** The journey of an item in lines, whoever it comes from: a node's word, or a verified bundle. */
import { describeFlags } from "./event-findings.ts";

export interface JourneyStep {
  readonly id: string;
  readonly eventTime: string;
  readonly type: string;
  readonly action: string | null;
  readonly bizStep: string | null;
  readonly readPoint: string | null;
  readonly items: readonly { readonly identity: string; readonly role: string; readonly quantity?: string }[];
  readonly captor: string;
  readonly height: number;
  readonly depth: number;
  readonly log: string;
  readonly isRetracted: boolean;
  readonly flags: readonly string[];
}

const ITEMS_SHOWN = 6;
const VOCABULARY = /^https:\/\/ref\.gs1\.org\/cbv\/[A-Za-z]+-/;

/** `nameOf` gives the name of a vendor, where it is known. */
export function formatJourney(
  steps: readonly JourneyStep[],
  nameOf: (address: string) => string | undefined,
): string[] {
  return steps.flatMap((step) => {
    const what = [step.type, step.action, shorten(step.bizStep)].filter((part) => part !== null).join(" ");
    const place = step.readPoint === null ? "" : `  at ${step.readPoint}`;
    const name = nameOf(step.captor);
    const notes = [
      step.isRetracted ? "declared in error" : "",
      ...describeFlags(step.flags),
      step.log === "observation" && !isFlaggedObserved(step)
        ? "said by who does not answer for the item"
        : "",
    ].filter((note) => note !== "");
    return [
      `${step.eventTime}  ${what}${place}`,
      ...formatItems(step.items),
      `    by ${name === undefined ? step.captor : `${name} (${step.captor})`}, block ${step.height}, ${step.id}`,
      ...(notes.length === 0 ? [] : [`    note: ${notes.join("; ")}`]),
    ];
  });
}

function isFlaggedObserved({ flags }: JourneyStep): boolean {
  return flags.includes("observed") || flags.includes("unowned");
}

function formatItems(items: JourneyStep["items"]): string[] {
  const shown = items.slice(0, ITEMS_SHOWN).map(({ identity, role, quantity }) => {
    const amount = quantity === undefined ? "" : `, ${quantity}`;
    return `    ${role === "epc" ? "item" : role} ${identity}${amount}`;
  });
  const more = items.length - shown.length;
  return more > 0 ? [...shown, `    and ${more} more`] : shown;
}

function shorten(term: string | null): string | null {
  return term === null ? null : term.replace(VOCABULARY, "");
}
