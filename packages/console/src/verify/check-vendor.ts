/** What the chain holds of a company, proven: the name and prefixes it was admitted under. */
import { fromHex } from "@lhg/protocol/core/bytes";
import { vendorKey, vendorRecord } from "@lhg/protocol/modules/identity/vendors";
import { readTrust } from "./check-trace.ts";
import type { VendorCheck, VendorJob } from "./messages.ts";
import { proveRecord } from "./proven-record.ts";

export function checkVendor({ vendor, proof, genesis }: VendorJob): VendorCheck {
  const found = proveRecord(proof, readTrust(genesis), vendorKey(fromHex(vendor)), vendorRecord);
  if (!found.ok) return { isProven: false, refused: found };
  const { record } = found;
  if (record !== null) return { isProven: true, name: record.name, prefixes: record.prefixes };
  const message = "the chain never admitted this company";
  return { isProven: false, refused: { ok: false, code: "vendor.unknown", field: "proof", message } };
}
