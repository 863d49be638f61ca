/** How an event names a vendor: by an identity under a prefix that the chain granted to it. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Vendor } from "@lhg/sdk/client/types";
import { client } from "../../node/client.ts";
import { partyOfPrefix } from "./party-key.ts";

/**
 * A longer prefix of somebody else may cover what begins with a shorter one, so the node is asked whose it is. Throws
 * `party.none` where the vendor has no prefix of its own.
 */
export async function findParty({ vendor, prefixes }: Vendor): Promise<string> {
  for (const prefix of prefixes) {
    const party = partyOfPrefix(prefix);
    const holder = await client.getHolder(party).catch((error: unknown) => {
      if (error instanceof LhgError && error.code.endsWith(".not-found")) return undefined;
      throw error;
    });
    if (holder?.vendor.vendor === vendor) return party;
  }
  throw new LhgError("party.none", "This vendor has no prefix under which it could be named.", "partner");
}
