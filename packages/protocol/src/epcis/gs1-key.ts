/**
 * GS1 identification keys in their two URI forms, EPC URN (TDS 1.13, section 6) and GS1 Digital Link URI, read
 * into one value. The keys and key qualifiers are those of CBV 2.0's constrained canonical Digital Link.
 */

export type IdentityKind =
  | "instance"
  | "lot"
  | "class"
  | "location"
  | "party"
  | "document"
  | "shipment"
  | "service-relation"
  | "coupon"
  | "uri";

export interface Gs1Key {
  /** Application identifier of the primary key: "01", "8004", ... */
  readonly ai: string;
  /** Its value, check digit included, GTINs with 14 digits, no percent-encoding. */
  readonly value: string;
  /** The finest key qualifier, if any: a serial rather than a lot. */
  readonly qualifier?: { readonly ai: string; readonly value: string };
}

/** A key; or what looks like one and is malformed; or `undefined`, which is another URI. */
export type Gs1Reading = { readonly key: Gs1Key } | { readonly problem: string } | undefined;

interface KeyRule {
  readonly form: RegExp;
  /** Position of the check digit, counted from 1; 0 where the key has none. */
  readonly checkAt: number;
  /** Indicator, extension or filler digits before the company prefix. */
  readonly skip: number;
  /** Key qualifiers in the order of the Digital Link grammar. */
  readonly qualifiers: readonly string[];
  /** Of the key with no qualifier and no serial. */
  readonly kind: IdentityKind;
  /** Of a longer value (a serial behind the check digit) or a qualified key. */
  readonly fineKind?: IdentityKind;
}

/** Encodable character set 82 of the GS1 General Specifications. */
const SET_82 = `[!"%&'()*+,\\-./0-9:;<=>?A-Z_a-z]`;

const KEY_RULES: ReadonlyMap<string, KeyRule> = new Map<string, KeyRule>([
  ["00", rule("[0-9]{18}", 18, 1, [], "instance")],
  ["01", rule("[0-9]{14}", 14, 1, ["22", "10", "21", "235"], "class", "instance")],
  ["253", rule(`[0-9]{13}${SET_82}{0,17}`, 13, 0, [], "class", "document")],
  ["255", rule("[0-9]{13,25}", 13, 0, [], "class", "coupon")],
  ["401", rule(`[0-9]{4}${SET_82}{0,26}`, 0, 0, [], "shipment")],
  ["402", rule("[0-9]{17}", 17, 0, [], "shipment")],
  ["414", rule("[0-9]{13}", 13, 0, ["254"], "location", "location")],
  ["417", rule("[0-9]{13}", 13, 0, ["7040"], "party")],
  ["8003", rule(`0[0-9]{13}${SET_82}{0,16}`, 14, 1, [], "class", "instance")],
  ["8004", rule(`[0-9]{4}${SET_82}{0,26}`, 0, 0, [], "instance")],
  ["8006", rule("[0-9]{18}", 14, 1, ["22", "10", "21"], "class", "instance")],
  ["8010", rule("[0-9]{4}[0-9A-Z#/\\-]{0,26}", 0, 0, ["8011"], "class", "instance")],
  ["8017", rule("[0-9]{18}", 18, 0, ["8019"], "service-relation")],
  ["8018", rule("[0-9]{18}", 18, 0, ["8019"], "service-relation")],
]);

const SERIAL_BEHIND_CHECK: ReadonlySet<string> = new Set(["253", "255", "8003"]);

const QUALIFIER_FORMS: ReadonlyMap<string, RegExp> = new Map([
  ["10", whole(`${SET_82}{1,20}`)],
  ["21", whole(`${SET_82}{1,20}`)],
  ["22", whole(`${SET_82}{1,20}`)],
  ["235", whole(`${SET_82}{1,28}`)],
  ["254", whole(`${SET_82}{1,20}`)],
  ["7040", whole("[0-9][!-~]{3}")],
  ["8011", whole("[0-9]{1,12}")],
  ["8019", whole("[0-9]{1,10}")],
]);

/** Qualifiers an identity keeps, the finest first; the others (22, 7040, 8019) are dropped (CBV 2.0). */
const KEPT_QUALIFIERS = ["21", "235", "10", "254", "8011"] as const;

