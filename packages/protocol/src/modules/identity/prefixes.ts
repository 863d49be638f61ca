/** Granted identifier prefixes: which are valid, which lie above another, which could cover an identity. */
import { LhgError } from "../../core/errors.ts";
import { checkGrantedPrefix, type Identity } from "../../epcis/identity.ts";

const COMPANY_DIGITS_MIN = 4;
const COMPANY_DIGITS_MAX = 12;
const DELIMITERS = "/:#?=";
/** Each delimiter of an identity is a look-up when its holder is sought, so prefixes have few. */
const DELIMITERS_MAX = 16;
const PREFIX_BYTES_MAX = 256;

export function isValidPrefix(prefix: string): boolean {
  try {
    checkGrantedPrefix(prefix, "");
    return prefix.length <= PREFIX_BYTES_MAX && countDelimiters(prefix) <= DELIMITERS_MAX;
  } catch (error) {
    if (error instanceof LhgError) return false;
    throw error;
  }
}

function countDelimiters(text: string): number {
  let count = 0;
  for (const character of text) if (DELIMITERS.includes(character)) count++;
  return count;
}

/** Every grantable prefix of `text` that is shorter than `below` characters, longest first. */
function prefixesOf(text: string, isDigits: boolean, below: number): string[] {
  const out: string[] = [];
  if (isDigits) {
    for (let end = Math.min(COMPANY_DIGITS_MAX, text.length, below - 1); end >= COMPANY_DIGITS_MIN; end--)
      out.push(text.slice(0, end));
    return out;
  }
  const length = Math.min(text.length, below - 1, PREFIX_BYTES_MAX);
  for (let end = 1; end <= length && out.length < DELIMITERS_MAX; end++)
    if (DELIMITERS.includes(text[end - 1]!)) out.push(text.slice(0, end));
  return out.reverse();
}

/** Prefixes that would cover an identity if they were granted, longest first: the longest granted one holds it. */
export function prefixCandidates(identity: Identity): string[] {
  return identity.gs1 === undefined
    ? prefixesOf(identity.key, false, identity.key.length + 1)
    : prefixesOf(identity.gs1.digits, true, identity.gs1.digits.length + 1);
}

/** Prefixes that would cover everything under `prefix`, longest first, itself left out. */
export function shorterPrefixes(prefix: string): string[] {
  return prefixesOf(prefix, /^[0-9]+$/.test(prefix), prefix.length);
}
