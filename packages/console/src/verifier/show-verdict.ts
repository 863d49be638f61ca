/** A verdict as a person reads it: what is proven, what is only claimed, and by whom. */

import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { decodeCbor } from "@lhg/protocol/core/codec/cbor";
import type { Finding, Proven } from "@lhg/sdk/verify/verdict";
import type { ProofVerdict } from "@lhg/sdk/verify/verify-proof";
import type { ReceiptVerdict } from "@lhg/sdk/verify/verify-receipt";
import type { TraceVerdict } from "@lhg/sdk/verify/verify-trace";
import type { ValueVerdict } from "@lhg/sdk/verify/verify-value";
import { verifier as words } from "../strings/en-verifier.ts";
import { type Names, nameAddresses, showAddress } from "./address.ts";
import { code, element, type Facts, foreign, listFacts } from "./dom.ts";
import { showEvents } from "./show-events.ts";
import { showTime } from "./show-time.ts";

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
  const specific =
    proof === "receipt"
      ? receiptFacts(verdict as ReceiptVerdict, names)
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
      isClean ? undefined : listFindings(verdict.problems, names),
      checked,
    ),
    panel(words.proven, words.provenHint, "good", listFindings(verdict.proven, names)),
    panel(
      words.claimed,
      proof === "trace" ? words.claimedEvents : words.claimedHint,
      "warn",
      proof === "trace" && verdict.claimed.length > 0
        ? showEvents((verdict as TraceVerdict).events, names)
        : showClaims(verdict.claimed, names),
    ),
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

function listFindings(findings: readonly Finding[], names: Names): HTMLElement {
  return element("ul", {}, ...findings.map(({ text }) => element("li", {}, ...nameAddresses(text, names))));
}

function showClaims(claimed: readonly Finding[], names: Names): HTMLElement {
  if (claimed.length === 0) return element("p", {}, words.nothingClaimed);
  const byWhom = Map.groupBy(claimed, ({ by = "" }) => by);
  return element(
    "div",
    { class: "stack" },
    ...[...byWhom].map(([by, findings]) =>
      element(
        "div",
        {},
        element("div", { class: "said-by" }, element("span", {}, `${words.saidBy} `), showAddress(by, names)),
        listFindings(findings, names),
      ),
    ),
  );
}

function commonFacts({ chainId, provenByMs, height }: Proven): Facts {
  return [
    [words.facts.chain, code(chainId)],
    [words.facts.recorded, showTime(provenByMs)],
    [words.facts.height, String(height)],
  ];
}

function receiptFacts(verdict: ReceiptVerdict, names: Names): Facts {
  const { statementId, kind, by, key, succeeded, status, event } = verdict;
  const common: Facts = [
    [words.facts.statement, element("span", {}, `${kind} `, code(statementId))],
    [words.facts.signer, showAddress(by, names)],
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
