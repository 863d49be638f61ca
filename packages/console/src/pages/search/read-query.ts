/** What a text that somebody typed, pasted or scanned may name on a chain. */

export type Candidate =
  | { readonly kind: "block"; readonly height: number }
  | { readonly kind: "hash"; readonly hash: string }
  | { readonly kind: "event"; readonly id: string }
  | { readonly kind: "alias"; readonly alias: string }
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "item"; readonly identity: string }
  | { readonly kind: "name"; readonly name: string };

const HASH = /^(?:0x)?([0-9a-f]{64})$/i;
const EVENT = /^([0-9a-f]{64}):([0-9]{1,6})$/i;
const ADDRESS = /^(?:0x)?([0-9a-f]{40})$/i;
const URI = /^[a-z][a-z0-9+.-]*:\S+$/i;
const IDENTITY_LENGTH_MAX = 1_024;
const NAME_LENGTH_MAX = 64;

/** All it may be: 14 digits are a height as well as a GTIN. */
export function readQuery(text: string): Candidate[] {
  const query = text.trim().toWellFormed();
  if (query === "" || query.length > IDENTITY_LENGTH_MAX) return [];
  const found: Candidate[] = [];
  const digits = query.replaceAll(/[ ,.']/g, "");
  if (/^[0-9]{1,15}$/.test(digits)) found.push({ kind: "block", height: Number(digits) });
  const hash = HASH.exec(query)?.[1];
  if (hash !== undefined) found.push({ kind: "hash", hash: hash.toLowerCase() });
  const event = EVENT.exec(query);
  if (event !== null) found.push({ kind: "event", id: `${event[1]!.toLowerCase()}:${Number(event[2])}` });
  const address = ADDRESS.exec(query)?.[1];
  if (address !== undefined) found.push({ kind: "address", address: address.toLowerCase() });
  const identity = readElementString(query);
  if (identity !== undefined) found.push({ kind: "item", identity });
  else if (URI.test(query) && event === null) {
    found.push({ kind: "alias", alias: query });
    if (!query.startsWith("ni:")) found.push({ kind: "item", identity: query });
  }
  if (found.length === 0 && query.length <= NAME_LENGTH_MAX) found.push({ kind: "name", name: query });
  return found;
}

/** FNC1 as scanners write it. */
const SEPARATOR = "\\x1d";
const SCANNED = new RegExp(
  `^01([0-9]{14})(?:10([^${SEPARATOR}]{1,20})(?:${SEPARATOR}|$))?(?:21([^${SEPARATOR}]{1,20}))?$`,
);
const KEY_LENGTHS: Readonly<Record<string, number>> = { "00": 18, "01": 14, "414": 13, "417": 13 };

/**
 * A GS1 element string in brackets, `(01)09521234543213(21)1`, or the bare digits of one key, as a Digital Link. What
 * was scanned without brackets ends its fields of changing length with a group separator.
 */
function readElementString(query: string): string | undefined {
  if (query.startsWith("(")) {
    const fields = [...query.matchAll(/\(([0-9]{2,4})\)([^(]+)/g)];
    const length = fields.reduce((sum, [all]) => sum + all.length, 0);
    return length === query.length
      ? formatFields(fields.map(([, ai = "", value = ""]) => [ai, value]))
      : undefined;
  }
  const scanned = SCANNED.exec(query);
  if (scanned !== null) {
    const [, gtin = "", lot, serial] = scanned;
    return formatFields([
      ["01", gtin],
      ...(lot === undefined ? [] : [["10", lot] as const]),
      ...(serial === undefined ? [] : [["21", serial] as const]),
    ]);
  }
  if (/^00[0-9]{18}$/.test(query)) return formatFields([["00", query.slice(2)]]);
  if (/^[0-9]{18}$/.test(query)) return formatFields([["00", query]]);
  if (/^(?:[0-9]{8}|[0-9]{12,14})$/.test(query)) return formatFields([["01", query.padStart(14, "0")]]);
  return undefined;
}

/** Keys and their qualifiers; what only describes (weights, dates) does not name an item. */
function formatFields(fields: readonly (readonly [ai: string, value: string])[]): string | undefined {
  const named = fields.filter(
    ([ai], i) => i === 0 || ["22", "10", "21", "235", "254", "7040", "8011"].includes(ai),
  );
  const [ai, value] = named[0] ?? [];
  if (ai === undefined || value === undefined) return undefined;
  const length = KEY_LENGTHS[ai];
  if (length !== undefined && value.length !== length) return undefined;
  return `https://id.gs1.org/${named.map(([name, text]) => `${name}/${encodeURIComponent(text.trim())}`).join("/")}`;
}