const ALPHA_NAMES: ReadonlyMap<string, string> = new Map([
  ["sscc", "00"],
  ["gtin", "01"],
  ["gdti", "253"],
  ["gcn", "255"],
  ["ginc", "401"],
  ["gsin", "402"],
  ["gln", "414"],
  ["party", "417"],
  ["grai", "8003"],
  ["giai", "8004"],
  ["itip", "8006"],
  ["cpid", "8010"],
  ["gsrnp", "8017"],
  ["gsrn", "8018"],
  ["cpv", "22"],
  ["lot", "10"],
  ["ser", "21"],
  ["glnx", "254"],
  ["cpsn", "8011"],
  ["refno", "8019"],
]);

/** Reads an EPC URN or a Digital Link URI of any domain. */
export function readGs1Key(uri: string): Gs1Reading {
  return /^urn:epc:/i.test(uri) ? readEpcUrn(uri.slice(8)) : readDigitalLink(uri);
}

/** `https://id.gs1.org/...` (CBV 2.0, constrained canonical GS1 Digital Link URI). */
export function formatDigitalLink(key: Gs1Key): string {
  const tail =
    key.qualifier === undefined ? "" : `/${key.qualifier.ai}/${encodeSegment(key.qualifier.value)}`;
  return `https://id.gs1.org/${key.ai}/${encodeSegment(key.value)}${tail}`;
}

export function kindOfKey(key: Gs1Key): IdentityKind {
  const { kind, fineKind = kind, checkAt } = KEY_RULES.get(key.ai)!;
  if (key.qualifier?.ai === "10") return "lot";
  const endsInSerial = SERIAL_BEHIND_CHECK.has(key.ai) && key.value.length > checkAt;
  return key.qualifier !== undefined || endsInSerial ? fineKind : kind;
}

/** The digits a company prefix is matched on: no indicator, extension or filler digit before it. */
export function prefixDigits(key: Gs1Key): string {
  return /^[0-9]*/.exec(key.value.slice(KEY_RULES.get(key.ai)!.skip))![0];
}

function rule(
  form: string,
  checkAt: number,
  skip: number,
  qualifiers: readonly string[],
  kind: IdentityKind,
  fineKind?: IdentityKind,
): KeyRule {
  const base = { form: whole(form), checkAt, skip, qualifiers, kind };
  return fineKind === undefined ? base : { ...base, fineKind };
}

function whole(form: string): RegExp {
  return new RegExp(`^${form}$`);
}

/** GS1 General Specifications 7.9: weights 3 and 1 from the right. */
function checkDigit(digits: string): string {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const weight = (digits.length - i) % 2 === 1 ? 3 : 1;
    sum += weight * (digits.charCodeAt(i) - 0x30);
  }
  return String((10 - (sum % 10)) % 10);
}

function completeKey(ai: string, value: string, qualifiers: ReadonlyMap<string, string>): Gs1Reading {
  const keyRule = KEY_RULES.get(ai)!;
  if (!keyRule.form.test(value)) return { problem: `must have a well-formed value of (${ai})` };
  const { checkAt } = keyRule;
  if (checkAt > 0 && checkDigit(value.slice(0, checkAt - 1)) !== value[checkAt - 1])
    return { problem: `must have a correct check digit in (${ai})` };
  for (const [name, text] of qualifiers)
    if (!QUALIFIER_FORMS.get(name)!.test(text))
      return { problem: `must have a well-formed value of (${name})` };
  const kept = KEPT_QUALIFIERS.find((name) => qualifiers.has(name));
  // TDS 6.3.3: the GLN extension 0 says that there is none.
  if (kept === undefined || (kept === "254" && qualifiers.get(kept) === "0")) return { key: { ai, value } };
  return { key: { ai, value, qualifier: { ai: kept, value: qualifiers.get(kept)! } } };
}

