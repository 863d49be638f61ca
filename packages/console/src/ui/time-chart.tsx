/** Lines over time, drawn by uPlot; the same figures as a table for whoever cannot see them or wants them exactly. */
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import type uPlotType from "uplot";
import { useStrings } from "../strings/strings.tsx";
import "./chart.css";
import { type Colours, useColours } from "./colours.ts";
import { formatClock, formatNumber } from "./format.ts";
import { breakLines } from "./gaps.ts";

export interface ChartLine {
  readonly label: string;
  /** As many as there are times; null where there is none. */
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  /** What is drawn, in words; the newest figures are added. */
  readonly label: string;
  readonly unit?: string;
  /** Ascending, in milliseconds. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  /** What the axis of time spans; by default the times. */
  readonly span?: { readonly fromMs: number; readonly untilMs: number };
  readonly heightPx?: number;
  /** The axis begins at zero and the area below the line is filled: for rates. */
  readonly isFilled?: boolean;
}

type Plot = typeof uPlotType;
/** From a second to a day: labels are clock times. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400].map(
  (seconds) => seconds * 1_000,
);
const ROWS_SHOWN = 30;
const FONT = "12px system-ui, sans-serif";
const LINE_TOKENS = ["--chart-1", "--chart-2", "--chart-3", "--chart-4"] as const;

let loading: Promise<Plot> | undefined;

function usePlot(): Plot | undefined {
  const [plot, setPlot] = useState<Plot>();
  useEffect(() => {
    let isGone = false;
    loading ??= import("./plot.ts").then(({ uPlot }) => uPlot);
    loading.then(
      (loaded) => {
        if (!isGone) setPlot(() => loaded);
      },
      () => {
        // The figures below stand without the picture; the next chart tries again.
        loading = undefined;
      },
    );
    return () => {
      isGone = true;
    };
  }, []);
  return plot;
}

export function TimeChart(props: ChartProps): ReactNode {
  const { label, unit = "", times, lines, span, heightPx = 180, isFilled = false } = props;
  const { values } = useStrings();
  const Plot = usePlot();
  const colours = useColours();
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlotType>(undefined);
  const count = lines.length;

  useEffect(() => {
    const place = box.current;
    if (Plot === undefined || place === null) return undefined;
    const plot = new Plot(
      makeOptions(place.clientWidth, { count, heightPx, isFilled, colours }),
      undefined,
      place,
    );
    drawn.current = plot;
    const resized = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: heightPx }));
    resized.observe(place);
    return () => {
      resized.disconnect();
      plot.destroy();
      drawn.current = undefined;
    };
  }, [Plot, count, heightPx, isFilled, colours]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a plot made anew needs the data again
  useEffect(() => {
    const plot = drawn.current;
    if (plot === undefined) return;
    const columns = lines.map((line) => line.values);
    const data = breakLines(times, columns) as unknown as uPlotType.AlignedData;
    const fromMs = span?.fromMs ?? times[0];
    const untilMs = span?.untilMs ?? times.at(-1);
    plot.batch(() => {
      plot.setData(data, false);
      if (fromMs !== undefined && untilMs !== undefined)
        plot.setScale("x", { min: fromMs, max: Math.max(untilMs, fromMs + 1_000) });
    });
  }, [Plot, colours, count, heightPx, isFilled, times, lines, span?.fromMs, span?.untilMs]);

  const newest = lines.map((line) => `${line.label}: ${formatValue(line.values.at(-1), unit)}`).join(", ");
  return (
    <figure className="chart">
      <div
        className="chart-box"
        ref={box}
        role="img"
        aria-label={`${label}. ${newest}`}
        style={{ height: heightPx }}
      />
      {count > 1 ? <Legend lines={lines} unit={unit} /> : null}
      <FigureTable {...props} summary={values.figures} />
    </figure>
  );
}

function Legend({ lines, unit }: { lines: readonly ChartLine[]; unit: string }): ReactNode {
  return (
    <ul className="legend small" aria-hidden="true">
      {lines.map(({ label, values }, i) => (
        <li key={label}>
          <span className={`swatch swatch-${(i % LINE_TOKENS.length) + 1}`} />
          {label} <strong>{formatValue(values.at(-1), unit)}</strong>
        </li>
      ))}
    </ul>
  );
}

/** Drawn only while it is open. */
function FigureTable({
  label,
  times,
  lines,
  unit = "",
  summary,
}: ChartProps & { summary: string }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const { values } = useStrings();
  const rows = useMemo(
    () =>
      isOpen
        ? times
            .map((_, at) => at)
            .slice(-ROWS_SHOWN)
            .reverse()
        : [],
    [isOpen, times],
  );
  return (
    <details className="chart-data small" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {isOpen ? (
        <table className="table">
          <caption className="visually-hidden">{label}</caption>
          <thead>
            <tr>
              <th scope="col">{values.time}</th>
              {lines.map((line) => (
                <th key={line.label} scope="col" className="number">
                  {line.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((at) => (
              <tr key={times[at]}>
                <td data-head={values.time}>{formatClock(times[at]!)}</td>
                {lines.map((line) => (
                  <td key={line.label} data-head={line.label} className="number">
                    {formatValue(line.values[at], unit)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </details>
  );
}

function formatValue(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined) return "–";
  return `${formatNumber(value, 3)}${unit === "" ? "" : ` ${unit}`}`;
}

interface Look {
  readonly count: number;
  readonly heightPx: number;
  readonly isFilled: boolean;
  readonly colours: Colours;
}

function makeOptions(width: number, { count, heightPx, isFilled, colours }: Look): uPlotType.Options {
  const axis = {
    stroke: colours["--muted"],
    font: FONT,
    grid: { stroke: colours["--line"], width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: heightPx,
    ms: 1,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
    padding: [8, 26, 0, 0],
    scales: {
      x: { time: true, auto: false },
      y: { range: (_plot, min, max) => (isFilled ? [0, Math.max(1, max * 1.15)] : padRange(min, max)) },
    },
    axes: [
      { ...axis, space: 80, size: 28, incrs: TIME_STEPS, values: (_plot, splits) => splits.map(formatClock) },
      {
        ...axis,
        space: 34,
        size: 52,
        values: (_plot, splits) => splits.map((split) => formatNumber(split, 3)),
      },
    ],
    series: [
      {},
      ...Array.from({ length: count }, (_, i): uPlotType.Series => {
        const colour = colours[LINE_TOKENS[i % LINE_TOKENS.length]!];
        return {
          stroke: colour,
          width: 2,
          // Each reading has a dot where there is room for it; one between two pauses would not be seen without.
          points: isFilled ? { show: false } : { size: 5, space: 12, fill: colour },
          spanGaps: false,
          ...(isFilled ? { fill: `color-mix(in srgb, ${colour} 15%, transparent)` } : {}),
        };
      }),
    ],
  };
}

/** Room above and below, also where all values are the same. */
function padRange(min: number, max: number): [number, number] {
  if (!Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
  const room = max === min ? Math.max(Math.abs(max) * 0.1, 1) : (max - min) * 0.12;
  return [min - room, max + room];
}
