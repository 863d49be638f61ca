import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Text } from "../../verify/text.tsx";
import { readIdentity } from "./identity-words.ts";
import { describeShort } from "./item-link.tsx";
import { formatPoint, parseGeo, placeName, pointOf } from "./places.ts";

/** Where an event says it was: the place's name, and its position. */
export function Place({
  event,
}: {
  event: Pick<TracedEvent["event"], "readPoint" | "bizLocation">;
}): ReactNode {
  const { item } = useStrings();
  const name = placeName(event);
  const point = pointOf(event);
  if (name === null) return null;
  const isPosition = parseGeo(name) !== undefined;
  return (
    <span>
      {isPosition ? null : <Text value={describeShort(item, readIdentity(name))} max={90} />}
      {isPosition || point === undefined ? null : " · "}
      {point === undefined ? null : <span className="nowrap">{formatPoint(point)}</span>}
    </span>
  );
}
