/** GS1 keys as Digital Links, with their check digits, under the prefixes of this world. */
import { VENDORS, type VendorId } from "./vendors.ts";

const ID = "https://id.gs1.org";

/** The last digit of a GS1 key: weights 3 and 1 from the right (GS1 General Specifications, 7.9). */
function checkDigit(digits: string): string {
  let sum = 0;
  for (let i = 0; i < digits.length; i++)
    sum += Number(digits[digits.length - 1 - i]) * (i % 2 === 0 ? 3 : 1);
  return String((10 - (sum % 10)) % 10);
}

/** Prefix and reference in so many digits, and the check digit. */
function makeKey(lead: string, vendor: VendorId, reference: number, digits: number): string {
  const { prefix } = VENDORS[vendor];
  const body = lead + prefix + String(reference).padStart(digits - lead.length - prefix.length, "0");
  return body + checkDigit(body);
}

const gtin = (vendor: VendorId, product: number): string => makeKey("0", vendor, product, 13);

/** One article: SGTIN. */
export function serialOf(vendor: VendorId, product: number, serial: string): string {
  return `${ID}/01/${gtin(vendor, product)}/21/${serial}`;
}

/** A lot: LGTIN. */
export function lotOf(vendor: VendorId, product: number, lot: string): string {
  return `${ID}/01/${gtin(vendor, product)}/10/${lot}`;
}

/** A logistic unit: bag, carton, pallet. */
export function logisticUnitOf(vendor: VendorId, serial: number): string {
  return `${ID}/00/${makeKey("1", vendor, serial, 17)}`;
}

export function locationOf(vendor: VendorId, location: number): string {
  return `${ID}/414/${makeKey("", vendor, location, 12)}`;
}

/** The company itself, as a party to a hand-over. */
export function partyOf(vendor: VendorId): string {
  return `${ID}/417/${makeKey("", vendor, 0, 12)}`;
}
