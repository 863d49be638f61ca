/** Values as people read them, with the whole value at hand. */
import { type ReactNode, useEffect, useState } from "react";
import { useStrings } from "../strings/strings.tsx";
import { clampText, revealHidden } from "../words/foreign-text.ts";
import { formatAge, formatNumber } from "./format.ts";
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
export function Time({ ms, isShort = false }: { ms: number; isShort?: boolean }): ReactNode {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return <span>{ms} ms</span>;
  return (
    <time dateTime={date.toISOString()} title={date.toISOString()}>
      {date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: isShort ? "short" : "medium" })}
    </time>
  );
}

/**
 * A string that somebody else wrote: kept apart from the writing direction around it, cut where it is endless, its hidden
 * characters shown by their numbers. Whatever it holds stays text.
 */
export function Text({ value, lengthMax = 160 }: { value: string; lengthMax?: number }): ReactNode {
  const { values } = useStrings();
  const shown = clampText(value, lengthMax);
  return (
    <bdi className="foreign">
      {revealHidden(shown).map(({ text, isHidden }, i) =>
        isHidden ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other name and keep their order
          <span key={i} className="hidden-character" title={values.hiddenCharacter}>
            {text}
          </span>
        ) : (
          text
        ),
      )}
      {shown.length < value.length ? (
        <span className="muted">… ({values.ofCharacters(formatNumber(value.length))})</span>
      ) : null}
    </bdi>
  );
}

/** How long ago, drawn anew every second. */
export function Ago({ ms }: { ms: number }): ReactNode {
  const { values } = useStrings();
  const nowMs = useNow(1_000);
  const ageMs = Math.max(0, nowMs - ms);
  return (
    <time dateTime={toIso(ms)} title={toIso(ms)}>
      {ageMs < 1_000 ? values.now : values.ago(formatAge(ageMs))}
    </time>
  );
}

function toIso(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}

/** The browser's clock, as often as asked. */
export function useNow(everyMs: number): number {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}

/** Name and value, one pair a line: what a thing is. Pairs without a value are left out. */
export function Facts({
  facts,
}: {
  facts: readonly (readonly [name: string, value: ReactNode] | undefined)[];
}): ReactNode {
  return (
    <dl className="facts">
      {facts.map((fact) =>
        fact === undefined ? null : (
          <div key={fact[0]}>
            <dt>{fact[0]}</dt>
            <dd>{fact[1]}</dd>
          </div>
        ),
      )}
    </dl>
  );
}
