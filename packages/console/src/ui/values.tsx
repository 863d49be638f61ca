/** Values as people read them, with the whole value at hand. */
import type { ReactNode } from "react";
import "./ui.css";

/** `9f3a41…c07d`, the whole as title and for copying. */
export function Hex({ value, length = 10 }: { value: string; length?: number }): ReactNode {
  const short = value.length <= length + 2 ? value : `${value.slice(0, length - 4)}…${value.slice(-4)}`;
  return (
    <code title={value} className="hex">
      {short}
    </code>
  );
}

/** Local time, with the exact one in UTC for whoever points at it. */
export function Time({ ms }: { ms: number }): ReactNode {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return <span>{ms} ms</span>;
  return (
    <time dateTime={date.toISOString()} title={date.toISOString()}>
      {date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" })}
    </time>
  );
}
