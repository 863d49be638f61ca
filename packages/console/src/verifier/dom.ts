/** Elements, made without ever reading text as markup. */
import { clampText, revealHidden } from "../words/foreign-text.ts";

type Child = Node | string | undefined;
type Properties = Readonly<Record<string, string | boolean | undefined>>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === true) made.setAttribute(name, "");
    else if (typeof value === "string") made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

/** Label and value, a pair each. */
export type Facts = readonly (readonly [label: string, value: Node | string])[];

export function listFacts(facts: Facts): HTMLElement {
  return element(
    "dl",
    { class: "pairs" },
    ...facts.flatMap(([label, value]) => [element("dt", {}, label), element("dd", {}, value)]),
  );
}

const SHOWN_MAX = 1_500;

/** A stranger's words: they change neither the direction nor the length of what stands around them. */
export function foreign(text: string): HTMLElement {
  const shown = clampText(text, SHOWN_MAX);
  const pieces = revealHidden(shown).map(({ text: piece, isHidden }) =>
    isHidden ? element("span", { class: "hidden-character" }, piece) : piece,
  );
  return element("bdi", {}, ...pieces, shown.length < text.length ? "…" : undefined);
}

export function code(text: string): HTMLElement {
  return element("code", {}, foreign(text));
}
