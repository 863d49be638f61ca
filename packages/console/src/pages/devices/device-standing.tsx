import type { Device } from "@lhg/sdk/client/types";
import type { ReactNode } from "react";
import type { Presence } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Badge } from "../../ui/badge.tsx";
import { formatNumber } from "../../ui/format.ts";

/** What the chain says of a device, and whether a gateway of this node hears it. */
export function DeviceStanding({
  device: { revokedFromHeight },
  presence,
}: {
  device: Pick<Device, "revokedFromHeight">;
  presence: Presence | undefined;
}): ReactNode {
  const { devices: words } = useStrings();
  return (
    <span className="row">
      {revokedFromHeight === null ? (
        <Badge>{words.active}</Badge>
      ) : (
        <Badge tone="bad">{words.revoked(formatNumber(revokedFromHeight))}</Badge>
      )}
      {presence === undefined ? null : (
        <Badge tone={presence.isOnline ? "good" : "warn"}>
          {presence.isOnline ? words.online : words.offline}
        </Badge>
      )}
    </span>
  );
}
