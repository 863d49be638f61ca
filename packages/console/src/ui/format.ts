/** Numbers, sizes and times as people read them, in the language of the page. */

/** Before there is a page (tests of pure functions) it is English. */
function language(): string {
  return typeof document === "undefined" ? "en" : document.documentElement.lang;
}

export function formatNumber(value: number, digitsMax = 0): string {
  return value.toLocaleString(language(), { maximumFractionDigits: digitsMax });
}

/** Smallest units of LHG, of which 10^8 are one. */
export function formatAmount(units: string): string {
  const digits = units.padStart(9, "0");
  const whole = BigInt(digits.slice(0, -8)).toLocaleString(language());
  const fraction = digits.slice(-8).replace(/0+$/, "");
  return `${whole}${fraction === "" ? "" : `.${fraction}`} LHG`;
}

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

export function formatBytes(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < SIZES.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${formatNumber(value, value < 10 && unit > 0 ? 1 : 0)} ${SIZES[unit]}`;
}

const DURATIONS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
] as const;

/** `3 d 4 h`, `12 s`, `340 ms`: the two largest units. */
export function formatDuration(ms: number): string {
  const first = DURATIONS.findIndex(([unitMs]) => ms >= unitMs);
  if (first < 0) return `${formatNumber(ms, ms < 10 ? 1 : 0)} ms`;
  const [firstMs, firstName] = DURATIONS[first]!;
  const whole = Math.floor(ms / firstMs);
  const second = DURATIONS[first + 1];
  const rest = second === undefined ? 0 : Math.floor((ms % firstMs) / second[0]);
  return rest === 0 ? `${whole} ${firstName}` : `${whole} ${firstName} ${rest} ${second![1]}`;
}

/** The largest unit alone. */
export function formatAge(ms: number): string {
  const [unitMs, name] = DURATIONS.find(([eachMs]) => ms >= eachMs) ?? [1, "ms"];
  return `${Math.floor(ms / unitMs)} ${name}`;
}

const UNITS: Readonly<Record<string, string>> = {
  Cel: "°C",
  "%RH": "% RH",
  lat: "°",
  lon: "°",
  m2: "m²",
  m3: "m³",
  "m/s2": "m/s²",
  "kg/m3": "kg/m³",
  Ohm: "Ω",
  "/": "",
};

/** A unit of SenML (RFC 8428) as it is written; others as they are. */
export function formatUnit(unit: string | undefined): string {
  return unit === undefined ? "" : (UNITS[unit] ?? unit);
}

export function formatClock(ms: number): string {
  return new Date(ms).toLocaleTimeString(language(), { hour12: false });
}

/** Plain words begin large; names of things, which hold colons, as they were given. */
export function capitalize(text: string): string {
  return text.includes(":") ? text : text.charAt(0).toUpperCase() + text.slice(1);
}
