/** What the chain holds of a company, proven: the name and prefixes it was admitted under. */
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { vendorKey, vendorRecord } from "@lhg/protocol/modules/identity/vendors";
import { judge, type Refused } from "@lhg/sdk/verify/verdict";
import { verifyValue } from "@lhg/sdk/verify/verify-value";
import { readTrust } from "./check-trace.ts";
import type { VendorCheck, VendorJob } from "./messages.ts";

export function checkVendor({ vendor, proof, genesis }: VendorJob): VendorCheck {
  const verdict = verifyValue(proof, readTrust(genesis));
  if (!verdict.ok) return { isProven: false, refused: verdict };
  const isAsked = verdict.key === toHex(vendorKey(fromHex(vendor))) && verdict.partition.kind === "base";
  if (!isAsked) return refuse("vendor.key", "proves the value of another key");
  const { value } = verdict;
  if (value === null) return refuse("vendor.unknown", "the chain never admitted this company");
  const read = judge(() => decode(vendorRecord, fromHex(value), "vendor"));
  if ("ok" in read) return { isProven: false, refused: read };
  return { isProven: true, name: read.name, prefixes: read.prefixes };
}

function refuse(code: string, message: string): VendorCheck {
  const refused: Refused = { ok: false, code, field: "proof", message };
  return { isProven: false, refused };
}
