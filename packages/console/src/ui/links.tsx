/** Links to the pages of things, by what names them. */
import type { EventSummary } from "@lhg/sdk/client/types";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { useVendorName } from "../node/questions.ts";
import { useStrings } from "../strings/strings.tsx";
import { describeItem } from "../words/identity.ts";
import { formatNumber } from "./format.ts";
import { Hex, Text } from "./values.tsx";

export function BlockLink({ height }: { height: number }): ReactNode {
  return <Link to={`/blocks/${height}`}>{formatNumber(height)}</Link>;
}

export function StatementLink({ id, length = 10 }: { id: string; length?: number }): ReactNode {
  return (
    <Link to={`/statements/${id}`}>
      <Hex value={id} length={length} />
    </Link>
  );
}

/** By its name where that is known. */
export function VendorLink({ address }: { address: string }): ReactNode {
  const name = useVendorName(address);
  return (
    <Link to={`/vendors/${address}`}>
      {name === undefined ? <Hex value={address} /> : <Text value={name} lengthMax={60} />}
    </Link>
  );
}

export function DeviceLink({ address }: { address: string }): ReactNode {
  return (
    <Link to={`/devices/${address}`}>
      <Hex value={address} />
    </Link>
  );
}

/** Any account: a vendor by its name, others through the search, which says what they are. */
export function AccountLink({ address }: { address: string }): ReactNode {
  const name = useVendorName(address);
  if (name !== undefined) return <VendorLink address={address} />;
  return (
    <Link to={`/search?q=${address}`}>
      <Hex value={address} />
    </Link>
  );
}

export function itemPath(identity: string): string {
  return `/items?id=${encodeURIComponent(identity)}`;
}

/** An item by its short words, leading to its page. */
export function ItemLink({ identity }: { identity: string }): ReactNode {
  const { item } = useStrings();
  return (
    <Link to={itemPath(identity)} title={identity.slice(0, 1_024)} className="item-link">
      <Text value={describeItem(item, identity)} lengthMax={90} />
    </Link>
  );
}

/** The capture that holds an event, opened at it. */
export function toEventPath({ id }: Pick<EventSummary, "id">): string {
  const [capture = "", index = "0"] = id.split(":");
  return `/statements/${capture}?event=${index}`;
}
