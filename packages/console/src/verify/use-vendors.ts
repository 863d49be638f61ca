/** Names of companies: the node's word until the chain's own record of them is proven. */
import { fromHex } from "@lhg/protocol/core/bytes";
import { useQueries } from "@tanstack/react-query";
import { client } from "../node/client.ts";
import { keepVouched, readPin, toPinned } from "./pin.ts";
import { check } from "./verifier.ts";

export interface KnownVendor {
  readonly vendor: string;
  /** Absent where the node's proof of it does not hold. */
  readonly name?: string;
  /** The proven ones: none where the name is not proven. */
  readonly prefixes: readonly string[];
  readonly isProven: boolean;
}

export type Vendors = ReadonlyMap<string, KnownVendor>;

/** So many are asked for; the others keep their address. */
const VENDORS_MAX = 60;

export function useVendors(addresses: readonly string[]): Vendors {
  const wanted = [...new Set(addresses)].slice(0, VENDORS_MAX);
  return useQueries({
    queries: wanted.map((vendor) => ({
      queryKey: ["proven-vendor", vendor],
      queryFn: () => askVendor(vendor),
      staleTime: 300_000,
    })),
    combine: (results) =>
      new Map(results.flatMap(({ data }) => (data === undefined ? [] : [[data.vendor, data] as const]))),
  });
}

async function askVendor(vendor: string): Promise<KnownVendor> {
  const { pin } = await readPin();
  const { name, proof } = await client.getVendor(vendor, { proof: true });
  if (proof === undefined) return { vendor, name, prefixes: [], isProven: false };
  const found = await check({
    kind: "vendor",
    vendor,
    proof: fromHex(proof.bytes, "proof"),
    pinned: toPinned(pin),
  });
  if (!found.isProven) return { vendor, prefixes: [], isProven: false };
  keepVouched(pin.chainId, found.vouched);
  return { vendor, name: found.name, prefixes: found.prefixes, isProven: true };
}
