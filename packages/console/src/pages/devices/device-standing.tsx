import type { Device } from "@lhg/sdk/client/types";
import type { ReactNode } from "react";
import type { Presence } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Badge } from "../../ui/badge.tsx";
import { formatAge, formatNumber } from "../../ui/format.ts";
import { useNow } from "../../ui/values.tsx";

/** Devices measure every few seconds to every few minutes: one that was heard of since is at work. */
const DELIVERING_MS = 5 * 60_000;
const LOOK_MS = 5_000;

/** What the chain says of a device: whether it may record, and whether it does; also whether it is connected here. */
export function DeviceStanding({
  device: { revokedFromHeight, lastSeen },
  presence,
}: {
  device: Pick<Device, "revokedFromHeight" | "lastSeen">;
  presence: Presence | undefined;
}): ReactNode {
  const { devices: words } = useStrings();
  return (
    <span className="row">
      {revokedFromHeight === null ? (
        <Work seenMs={lastSeen?.timeMs} />
      ) : (
        <Badge tone="bad">{words.revoked(formatNumber(revokedFromHeight))}</Badge>
      )}
      {presence?.isOnline === true ? (
        <Badge>{`${words.online} ${words.via(presence.via.toUpperCase())}`}</Badge>
      ) : null}
    </span>
  );
}

function Work({ seenMs }: { seenMs: number | undefined }): ReactNode {
  const { devices: words } = useStrings();
  const nowMs = useNow(LOOK_MS);
  if (seenMs === undefined) return <Badge>{words.silent}</Badge>;
  const ageMs = nowMs - seenMs;
  if (ageMs < DELIVERING_MS) return <Badge tone="good">{words.delivering}</Badge>;
  return <Badge tone="warn">{words.silentSince(formatAge(ageMs))}</Badge>;
}
