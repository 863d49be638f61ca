/** What a scanned or typed code means: an item, the address of a proof, or words that lead nowhere. */
import { LhgError } from "@lhg/protocol/core/errors";
import { canonicalIdentity, type IdentityKind } from "@lhg/protocol/epcis/identity";

export type ReadCode =
  | { readonly kind: "item"; readonly id: string; readonly identityKind: IdentityKind }
  /** An address that is no GS1 key: it may name an item, or be a page of anybody's. */
  | { readonly kind: "address"; readonly id: string }
  | { readonly kind: "proof"; readonly url: string }
  | { readonly kind: "unknown"; readonly text: string; readonly reason?: string };

const TEXT_MAX = 4_096;
const PROOF_PATH =
  /\/api\/v1\/(?:statements\/[0-9a-f]{64}\/receipt|events\/[^/]+\/receipt|items\/trace\/bundle|proofs\/value)$/;

/** Never throws and asks nobody. */
export function readCode(given: string): ReadCode {
  const text = given.trim().slice(0, TEXT_MAX);
  try {
    return readAddress(text) ?? readItem(readElementString(text) ?? text);
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    return { kind: "unknown", text, reason: error.message };
  }
}

/** A page of a console, or a route of a node's API that answers a proof. */
function readAddress(text: string): ReadCode | undefined {
  if (!/^https?:/i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (PROOF_PATH.test(url.pathname)) return { kind: "proof", url: url.href };
  const id = url.searchParams.get("id");
  return url.pathname === "/console/items" && id !== null ? readItem(id) : undefined;
}

function readItem(uri: string): ReadCode {
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(uri)) return { kind: "unknown", text: uri };
  const { key, kind, gs1 } = canonicalIdentity(uri, "code");
  if (gs1 === undefined && /^https?:/i.test(key)) return { kind: "address", id: key };
  // geo:, mailto:, tel: and the like name no thing.
  if (gs1 === undefined && !/^(?:urn|did|tag|ni):/i.test(key)) return { kind: "unknown", text: uri };
  return { kind: "item", id: key, identityKind: kind };
}

/** GS1 application identifiers of fixed length, which need no separator behind them. */
const FIXED_LENGTHS: ReadonlyMap<string, number> = new Map([
  ["00", 18],
  ["01", 14],
  ["02", 14],
  ["11", 6],
  ["12", 6],
  ["13", 6],
  ["15", 6],
  ["16", 6],
  ["17", 6],
  ["20", 2],
  ["402", 17],
  ["410", 13],
  ["413", 13],
  ["414", 13],
  ["417", 13],
  ["8006", 18],
  ["8017", 18],
  ["8018", 18],
]);
const OTHER_NAMES: readonly string[] = [
  "10",
  "21",
  "22",
  "37",
  "235",
  "240",
  "253",
  "254",
  "255",
  "401",
  "8003",
  "8004",
  "8010",
  "8011",
  "8019",
];
/** Keys, each with its qualifiers in the order of the Digital Link grammar. */
const KEYS: readonly (readonly [key: string, qualifiers: readonly string[]])[] = [
  ["01", ["22", "10", "21", "235"]],
  ["8006", ["22", "10", "21"]],
  ["8010", ["8011"]],
  ["00", []],
  ["8003", []],
  ["8004", []],
  ["253", []],
  ["255", []],
  ["401", []],
  ["402", []],
  ["414", ["254"]],
  ["417", []],
  ["8017", []],
  ["8018", ["8019"]],
];
const SYMBOLOGY = /^\](?:C1|d2|Q3|e0|J1)/;
const SEPARATOR = "\u001d";

/** `(01)09521234543213(21)1`, the same as a scanner sends it, or the bare digits below a bar code, as a Digital Link. */
export function readElementString(text: string): string | undefined {
  const elements = text.startsWith("(") ? readBracketed(text) : readPlain(text);
  if (elements === undefined) return undefined;
  for (const [key, qualifiers] of KEYS) {
    const value = elements.get(key);
    if (value === undefined) continue;
    const tail = qualifiers
      .filter((ai) => elements.has(ai))
      .map((ai) => `/${ai}/${encodeURIComponent(elements.get(ai)!)}`);
    return `https://id.gs1.org/${key}/${encodeURIComponent(value)}${tail.join("")}`;
  }
  return undefined;
}

function readBracketed(text: string): ReadonlyMap<string, string> | undefined {
  const elements = new Map<string, string>();
  // A bracket may stand in a value, so only a number in brackets begins the next element.
  const parts = text.split(/\(([0-9]{2,4})\)/).slice(1);
  for (let at = 0; at < parts.length; at += 2) elements.set(parts[at]!, parts[at + 1]!.trim());
  return elements.size === 0 ? undefined : elements;
}

function readPlain(text: string): ReadonlyMap<string, string> | undefined {
  if (/^(?:[0-9]{8}|[0-9]{12,14})$/.test(text)) return new Map([["01", text.padStart(14, "0")]]);
  if (/^[0-9]{18}$/.test(text)) return new Map([["00", text]]);
  const isMarked = SYMBOLOGY.test(text) || text.includes(SEPARATOR);
  if (!isMarked && !/^01[0-9]{14}(?:21|10|17)/.test(text) && !/^00[0-9]{18}$/.test(text)) return undefined;
  const elements = new Map<string, string>();
  let rest = text.replace(SYMBOLOGY, "");
  while (rest !== "") {
    if (rest.startsWith(SEPARATOR)) rest = rest.slice(1);
    const ai = [...FIXED_LENGTHS.keys(), ...OTHER_NAMES].find((name) => rest.startsWith(name));
    if (ai === undefined) return elements.size === 0 ? undefined : elements;
    rest = rest.slice(ai.length);
    const fixed = FIXED_LENGTHS.get(ai);
    const end = rest.indexOf(SEPARATOR);
    const length = fixed ?? (end < 0 ? rest.length : end);
    elements.set(ai, rest.slice(0, length));
    rest = rest.slice(length);
  }
  return elements;
}
