/** Character rules shared by the readers of EPCIS: URIs, order of strings, white space. */

const PCHAR = "(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})";
const REG_NAME = "(?:[A-Za-z0-9\\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})";
const USER_INFO = "(?:[A-Za-z0-9\\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})";
const QUERY = "(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*";
const AUTHORITY_PATH = `//(?:${USER_INFO}*@)?${REG_NAME}*(?::[0-9]*)?(?:/${PCHAR}*)*`;
const PLAIN_PATH = `/?${PCHAR}+(?:/${PCHAR}*)*|/`;
const URI = new RegExp(
  `^[A-Za-z][A-Za-z0-9+.-]*:(?:${AUTHORITY_PATH}|${PLAIN_PATH})(?:\\?${QUERY})?(?:#${QUERY})?$`,
);

/** An absolute URI with a non-empty path or authority (RFC 3986), ASCII only; IP literals in brackets are refused. */
export function isUri(text: string): boolean {
  return URI.test(text);
}

/**
 * Order by Unicode code point, which is the order of UTF-8 bytes (CBV 2.0, event hash: "UTF-8/ASCII code values").
 * The `<` of JavaScript orders UTF-16 units and puts U+10000 before U+E000.
 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return rankUnit(left) - rankUnit(right);
  }
  return a.length - b.length;
}

/** Lifts surrogates above U+E000..U+FFFF: where two units differ first, their code points compare as these ranks. */
function rankUnit(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** Removes the white space of XML from both ends: the two syntaxes of an event have the same hash. */
export function trimXmlSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isXmlSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isXmlSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isXmlSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x09 || unit === 0x0a || unit === 0x0d;
}
