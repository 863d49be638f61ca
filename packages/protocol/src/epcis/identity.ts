/** What names an item, a place or a party on the ledger: one key per thing, whatever form the event wrote. */
import { LhgError } from "../core/errors.ts";
import { formatDigitalLink, type IdentityKind, kindOfKey, prefixDigits, readGs1Key } from "./gs1-key.ts";
import { isUri } from "./text.ts";

export type { IdentityKind } from "./gs1-key.ts";

export interface Identity {
  /** Canonical Digital Link of a GS1 key, or the URI byte for byte; ASCII, at most 1024 characters. */
  readonly key: string;
  readonly kind: IdentityKind;
  /** `digits`: the leading digits of the key, indicator, extension and filler digits removed. */
  readonly gs1?: { readonly ai: string; readonly digits: string };
}

export const MAX_IDENTITY_LENGTH = 1024;

const GS1_CURIE = "gs1:";
const GS1_VOCABULARY = "https://gs1.org/voc/";
const GS1_HOST = /^https?:\/\/id\.gs1\.org(?::[0-9]*)?\//i;

/**
 * The one identity of a URI: every EPC URN and every Digital Link of a GS1 key, on any domain, becomes the
 * constrained canonical Digital Link of CBV 2.0; every other URI stays as it is, byte for byte.
 * Throws `identity.uri` (no URI, not ASCII, too long) or `identity.gs1` (a malformed EPC URN, or a malformed key
 * under id.gs1.org; under another domain it is just a URI).
 */
export function canonicalIdentity(uri: string, field: string): Identity {
  const full = uri.startsWith(GS1_CURIE) ? GS1_VOCABULARY + uri.slice(GS1_CURIE.length) : uri;
  if (full.length > MAX_IDENTITY_LENGTH || !isUri(full))
    throw new LhgError(
      "identity.uri",
      `must be an ASCII URI of at most ${MAX_IDENTITY_LENGTH} characters`,
      field,
    );
  const reading = readGs1Key(full);
  if (reading === undefined) return { key: full, kind: "uri" };
  if ("problem" in reading) {
    if (/^urn:/i.test(full) || GS1_HOST.test(full))
      throw new LhgError("identity.gs1", reading.problem, field);
    return { key: full, kind: "uri" };
  }
  const { key } = reading;
  return {
    key: formatDigitalLink(key),
    kind: kindOfKey(key),
    gs1: { ai: key.ai, digits: prefixDigits(key) },
  };
}

/** The canonical key where the text is a GS1 key in any form, else the text: for values that need not be URIs. */
export function canonicalText(text: string): string {
  if (!text.includes(":") || text.length > MAX_IDENTITY_LENGTH || !isUri(text)) return text;
  const reading = readGs1Key(text);
  return reading !== undefined && "key" in reading ? formatDigitalLink(reading.key) : text;
}

const COMPANY_PREFIX = /^[0-9]{4,12}$/;
const WEB_PREFIX = /^https?:\/\/[^/?#]+\//;
const URN_PREFIX = /^urn:[a-z0-9][a-z0-9-]{0,31}:/;

/**
 * Checks what an admission may grant: a GS1 company prefix of 4 to 12 digits, or the beginning of other URIs
 * that ends in `/ : # ? =` and names at least the host or the URN namespace, and no namespace of GS1 keys.
 * Throws `identity.prefix`.
 */
export function checkGrantedPrefix(prefix: string, field: string): void {
  if (COMPANY_PREFIX.test(prefix)) return;
  const bad = (message: string) => new LhgError("identity.prefix", message, field);
  if (prefix.length > MAX_IDENTITY_LENGTH || !/[/:#?=]$/.test(prefix) || !isUri(`${prefix}0`))
    throw bad("must be a company prefix of 4 to 12 digits, or the beginning of a URI ending in / : # ? or =");
  if (/^urn:epc:/i.test(prefix) || GS1_HOST.test(prefix))
    throw bad("must grant GS1 keys by company prefix, not by URI");
  if (/^https?:/i.test(prefix) && !WEB_PREFIX.test(prefix)) throw bad("must name a host");
  if (/^urn:/i.test(prefix) && !URN_PREFIX.test(prefix)) throw bad("must name a URN namespace");
}

/** Whether a granted prefix (checked before) covers an identity. A function of the key alone, not of its spelling. */
export function matchesPrefix(identity: Identity, grantedPrefix: string): boolean {
  if (identity.gs1 !== undefined)
    return COMPANY_PREFIX.test(grantedPrefix) && identity.gs1.digits.startsWith(grantedPrefix);
  return !COMPANY_PREFIX.test(grantedPrefix) && identity.key.startsWith(grantedPrefix);
}
