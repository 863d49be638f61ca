/** Strings of strangers, cut into what may be shown as it is and what has to be shown by its number. */

export interface Piece {
  readonly text: string;
  /** A character without a face of its own: `text` is its number, as `U+202E`. */
  readonly isHidden: boolean;
}

/**
 * Controls, overrides of writing direction, invisible separators and tags. Joiners (U+200C, U+200D) stay: scripts and
 * emoji need them. A line feed is a control here: what is shown in one line must not look like two.
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;

export function revealHidden(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), isHidden: false });
    pieces.push({ text: numberOf(match[0]), isHidden: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), isHidden: false });
  return pieces;
}

function numberOf(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Where no elements can stand: in drawings, in sentences, in names for screen readers. */
export function toPlainText(text: string, lengthMax = 160, allowed?: RegExp): string {
  const shown = clampText(text, lengthMax);
  const plain = shown.replace(HIDDEN, (found) => (allowed?.test(found) === true ? found : numberOf(found)));
  return shown.length < text.length ? `${plain}…` : plain;
}

/** At most so many characters, never half of one. */
export function clampText(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const last = text.charCodeAt(lengthMax - 1);
  const isHalf = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, isHalf ? lengthMax - 1 : lengthMax);
}
