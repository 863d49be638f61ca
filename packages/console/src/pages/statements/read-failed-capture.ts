/** What a capture that failed said: from its document, which the node keeps though nothing came of it. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Statement } from "@lhg/sdk/client/types";
import { client } from "../../node/client.ts";
import { type Claim, findClaim } from "./find-claim.ts";

interface FailedClaim extends Claim {
  /** Address of the vendor whose number the first item has, where that is why it failed. */
  readonly holder: string | undefined;
}

export async function readFailedCapture({
  id,
  status,
  failure,
}: Pick<Statement, "id" | "status" | "failure">): Promise<FailedClaim | null> {
  const claim = findClaim(await client.getDocument(id), failure?.field ?? "");
  if (claim === undefined) return null;
  const [first] = claim.items;
  const isForeign = status.name === "trace.prefix-not-owned" && first !== undefined;
  return { ...claim, holder: isForeign ? await findHolder(first) : undefined };
}

async function findHolder(identity: string): Promise<string | undefined> {
  try {
    return (await client.getHolder(identity)).vendor.vendor;
  } catch (error) {
    if (error instanceof LhgError && error.code.endsWith(".not-found")) return undefined;
    throw error;
  }
}
