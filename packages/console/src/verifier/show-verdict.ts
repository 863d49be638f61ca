/** A verdict as a person reads it: what is proven, what is only claimed, and by whom. */

import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { decodeCbor } from "@lhg/protocol/core/codec/cbor";
import type { Finding, Proven } from "@lhg/sdk/verify/verdict";
import type { ProofVerdict } from "@lhg/sdk/verify/verify-proof";
import type { ReceiptVerdict } from "@lhg/sdk/verify/verify-receipt";
import type { TracedEvent, TraceVerdict } from "@lhg/sdk/verify/verify-trace";
import type { ValueVerdict } from "@lhg/sdk/verify/verify-value";
import { verifier as words } from "../strings/en-verifier.ts";
import { code, element, type Facts, foreign, listFacts } from "./dom.ts";

const EVENTS_SHOWN_MAX = 500;
const ITEMS_SHOWN_MAX = 8;

type Names = ReadonlyMap<string, string>;

export function showFailure(title: string, message: string, code: string): HTMLElement {
  return element(
    "section",
    { class: "verdict bad", role: "alert" },
    element("h2", {}, `✗ ${title}`),
    element("p", {}, foreign(message)),
    element("p", { class: "mono" }, foreign(code)),
  );
}

export function showVerdict({ proof, verdict }: ProofVerdict, source: string, names: Names): HTMLElement {
  const checked = element("p", { class: "muted" }, `${words.source}: `, foreign(source));
  if (!verdict.ok) {
    const { message, code, field } = verdict;
    const shown = showFailure(words.fails, message, field === "" ? code : `${code} · ${field}`);
    shown.append(element("p", {}, words.failsHint), element("p", {}, words.proof[proof]), checked);
    return shown;
  }
  const isClean = verdict.problems.length === 0;
  const nameOf = (by: string): HTMLElement => showAddress(by, names);
  const specific =
    proof === "receipt"
      ? receiptFacts(verdict as ReceiptVerdict, nameOf)
      : proof === "trace"
        ? traceFacts(verdict as TraceVerdict)
        : valueFacts(verdict as ValueVerdict);
  return element(
    "div",
    { class: "stack" },
    element(
      "section",
      { class: isClean ? "verdict good" : "verdict warn", role: "status" },
      element("h2", {}, isClean ? `✓ ${words.holds}` : `! ${words.holdsBut}`),
      element("p", {}, words.proof[proof as "receipt"]),
      isClean ? undefined : listFindings(verdict.problems),
      checked,
    ),
    panel(words.proven, words.provenHint, "good", listFindings(verdict.proven, names)),
    panel(words.claimed, words.claimedHint, "warn", showClaims(verdict.claimed, nameOf)),
    proof === "trace" ? showEvents((verdict as TraceVerdict).events, nameOf) : undefined,
    element("section", { class: "panel" }, listFacts([...commonFacts(verdict), ...specific])),
    showData(verdict),
  );
}

function panel(title: string, hint: string, tone: string, ...children: Node[]): HTMLElement {
  return element(
    "section",
    { class: `panel ${tone}` },
    element("h2", {}, title),
    element("p", { class: "muted" }, hint),
    ...children,
  );
}

/** Addresses within sentences get the names that the pinned genesis gives them. */
function listFindings(findings: readonly Finding[], names: Names = new Map()): HTMLElement {
  return element(
    "ul",
    {},
    ...findings.map(({ text }) => {
      const found = [...names].filter(([address]) => text.includes(address));
      const said = found.map(([, name]) => foreign(name));
      return element("li", {}, foreign(text), ...said.flatMap((name) => [" (", name, ")"]));
    }),
  );
}

function showClaims(claimed: readonly Finding[], nameOf: (by: string) => HTMLElement): HTMLElement {
  if (claimed.length === 0) return element("p", {}, words.nothingClaimed);
  const byWhom = Map.groupBy(claimed, ({ by = "" }) => by);
  return element(
    "div",
    { class: "stack" },
    ...[...byWhom].map(([by, findings]) =>
      element("div", {}, element("p", {}, `${words.saidBy} `, nameOf(by), ":"), listFindings(findings)),
    ),
  );
}

function showAddress(by: string, names: Names): HTMLElement {
  const name = names.get(by);
  if (name === undefined) return code(by);
  return element("span", {}, element("strong", {}, foreign(name)), " ", code(by));
}

