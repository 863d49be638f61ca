/** The events of a trace, by who says them: a line each, the rest of it one touch away. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import { steps } from "../strings/en-steps.ts";
import { verifier as words } from "../strings/en-verifier.ts";
import { describeItem } from "../words/identity.ts";
import { isConcern, nameFlag, nameStep } from "../words/steps.ts";
import { type Names, showAddress } from "./address.ts";
import { code, element, type Facts, foreign, listFacts } from "./dom.ts";
import { showTime } from "./show-time.ts";

const EVENTS_SHOWN_MAX = 500;
const EVENTS_SHOWN_FIRST = 10;
const ITEMS_SHOWN_MAX = 8;

/** The first ten by time are there at once; a captor whose events come later, with them. */
export function showEvents(events: readonly TracedEvent[], names: Names): HTMLElement {
  const list = element("div", { class: "stack" });
  const show = (count: number): void => list.replaceChildren(...groupEvents(events, count, names));
  show(EVENTS_SHOWN_FIRST);
  const count = Math.min(events.length, EVENTS_SHOWN_MAX);
  if (count <= EVENTS_SHOWN_FIRST) return list;
  const button = element("button", { type: "button", class: "button" }, words.showAll(count));
  button.addEventListener("click", () => {
    show(count);
    if (count < events.length) button.replaceWith(element("p", {}, words.more(events.length - count)));
    else button.remove();
  });
  return element("div", { class: "stack" }, list, element("p", {}, button));
}

function groupEvents(events: readonly TracedEvent[], count: number, names: Names): HTMLElement[] {
  const totals = Map.groupBy(events, ({ captor }) => captor);
  const shown = Map.groupBy(events.slice(0, count), ({ captor }) => captor);
  return [...shown].map(([captor, said]) =>
    element(
      "section",
      {},
      element(
        "div",
        { class: "said-by" },
        element("span", {}, `${words.saidBy} `),
        showAddress(captor, names),
        element("span", { class: "muted" }, words.countEvents(said.length, totals.get(captor)!.length)),
      ),
      element("ol", { class: "events" }, ...said.map((traced) => element("li", {}, showEvent(traced)))),
    ),
  );
}

function showEvent(traced: TracedEvent): HTMLElement {
  const { event, isRetracted, flags } = traced;
  const step = nameStep(steps, event);
  const first = event.items.find(({ role }) => role === "output") ?? event.items[0];
  const found = flags.map((flag) => nameFlag(steps, flag));
  const isMinded = isRetracted || flags.some(isConcern);
  return element(
    "details",
    { class: "event" },
    element(
      "summary",
      {},
      showTime(Date.parse(event.eventTime)),
      element("strong", {}, isRetracted ? element("s", {}, foreign(step)) : foreign(step)),
      first === undefined
        ? undefined
        : element("span", { class: "event-item" }, foreign(describeItem(steps, first.identity))),
      event.items.length > 1
        ? element("span", { class: "muted" }, words.more(event.items.length - 1))
        : undefined,
      isMinded ? element("span", { class: "flags" }, isRetracted ? words.retracted : words.mind) : undefined,
    ),
    listFacts(listDetails(traced, found)),
  );
}

function listDetails({ event, recordedMs, height, isRetracted }: TracedEvent, found: string[]): Facts {
  const columns = words.eventColumns;
  const left = event.items.length - ITEMS_SHOWN_MAX;
  const items = event.items
    .slice(0, ITEMS_SHOWN_MAX)
    .map(({ identity, role, quantity }) =>
      element("div", {}, code(identity), ` ${role}${quantity === undefined ? "" : `, ${quantity}`}`),
    );
  const flags = [...(isRetracted ? [words.retracted] : []), ...found].join("; ");
  return [
    [columns.time, foreign(event.eventTime)],
    [columns.items, element("div", {}, ...items, left > 0 ? words.more(left) : undefined)],
    [columns.recorded, element("span", {}, showTime(recordedMs), ` · ${words.block} ${height}`)],
    ...(flags === "" ? [] : [[columns.flags, flags] as const]),
  ];
}
