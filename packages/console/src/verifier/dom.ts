/** Elements, made without ever reading text as markup. */
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

const SHOWN_MAX = 1_500;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not change how the rest is read
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** A stranger's words: they change neither the direction nor the length of what stands around them. */
export function foreign(text: string): HTMLElement {
  const clean = text.replace(CONTROLS, "\ufffd");
  return element("bdi", {}, clean.length > SHOWN_MAX ? `${clean.slice(0, SHOWN_MAX)}…` : clean);
}

export function code(text: string): HTMLElement {
  return element("code", {}, foreign(text));
}
