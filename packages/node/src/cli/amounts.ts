/** Amounts and numbers as people type and read them. */
import { LhgError } from "@lhg/protocol/core/errors";
import { SUPPLY_CAP, UNIT } from "@lhg/protocol/core/genesis";

const AMOUNT = /^(0|[1-9][0-9]{0,39})(?:\.([0-9]{1,8}))?$/;
const UNIT_DIGITS = 8;

/** LHG as decimal text, to smallest units. Throws `usage.amount`. */
export function parseAmount(text: string, field = "AMOUNT"): bigint {
  const match = AMOUNT.exec(text);
  if (match === null)
    throw new LhgError("usage.amount", "must be LHG such as 12 or 0.5, with at most 8 decimals", field);
  const [, whole, fraction = ""] = match;
  const units = BigInt(whole!) * UNIT + BigInt(fraction.padEnd(UNIT_DIGITS, "0"));
  if (units > SUPPLY_CAP)
    throw new LhgError("usage.amount", `is more than there will ever be: ${formatAmount(SUPPLY_CAP)}`, field);
  return units;
}

export function formatAmount(units: bigint): string {
  const fraction = (units % UNIT).toString().padStart(UNIT_DIGITS, "0").replace(/0+$/, "");
  return `${units / UNIT}${fraction === "" ? "" : `.${fraction}`} LHG`;
}

/** Throws `usage.number`. */
export function parseCount(text: string, field: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new LhgError("usage.number", `must be a whole number from ${min} to ${max}`, field);
}
