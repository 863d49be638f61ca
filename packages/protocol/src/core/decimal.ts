/**
 * Exact decimal numbers, value = mantissa * 10^exponent. JSON numbers of events and readings are parsed into
 * these and never into doubles: 0.1 must mean the same on every machine and hash the same as "0.10".
 */
import { LhgError } from "./errors.ts";

/** Normalised: the mantissa has no trailing decimal zero, and zero is { 0n, 0 }. */
export interface Decimal {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** Decimal128 (IEEE 754-2008) carries 34 digits; any meter and any double fits. */
export const DECIMAL_MAX_DIGITS = 34;
/** Bound of |exponent| after normalisation; a double ends at 1e-324 and 1e308. */
export const DECIMAL_MAX_EXPONENT = 400;
const MAX_TEXT_LENGTH = 512;

export const DECIMAL_ZERO: Decimal = { mantissa: 0n, exponent: 0 };

const JSON_NUMBER = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;

/**
 * Parses the text of a JSON number (RFC 8259, section 6).
 * Throws `decimal.syntax`, `decimal.precision` (more than 34 significant digits) or `decimal.range`.
 */
export function parseDecimal(text: string, field = ""): Decimal {
  const match = text.length <= MAX_TEXT_LENGTH ? JSON_NUMBER.exec(text) : null;
  if (match === null) throw new LhgError("decimal.syntax", "must be a JSON number", field);
  const [, sign, whole, fraction = "", exponentText = "0"] = match;
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return DECIMAL_ZERO;
  if (significant.length > DECIMAL_MAX_DIGITS) throw tooPrecise(field);
  // At most 512 digits of exponent: the sum is exact where it can pass the bound, and far beyond it otherwise.
  const exponent = Number(exponentText) - fraction.length + (digits.length - significant.length);
  if (Math.abs(exponent) > DECIMAL_MAX_EXPONENT) throw outOfRange(field);
  const mantissa = BigInt(significant);
  return { mantissa: sign === "-" ? -mantissa : mantissa, exponent };
}

/** Builds the normalised decimal mantissa * 10^exponent. Throws `decimal.precision` or `decimal.range`. */
export function toDecimal(mantissa: bigint, exponent: number, field = ""): Decimal {
  if (mantissa === 0n) return DECIMAL_ZERO;
  const digits = (mantissa < 0n ? -mantissa : mantissa).toString();
  const significant = digits.replace(/0+$/, "");
  const shifted = exponent + digits.length - significant.length;
  if (significant.length > DECIMAL_MAX_DIGITS) throw tooPrecise(field);
  if (Math.abs(shifted) > DECIMAL_MAX_EXPONENT) throw outOfRange(field);
  const magnitude = BigInt(significant);
  return { mantissa: mantissa < 0n ? -magnitude : magnitude, exponent: shifted };
}

/** Negative, zero or positive as `a` is below, equal to or above `b`. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const [left, right] = alignMantissas(a, b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Exact sum. Throws `decimal.precision` where it needs more than 34 digits. */
export function addDecimals(a: Decimal, b: Decimal, field = ""): Decimal {
  const [left, right, exponent] = alignMantissas(a, b);
  return toDecimal(left + right, exponent, field);
}

/** Exact difference a - b. Throws `decimal.precision` where it needs more than 34 digits. */
export function subtractDecimals(a: Decimal, b: Decimal, field = ""): Decimal {
  const [left, right, exponent] = alignMantissas(a, b);
  return toDecimal(left - right, exponent, field);
}

export function isInteger(value: Decimal): boolean {
  return value.exponent >= 0;
}

/** The one plain text of a value: no exponent, no leading or trailing zero, `-` for negatives (CBV 2.0, event hash). */
export function formatDecimal(value: Decimal): string {
  const sign = value.mantissa < 0n ? "-" : "";
  const digits = (value.mantissa < 0n ? -value.mantissa : value.mantissa).toString();
  if (value.exponent >= 0) return `${sign}${digits}${"0".repeat(value.exponent)}`;
  const padded = digits.padStart(1 - value.exponent, "0");
  const point = padded.length + value.exponent;
  return `${sign}${padded.slice(0, point)}.${padded.slice(point)}`;
}

function alignMantissas(a: Decimal, b: Decimal): readonly [bigint, bigint, number] {
  const exponent = Math.min(a.exponent, b.exponent);
  return [scaleTo(a, exponent), scaleTo(b, exponent), exponent];
}

function scaleTo(value: Decimal, exponent: number): bigint {
  return value.mantissa * 10n ** BigInt(value.exponent - exponent);
}

function tooPrecise(field: string): LhgError {
  return new LhgError(
    "decimal.precision",
    `must have at most ${DECIMAL_MAX_DIGITS} significant digits`,
    field,
  );
}

function outOfRange(field: string): LhgError {
  return new LhgError(
    "decimal.range",
    `must have a decimal exponent of at most ${DECIMAL_MAX_EXPONENT} in magnitude`,
    field,
  );
}