const WEB_PATH = /^https?:\/\/[^/?#]+(\/[^?#]*)/i;

/**
 * The path is a stem, then key and value, then qualifiers and values; query and fragment
 * do not identify (GS1 Digital Link URI syntax 1.2).
 */
function readDigitalLink(uri: string): Gs1Reading {
  const path = WEB_PATH.exec(uri)?.[1];
  if (path === undefined) return undefined;
  const segments = (path.endsWith("/") ? path.slice(1, -1) : path.slice(1)).split("/");
  for (let at = segments.length % 2; at < segments.length; at += 2) {
    const ai = toAi(segments[at]!);
    const keyRule = KEY_RULES.get(ai);
    if (keyRule === undefined) continue;
    const qualifiers = readQualifiers(segments.slice(at + 2), keyRule);
    const value = decodePercent(segments[at + 1]!);
    if (qualifiers === undefined || value === undefined) continue;
    return completeKey(ai, ai === "01" ? padGtin(value) : value, qualifiers);
  }
  const first = toAi(segments[0]!);
  return KEY_RULES.has(first) ? { problem: `must have (${first}) and its qualifiers in order` } : undefined;
}

function readQualifiers(
  segments: readonly string[],
  keyRule: KeyRule,
): ReadonlyMap<string, string> | undefined {
  const qualifiers = new Map<string, string>();
  let last = -1;
  for (let i = 0; i < segments.length; i += 2) {
    const ai = toAi(segments[i]!);
    const order = keyRule.qualifiers.indexOf(ai);
    const value = decodePercent(segments[i + 1]!);
    if (order <= last || value === undefined) return undefined;
    last = order;
    qualifiers.set(ai, value);
  }
  return qualifiers;
}

function toAi(segment: string): string {
  return ALPHA_NAMES.get(segment) ?? segment;
}

function padGtin(value: string): string {
  return /^(?:[0-9]{8}|[0-9]{12,13})$/.test(value) ? value.padStart(14, "0") : value;
}

/** The families and schemes are a closed list: `urn:epc:ID:sgtin:...` must not be a second name of a thing. */
function readEpcUrn(body: string): Gs1Reading {
  const [family, scheme = "", rest = ""] = splitAt(body, ":", 3);
  if (family === "tag" || family === "raw" || family === "pat")
    return { problem: "must be a pure identity, not the encoding of a tag" };
  if (family !== "class" && rest !== "" && OPAQUE_SCHEMES.has(scheme)) return undefined;
  const read = URN_FAMILIES.get(family!)?.get(scheme);
  return read?.(rest) ?? { problem: "must be a well-formed EPC URN of a known scheme" };
}

type UrnReader = (body: string) => Gs1Reading;

/** With no Digital Link form: they identify as they stand. */
const OPAQUE_SCHEMES: ReadonlySet<string> = new Set(["gid", "usdod", "adi", "bic", "imovn"]);

const URN_SCHEMES: ReadonlyMap<string, UrnReader> = new Map<string, UrnReader>([
  ["sgtin", (body) => readTradeItem(body, "21")],
  ["upui", (body) => readTradeItem(body, "235")],
  ["sscc", (body) => readIndicated(body, "00", 17)],
  ["sgln", readLocation],
  ["pgln", (body) => readPlain(body, "417", 12)],
  ["gsrn", (body) => readPlain(body, "8018", 17)],
  ["gsrnp", (body) => readPlain(body, "8017", 17)],
  ["gsin", (body) => readPlain(body, "402", 16)],
  ["grai", (body) => readSerialised(body, "8003", "0")],
  ["gdti", (body) => readSerialised(body, "253", "")],
  ["sgcn", (body) => readSerialised(body, "255", "")],
  ["giai", (body) => readReference(body, "8004")],
  ["ginc", (body) => readReference(body, "401")],
  ["cpi", readComponentPart],
  ["itip", readItemPiece],
]);

/** Patterns that name one class: a star in the place of the serial and nowhere else. */
const PATTERN_SCHEMES: ReadonlyMap<string, UrnReader> = new Map<string, UrnReader>(
  ["sgtin", "upui", "grai", "gdti", "sgcn", "cpi", "itip"].map((scheme) => [
    scheme,
    (body) => {
      if (!body.endsWith(".*")) return undefined;
      const instance = URN_SCHEMES.get(scheme)!(`${body.slice(0, -1)}0`);
      if (instance === undefined || "problem" in instance) return instance;
      const { ai, value, qualifier } = instance.key;
      return { key: { ai, value: qualifier === undefined ? value.slice(0, -1) : value } };
    },
  ]),
);

const URN_FAMILIES: ReadonlyMap<string, ReadonlyMap<string, UrnReader>> = new Map([
  ["id", URN_SCHEMES],
  ["idpat", PATTERN_SCHEMES],
  ["class", new Map<string, UrnReader>([["lgtin", (body) => readTradeItem(body, "10")]])],
]);

/** Company prefix of 6 to 12 digits and reference, `total` digits together. */
function isPrefixed(prefix: string | undefined, reference: string | undefined, total: number): boolean {
  return (
    prefix !== undefined &&
    reference !== undefined &&
    /^[0-9]{6,12}$/.test(prefix) &&
    /^[0-9]*$/.test(reference) &&
    prefix.length + reference.length === total
  );
}

/** GTIN-14 of a prefix and a reference that begins with the indicator digit. */
function toGtin(prefix: string, reference: string): string {
  return withCheck(reference.slice(0, 1) + prefix + reference.slice(1));
}

function withCheck(digits: string): string {
  return digits + checkDigit(digits);
}

function readTradeItem(body: string, qualifierAi: string): Gs1Reading {
  const [prefix, reference, serial] = splitAt(body, ".", 3);
  const value = decodeUrnPart(serial);
  if (!isPrefixed(prefix, reference, 13) || value === undefined) return undefined;
  return completeKey("01", toGtin(prefix!, reference!), new Map([[qualifierAi, value]]));
}

function readItemPiece(body: string): Gs1Reading {
  const [prefix, reference, piece, total, serial] = splitAt(body, ".", 5);
  const value = decodeUrnPart(serial);
  if (!isPrefixed(prefix, reference, 13) || value === undefined) return undefined;
  if (!/^[0-9]{2}$/.test(piece!) || !/^[0-9]{2}$/.test(total!)) return undefined;
  return completeKey("8006", toGtin(prefix!, reference!) + piece + total, new Map([["21", value]]));
}

function readIndicated(body: string, ai: string, digits: number): Gs1Reading {
  const [prefix, reference] = splitAt(body, ".", 2);
  if (!isPrefixed(prefix, reference, digits)) return undefined;
  return completeKey(ai, toGtin(prefix!, reference!), new Map());
}

function readPlain(body: string, ai: string, digits: number): Gs1Reading {
  const [prefix, reference] = splitAt(body, ".", 2);
  if (!isPrefixed(prefix, reference, digits)) return undefined;
  return completeKey(ai, withCheck(prefix! + reference!), new Map());
}

function readLocation(body: string): Gs1Reading {
  const [prefix, reference, extension] = splitAt(body, ".", 3);
  const value = decodeUrnPart(extension);
  if (!isPrefixed(prefix, reference, 12) || value === undefined) return undefined;
  return completeKey("414", withCheck(prefix! + reference!), new Map([["254", value]]));
}

function readSerialised(body: string, ai: string, filler: string): Gs1Reading {
  const [prefix, reference, serial] = splitAt(body, ".", 3);
  const value = decodeUrnPart(serial);
  if (!isPrefixed(prefix, reference, 12) || value === undefined) return undefined;
  return completeKey(ai, filler + withCheck(prefix! + reference!) + value, new Map());
}

function readReference(body: string, ai: string): Gs1Reading {
  const [prefix, reference] = splitAt(body, ".", 2);
  const value = decodeUrnPart(reference);
  if (value === undefined || !/^[0-9]{6,12}$/.test(prefix!)) return undefined;
  return completeKey(ai, prefix! + value, new Map());
}

function readComponentPart(body: string): Gs1Reading {
  const [prefix, reference, serial] = splitAt(body, ".", 3);
  const value = decodeUrnPart(reference);
  if (value === undefined || serial === undefined || !/^[0-9]{6,12}$/.test(prefix!)) return undefined;
  return completeKey("8010", prefix! + value, new Map([["8011", serial]]));
}

/** Splits into `count` parts; the last one keeps further separators, since serials may hold dots. */
function splitAt(text: string, separator: string, count: number): (string | undefined)[] {
  const parts = text.split(separator);
  if (parts.length <= count) return parts;
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)];
}

const URN_PART = /^(?:[!'()*+,\-.0-9:;=A-Za-z_]|%[0-9A-Fa-f]{2})+$/;

function decodeUrnPart(text: string | undefined): string | undefined {
  return text !== undefined && URN_PART.test(text) ? decodePercent(text) : undefined;
}

/** Decodes %XX of ASCII; `undefined` for anything else behind a percent sign. */
function decodePercent(text: string): string | undefined {
  if (!text.includes("%")) return text;
  let out = "";
  for (let i = 0; i < text.length; i++) {
    const hex = text.slice(i + 1, i + 3);
    if (text[i] !== "%") out += text[i];
    else if (/^[0-7][0-9A-Fa-f]$/.test(hex)) {
      out += String.fromCharCode(Number.parseInt(hex, 16));
      i += 2;
    } else return undefined;
  }
  return out;
}

/** What stays literal stays so in an EPC URN's serial too, but for ! ( ) * + , and : which a Digital Link encodes. */
const LITERAL = /^[A-Za-z0-9\-._';=]*$/;

function encodeSegment(text: string): string {
  if (LITERAL.test(text)) return text;
  let out = "";
  for (const character of text) {
    const code = character.charCodeAt(0);
    out += LITERAL.test(character) ? character : `%${code.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}
