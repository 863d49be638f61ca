/** What stands on labels and what people type, as the one identity that the ledger has of it. */
import { LhgError } from "@lhg/protocol/core/errors";
import { canonicalIdentity, type Identity, MAX_IDENTITY_LENGTH } from "@lhg/protocol/epcis/identity";

const TEXT_MAX = 4_096;
const EXAMPLE =
  "write what stands on the label, such as (01)09506000134352(21)7, the digits below a bar code, or an address such as https://id.gs1.org/01/09506000134352/21/7";
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const CONSOLE_PAGE = /^\/console\/(?:items|recall|labels)\/?$/;
const HOST_AND_KEY = /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]+)?\/\S+$/;

/**
 * A GS1 element string, with brackets or as a scanner sends it; the bare digits of a GTIN or SSCC, with spaces as they
 * are printed; an EPC URN; a Digital Link of any domain; an address of a console; any other URI.
 * Throws `item.text` (names nothing), `item.length`, `item.check-digit`, `identity.gs1` (another fault of a GS1 key).
 */
export function readItem(given: string, field: string): Identity {
  const text = given.trim().toWellFormed();
  if (text.length > TEXT_MAX)
    throw new LhgError("item.length", `is longer than ${TEXT_MAX} characters`, field);
  const shown = readConsoleAddress(text);
  if (shown !== undefined) return readUri(shown.trim(), field);
  const digits = /^[0-9][0-9 -]*$/.test(text) ? text.replaceAll(/[ -]/g, "") : text;
  const link = readElementString(digits);
  if (link !== undefined) return readUri(link, field);
  if (SCHEME.test(text)) return readUri(text, field);
  if (/^[0-9]+$/.test(digits))
    throw new LhgError(
      "item.text",
      `has ${digits.length} ${digits.length === 1 ? "digit" : "digits"}; a GTIN has 8, 12, 13 or 14 of them, the code of a pallet (SSCC) 18: ${EXAMPLE}`,
      field,
    );
  const bare = HOST_AND_KEY.test(text) ? readUri(`https://${text}`, field) : undefined;
  if (bare?.gs1 !== undefined) return bare;
  throw new LhgError("item.text", `names no item: ${EXAMPLE}`, field);
}

function readConsoleAddress(text: string): string | undefined {
  if (!/^https?:/i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return CONSOLE_PAGE.test(url.pathname) ? (url.searchParams.get("id") ?? undefined) : undefined;
}

function readUri(uri: string, field: string): Identity {
  try {
    return canonicalIdentity(uri, "");
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    throw explain(error, uri, field);
  }
}

function explain({ code, message }: LhgError, uri: string, field: string): LhgError {
  const checked = /check digit in \(([0-9]+)\)/.exec(message)?.[1];
  if (checked !== undefined)
    return new LhgError(
      "item.check-digit",
      `has a wrong check digit in (${checked}): one of its digits was misread or mistyped`,
      field,
    );
  if (code !== "identity.uri") return new LhgError(code, `${message}: ${EXAMPLE}`, field);
  return uri.length > MAX_IDENTITY_LENGTH
    ? new LhgError("item.length", `is longer than ${MAX_IDENTITY_LENGTH} characters`, field)
    : new LhgError("item.text", `names no item: ${EXAMPLE}`, field);
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
  if (!isMarked && !/^01[0-9]{14}(?:21|10|17|$)/.test(text) && !/^00[0-9]{18}$/.test(text)) return undefined;
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
