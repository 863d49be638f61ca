/** Sends a device's collections to a node by HTTP. */
import { LhgError } from "@lhg/protocol/core/errors";
import { createClient } from "../client/client.ts";
import type { Send } from "./flush.ts";

/**
 * The transport for `device.flush`. Rejects with the node's code where it refuses or does not take the collection yet, else with
 * `client.*`: nothing is known then, and sending again does no harm.
 */
export function createHttpSend(url: string): Send {
  const client = createClient({ url });
  return async (submission) => {
    const result = await client.submit(submission);
    if (result.state !== "accepted") throw new LhgError(result.code, result.message, result.field);
  };
}
