/** Light, dark, or as the system: the choice is kept in this browser. */
export type Theme = "system" | "light" | "dark";
export const THEMES: readonly Theme[] = ["system", "light", "dark"];

const KEY = "lhg-theme";

export function readTheme(): Theme {
  const kept = storage()?.getItem(KEY);
  return THEMES.find((theme) => theme === kept) ?? "system";
}

export function applyTheme(theme: Theme): void {
  if (theme === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = theme;
  storage()?.setItem(KEY, theme);
}

/** Absent where the browser forbids pages to keep anything. */
function storage(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}
