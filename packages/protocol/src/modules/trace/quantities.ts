/** Known quantities of classes and lots, per unit: produced minus consumed. Units are not converted. */
import {
  addDecimals,
  compareDecimals,
  DECIMAL_ZERO,
  type Decimal,
  subtractDecimals,
} from "../../core/decimal.ts";
import { LhgError } from "../../core/errors.ts";
import { type ItemEntry, type KnownQuantity, UNITS_MAX } from "./items.ts";
import { type EventFacts, FLAGS, ROLES } from "./messages.ts";

export type QuantityChange = "produce" | "consume";

/** What an event does to the quantity of an item in this role, if it does anything. */
export function quantityChange(facts: EventFacts, role: number): QuantityChange | undefined {
  if (role === ROLES.input) return "consume";
  if (role === ROLES.output) return "produce";
  if (facts.type !== "ObjectEvent" || role !== ROLES.epc) return undefined;
  if (facts.action === "ADD") return "produce";
  return facts.action === "DELETE" ? "consume" : undefined;
}

export interface Counted {
  readonly flags: number;
  readonly isCounted: boolean;
}

const UNJUDGED: Counted = { flags: 0, isCounted: false };
const UNCOUNTED: Counted = { flags: FLAGS.quantityUncounted, isCounted: false };

/**
 * Counts a quantity. Consumption is judged only where production in the same unit is known before it; more
 * than is known is flagged, and counted all the same.
 */
export function countQuantity(
  { draft }: ItemEntry,
  change: QuantityChange,
  { value, uom }: { readonly value: Decimal; readonly uom: string },
): Counted {
  const known = draft.quantities.find((entry) => entry.uom === uom);
  if (known === undefined && change === "consume") return UNJUDGED;
  if (known === undefined && draft.quantities.length === UNITS_MAX) return UNCOUNTED;
  const balance = combine(known?.balance ?? DECIMAL_ZERO, change, value);
  if (balance === undefined) return UNCOUNTED;
  const changed: KnownQuantity = { uom, balance };
  draft.quantities =
    known === undefined
      ? [...draft.quantities, changed]
      : draft.quantities.map((entry) => (entry === known ? changed : entry));
  const isExceeded = change === "consume" && compareDecimals(balance, DECIMAL_ZERO) < 0;
  return { flags: isExceeded ? FLAGS.quantityExceeded : 0, isCounted: true };
}

/** The change that undoes another. */
export function reverseChange(change: QuantityChange): QuantityChange {
  return change === "produce" ? "consume" : "produce";
}

/** Undefined where the result is beyond the bounds of decimals. */
function combine(balance: Decimal, change: QuantityChange, value: Decimal): Decimal | undefined {
  try {
    return change === "produce" ? addDecimals(balance, value) : subtractDecimals(balance, value);
  } catch (error) {
    if (error instanceof LhgError) return undefined;
    throw error;
  }
}

/**
 * Whether a transformation in one event yields more than it takes in: every input is stated in one unit of
 * measure, and so are the outputs compared with it. Counts of pieces say nothing about amounts.
 */
export function yieldsTooMuch(facts: EventFacts): boolean {
  if (facts.type !== "TransformationEvent" || facts.transformationId !== null) return false;
  const inputs = facts.items.filter((item) => item.role === ROLES.input);
  const uom = inputs[0]?.quantity?.uom ?? "";
  if (uom === "" || inputs.some((item) => item.quantity?.uom !== uom)) return false;
  const outputs = facts.items.filter((item) => item.role === ROLES.output && item.quantity?.uom === uom);
  const input = sum(inputs.map((item) => item.quantity!.value));
  const output = sum(outputs.map((item) => item.quantity!.value));
  return input !== undefined && output !== undefined && compareDecimals(output, input) > 0;
}

function sum(values: readonly Decimal[]): Decimal | undefined {
  let total: Decimal | undefined = DECIMAL_ZERO;
  for (const value of values) if (total !== undefined) total = combine(total, "produce", value);
  return total;
}
