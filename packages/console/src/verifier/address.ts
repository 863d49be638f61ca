/** Who says it: by the name that the pinned genesis gives an account, else by the ends of its address. */
import { element, foreign } from "./dom.ts";

export type Names = ReadonlyMap<string, string>;

const ENDS = 6;

function shortAddress(address: string): string {
  return address.length <= 2 * ENDS + 1 ? address : `${address.slice(0, ENDS)}…${address.slice(-ENDS)}`;
}

/** The whole address is one touch away. */
export function showAddress(address: string, names: Names): HTMLElement {
  const name = names.get(address);
  const shown =
    name === undefined
      ? element("code", {}, foreign(shortAddress(address)))
      : element("strong", {}, foreign(name));
  return element(
    "details",
    { class: "address" },
    element("summary", {}, shown),
    element("code", {}, foreign(address)),
  );
}

/** A sentence in which accounts stand by their names, or short. */
export function nameAddresses(text: string, names: Names): (Node | string)[] {
  return text.split(/\b([0-9a-f]{40})\b/).map((piece, i) => {
    if (i % 2 === 0) return foreign(piece);
    const name = names.get(piece);
    return name === undefined
      ? element("code", { title: piece }, shortAddress(piece))
      : element("strong", { title: piece }, foreign(name));
  });
}
