/** What parts of the benchmark measure, and how it is printed. */

/** What a figure can't be better than: measured in the same run, in the figure's unit. */
export interface Limit {
  readonly name: string;
  readonly value: number;
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly limit?: Limit;
  readonly aim?: { readonly atLeast: number } | { readonly atMost: number };
  /** Measured at another size than the one aimed at: says nothing of the aim. */
  readonly isOtherSize?: boolean;
}

/** "default" takes minutes, "quick" shows in less than one that everything works, "full" has the sizes of the aims. */
export type RunSize = "quick" | "default" | "full";

export interface Calibration {
  readonly sha256PerSecond: number;
  readonly verifyPerSecond: number;
  readonly nodeVerifyPerSecond: number;
  readonly nobleVerifyPerSecond: number;
  readonly putsPerSecond: number;
  readonly durablePutMs: number;
  readonly getsPerSecond: number;
  readonly parsesPerSecond: number;
  readonly loopStepsPerSecond: number;
  readonly bareProcessBytes: number | undefined;
  readonly bareProcessStartMs: number;
}

export interface BenchContext {
  readonly size: RunSize;
  readonly cores: number;
  readonly calibration: Calibration;
  /** Makes a fresh directory on the disk of the project, deleted after the run. */
  readonly makeDirectory: () => string;
  /** Rates that later parts build on, by name. */
  readonly rates: Map<string, number>;
  readonly say: (text: string) => void;
}

export interface Part {
  readonly name: string;
  readonly run: (context: BenchContext) => Promise<readonly Figure[]>;
}

export function bySize<T>({ size }: Pick<BenchContext, "size">, sizes: Readonly<Record<RunSize, T>>): T {
  return sizes[size];
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The nearest rank, so that it is a value that occurred. */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) throw new Error("no values were measured");
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1)]!;
}

export async function measureMs(work: () => unknown): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

/** Calls per second, the median of several rounds. */
export function rateOf(work: (i: number) => unknown, options: { count: number; rounds?: number }): number {
  const { count, rounds = 5 } = options;
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedMs = performance.now();
    for (let i = 0; i < count; i++) work(i);
    rates.push((count / (performance.now() - startedMs)) * 1000);
  }
  return median(rates);
}

export function ratioOf({ value, limit }: Figure): number | undefined {
  return limit === undefined ? undefined : value / limit.value;
}

/** Undefined without an aim, and where the figure is not of the size aimed at. */
export function isMet({ value, aim, isOtherSize = false }: Figure): boolean | undefined {
  if (aim === undefined || isOtherSize) return undefined;
  return "atLeast" in aim ? value >= aim.atLeast : value <= aim.atMost;
}

function formatNumber(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 100 || value === Math.trunc(value)) return Math.round(value).toLocaleString("en-US");
  return magnitude >= 1 ? value.toFixed(2) : value.toPrecision(2);
}

const HEADS = ["figure", "value", "unit", "ratio", "to", "aim", "met"] as const;
const RIGHT_ALIGNED: ReadonlySet<number> = new Set([1, 3]);

export function formatTable(figures: readonly Figure[]): string {
  const rows: readonly (readonly string[])[] = [HEADS, ...figures.map(toCells)];
  const widths = HEADS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (RIGHT_ALIGNED.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function toCells(figure: Figure): string[] {
  const { name, value, unit, limit, aim } = figure;
  const ratio = ratioOf(figure);
  const met = isMet(figure);
  return [
    name,
    formatNumber(value),
    unit,
    ratio === undefined ? "" : formatNumber(ratio),
    limit?.name ?? "",
    aim === undefined
      ? ""
      : "atLeast" in aim
        ? `>= ${formatNumber(aim.atLeast)}`
        : `<= ${formatNumber(aim.atMost)}`,
    aim === undefined ? "" : met === undefined ? "not at this size" : met ? "yes" : "no",
  ];
}
