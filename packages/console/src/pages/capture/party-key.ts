import { canonicalIdentity } from "@lhg/protocol/epcis/identity";

const EPC_PREFIX_DIGITS_MIN = 6;
const PARTY_DIGITS = 12;

/** The party GLN (417) that begins with a company prefix of 4 to 12 digits, or a URI that begins with another prefix. */
export function partyOfPrefix(prefix: string): string {
  if (!/^[0-9]{4,12}$/.test(prefix)) return `${prefix}party`;
  const company = prefix.padEnd(EPC_PREFIX_DIGITS_MIN, "0");
  const reference = "0".repeat(PARTY_DIGITS - company.length);
  return canonicalIdentity(`urn:epc:id:pgln:${company}.${reference}`, "prefix").key;
}
