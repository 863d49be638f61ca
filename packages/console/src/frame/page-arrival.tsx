/** What happens when a page is there: its name in the window's title, and the focus on its heading for those who do not see it change. */
import { type ReactNode, useEffect } from "react";
import { useLocation, useNavigationType } from "react-router";
import { useStrings } from "../strings/strings.tsx";

/** The browser itself tells of the page that it opened first. */
let hasArrived = false;

/** Stands inside the Suspense of the pages: its effect runs when the page does, not when its code is still under way. */
export function Arrival({ children }: { children: ReactNode }): ReactNode {
  const { pathname, search } = useLocation();
  const kind = useNavigationType();
  const { app } = useStrings();

  // biome-ignore lint/correctness/useExhaustiveDependencies: another place is what calls for it
  useEffect(() => {
    const heading = document.querySelector<HTMLElement>("#content h1");
    if (heading !== null) document.title = `${heading.textContent} · ${app.title}`;
    const isFirst = !hasArrived;
    hasArrived = true;
    if (isFirst && kind === "POP") return;
    // Filters replace the address of a page that stays.
    if (kind === "REPLACE") return;
    if (kind === "PUSH") window.scrollTo(0, 0);
    if (heading === null) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }, [pathname, search]);
  return children;
}