function commonFacts({ chainId, provenByMs, height }: Proven): Facts {
  return [
    [words.facts.chain, code(chainId)],
    [words.facts.recorded, showTime(provenByMs)],
    [words.facts.height, String(height)],
  ];
}

function receiptFacts(verdict: ReceiptVerdict, nameOf: (by: string) => HTMLElement): Facts {
  const { statementId, kind, by, key, succeeded, status, event } = verdict;
  const common: Facts = [
    [words.facts.statement, element("span", {}, `${kind} `, code(statementId))],
    [words.facts.signer, nameOf(by)],
    [words.facts.key, element("span", {}, `${key.alg} `, code(key.publicKey))],
    [words.facts.outcome, succeeded ? words.outcomeOk : words.outcomeFailed(status)],
  ];
  return event === undefined ? common : [...common, [words.facts.event, code(event.hash)]];
}

function traceFacts({ identity, isComplete }: TraceVerdict): Facts {
  return [
    [words.facts.item, code(identity)],
    [words.facts.complete, isComplete ? words.complete : words.incomplete],
  ];
}

function valueFacts({ key, value }: ValueVerdict): Facts {
  return [
    [words.facts.key2, code(describeBytes(key))],
    [words.facts.value, value === null ? words.facts.nothing : code(describeBytes(value))],
  ];
}

/** CBOR in words where it is CBOR; byte strings in hexadecimal. */
function describeBytes(hex: string): string {
  try {
    return JSON.stringify(decodeCbor(fromHex(hex)), (_name, value: unknown) =>
      value instanceof Uint8Array ? toHex(value) : typeof value === "bigint" ? String(value) : value,
    );
  } catch {
    return hex;
  }
}

function showEvents(events: readonly TracedEvent[], nameOf: (by: string) => HTMLElement): HTMLElement {
  const columns = words.eventColumns;
  const heads = [columns.time, columns.step, columns.items, columns.by, columns.recorded, columns.flags];
  const left = events.length - EVENTS_SHOWN_MAX;
  return element(
    "section",
    { class: "panel" },
    element("h2", {}, words.events),
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
      element(
        "tbody",
        {},
        ...events.slice(0, EVENTS_SHOWN_MAX).map((traced) => showEvent(traced, heads, nameOf)),
      ),
    ),
    left > 0 ? element("p", {}, words.more(left)) : undefined,
  );
}

function showEvent(
  { event, captor, recordedMs, height, flags, isRetracted }: TracedEvent,
  heads: readonly string[],
  nameOf: (by: string) => HTMLElement,
): HTMLElement {
  const what = event.bizStep?.replace(/^https:\/\/ref\.gs1\.org\/cbv\/BizStep-/, "") ?? event.type;
  const left = event.items.length - ITEMS_SHOWN_MAX;
  const items = event.items
    .slice(0, ITEMS_SHOWN_MAX)
    .map(({ identity, role, quantity }) =>
      element("div", {}, code(identity), ` ${role}${quantity === undefined ? "" : `, ${quantity}`}`),
    );
  const found = [...(isRetracted ? [words.retracted] : []), ...flags].join(", ");
  const cells = [
    element("span", {}, event.eventTime),
    foreign(event.action === null ? what : `${what} (${event.action})`),
    element("div", {}, ...items, left > 0 ? words.more(left) : undefined),
    nameOf(captor),
    element("span", {}, showTime(recordedMs), ` · ${height}`),
    element("span", found === "" ? {} : { class: "flags" }, found === "" ? "–" : found),
  ];
  return element(
    "tr",
    {},
    ...cells.map((cell, at) => element("td", { "data-head": heads[at] }, element("div", {}, cell))),
  );
}

export function showTime(ms: number): HTMLElement {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return element("span", {}, `${ms} ms`);
  return element(
    "time",
    { datetime: date.toISOString(), title: date.toISOString() },
    date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" }),
  );
}

const DATA_SHOWN_MAX = 200_000;
/** Overrides of writing direction, which JSON leaves as they are. */
const DIRECTIONS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function showData(verdict: object): HTMLElement {
  const text = JSON.stringify(verdict, undefined, 2).replace(
    DIRECTIONS,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  );
  const shown = text.length > DATA_SHOWN_MAX ? `${text.slice(0, DATA_SHOWN_MAX)}…` : text;
  return element(
    "details",
    { class: "panel" },
    element("summary", {}, words.details),
    element("pre", { class: "source", tabindex: "0" }, shown),
  );
}
