/** Tokens of the theme as colours, for what is drawn on a canvas. */
import { useSyncExternalStore } from "react";

const TOKENS = [
  "--chart-1",
  "--chart-2",
  "--chart-3",
  "--chart-4",
  "--line",
  "--muted",
  "--surface",
] as const;
export type Colours = Readonly<Record<(typeof TOKENS)[number], string>>;

let known: Colours | undefined;
const listeners = new Set<() => void>();
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const watch = new MutationObserver(forget);

function forget(): void {
  known = undefined;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    watch.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    dark.addEventListener("change", forget);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    watch.disconnect();
    dark.removeEventListener("change", forget);
  };
}

function read(): Colours {
  if (known === undefined) {
    // The value of a token is both of its colours; as the colour of an element it is the one that holds.
    const probe = document.body.appendChild(document.createElement("span"));
    probe.hidden = true;
    const style = getComputedStyle(probe);
    known = Object.fromEntries(
      TOKENS.map((token) => {
        probe.style.color = `var(${token})`;
        return [token, style.color];
      }),
    ) as Colours;
    probe.remove();
  }
  return known;
}

export function useColours(): Colours {
  return useSyncExternalStore(subscribe, read);
}
