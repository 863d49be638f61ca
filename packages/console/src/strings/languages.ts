/** The languages of the console: one row each. The first is spoken where the browser asks for none of them. */
import { en, type Strings } from "./en.ts";

export interface Language {
  /** BCP 47. */
  readonly tag: string;
  readonly strings: Strings;
}

const LANGUAGES: readonly [Language, ...Language[]] = [{ tag: "en", strings: en }];

export function chooseLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const found = LANGUAGES.find((language) => language.tag === tag.split("-", 1)[0]);
    if (found !== undefined) return found;
  }
  return LANGUAGES[0];
}
