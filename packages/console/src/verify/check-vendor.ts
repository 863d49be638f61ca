/** What the chain holds of a company, proven: the name and prefixes it was admitted under. */
import { fromHex } from "@lhg/protocol/core/bytes";
import { vendorKey, vendorRecord } from "@lhg/protocol/modules/identity/vendors";
import type { VendorCheck, VendorJob } from "./messages.ts";
import { proveRecord } from "./proven-record.ts";
import { readTrust } from "./read-trust.ts";

export function checkVendor({ vendor, proof, pinned }: VendorJob): VendorCheck {
  const found = proveRecord(proof, readTrust(pinned), vendorKey(fromHex(vendor)), vendorRecord);
  if (!found.ok) return { isProven: false, refused: found };
  const { record, vouched } = found;
  if (record !== null) return { isProven: true, name: record.name, prefixes: record.prefixes, vouched };
  const message = "the chain never admitted this company";
  return { isProven: false, refused: { ok: false, code: "vendor.unknown", field: "proof", message } };
}
