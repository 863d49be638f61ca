import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Text } from "../../ui/values.tsx";
import { describeItem } from "../../words/identity.ts";
import { formatPoint, parseGeo, placeName, pointOf } from "./places.ts";

/** Where an event says it was: the place's name, or its position where it has none. */
export function Place({
  event,
}: {
  event: Pick<TracedEvent["event"], "readPoint" | "bizLocation">;
}): ReactNode {
  const { item } = useStrings();
  const name = placeName(event);
  const point = pointOf(event);
  if (name === null) return null;
  if (point !== undefined && parseGeo(name) !== undefined)
    return <span className="nowrap">{formatPoint(point)}</span>;
  return (
    <span title={point === undefined ? undefined : formatPoint(point)}>
      <Text value={describeItem(item, name)} lengthMax={90} />
    </span>
  );
}
