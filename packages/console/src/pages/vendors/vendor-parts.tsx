import type { Vendor } from "@lhg/sdk/client/types";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Badge } from "../../ui/badge.tsx";
import { Text } from "../../ui/values.tsx";

export function Standing({ standing }: Pick<Vendor, "standing">): ReactNode {
  const { vendors: words } = useStrings();
  return <Badge tone={standing === "admitted" ? "good" : "bad"}>{words.standings[standing]}</Badge>;
}

export function Prefixes({
  prefixes,
  countMax,
}: {
  prefixes: readonly string[];
  countMax: number;
}): ReactNode {
  const { events } = useStrings();
  return (
    <span>
      {prefixes.slice(0, countMax).map((prefix, i) => (
        <span key={prefix}>
          {i === 0 ? "" : ", "}
          <Text value={prefix} lengthMax={60} />
        </span>
      ))}
      {prefixes.length > countMax ? (
        <span className="muted"> {events.andOthers(prefixes.length - countMax)}</span>
      ) : null}
    </span>
  );
}
