import type { ReactNode } from "react";
import { Link } from "react-router";
import { useStrings } from "../strings/strings.tsx";
import { Hex } from "../ui/values.tsx";
import { Text } from "./text.tsx";
import type { Vendors } from "./use-vendors.ts";
import "./verdict.css";

/** A company by its name, with a mark that says whether the chain's record of the name was proven. */
export function VendorName({ vendor, vendors }: { vendor: string; vendors: Vendors }): ReactNode {
  const { verdict } = useStrings();
  const known = vendors.get(vendor);
  return (
    <span className="vendor-name">
      <Link to={`/vendors/${vendor}`}>
        {known === undefined ? <Hex value={vendor} /> : <Text value={known.name} max={80} />}
      </Link>
      {known === undefined || known.isProven ? null : (
        <span className="muted small" title={verdict.nameClaimed}>
          ({verdict.claimedName})
        </span>
      )}
    </span>
  );
}
