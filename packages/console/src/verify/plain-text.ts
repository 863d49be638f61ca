/** Text of strangers where no elements can stand: in drawings, in sentences, in names for screen readers. */
const SHOWN_MAX = 160;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Characters that are not seen, or that turn the text round, show as a box; surrogate pairs stay whole. */
export function clampText(value: string, max = SHOWN_MAX, allowed?: RegExp): string {
  const cut = value.length <= max ? value : `${[...value.slice(0, max + 1)].slice(0, max).join("")}…`;
  return cut.replace(UNSEEN, (character) => (allowed?.test(character) === true ? character : "▯"));
}
