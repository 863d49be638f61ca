import type { ReactNode } from "react";
import { Link } from "react-router";
import { useStrings } from "../../strings/strings.tsx";
import { Text } from "../../verify/text.tsx";
import { type IdentityParts, readIdentity } from "./identity-words.ts";

export function itemPath(identity: string): string {
  return `/items?id=${encodeURIComponent(identity)}`;
}

/** An item by its short words, leading to its page. */
export function ItemLink({ identity }: { identity: string }): ReactNode {
  const { item } = useStrings();
  return (
    <Link to={itemPath(identity)} title={identity.slice(0, 1_024)} className="item-link">
      <Text value={describeShort(item, readIdentity(identity))} max={90} />
    </Link>
  );
}

export function describeShort(
  words: { names: Readonly<Record<string, string>>; serial: string; lot: string },
  { name, value, serial, lot, extension }: IdentityParts,
): string {
  if (serial !== undefined) return `${words.serial} ${serial} · ${value}`;
  if (lot !== undefined) return `${words.lot} ${lot} · ${value}`;
  if (name === "other") return value;
  return `${words.names[name]} ${value}${extension === undefined ? "" : ` · ${extension}`}`;
}
