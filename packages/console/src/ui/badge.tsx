import type { ReactNode } from "react";
import "./ui.css";

export type Tone = "good" | "bad" | "warn" | "plain";

/** A word about a state; the tone never says more than the word. */
export function Badge({ tone = "plain", children }: { tone?: Tone; children: ReactNode }): ReactNode {
  return <span className={`badge ${tone}`}>{children}</span>;
}
