/** From a document to a signed capture on its way. */
import { fromHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { canonicalIdentity, matchesPrefix } from "@lhg/protocol/epcis/identity";
import { buildCapture } from "@lhg/sdk/capture/build";
import type { Vendor } from "@lhg/sdk/client/types";
import { client } from "../../node/client.ts";
import { requireOutboxRoom, sendKept, toUnsent } from "../../signing/outbox.ts";
import type { BrowserSigner } from "../../signing/signer.ts";

/** The sequence after the last capture that a node took from here: the chain counts it only when it is in a block. */
const nextSequences = new Map<string, number>();
const SEQUENCE_ATTEMPTS = 2;

/**
 * Signs and sends; resolves to the statement id once it is durable at a node. Throws what `buildCapture` throws, the
 * refusal of the chain, or `client.unreachable`, after which the signed capture is kept; `outbox.full` before anything is signed.
 */
export async function sendCapture(
  title: string,
  document: Uint8Array,
  { signer }: BrowserSigner,
  vendor: string,
): Promise<string> {
  await requireOutboxRoom(document.length);
  const { chainId } = await client.getStatus();
  for (let attempt = 1; ; attempt++) {
    const { nextCaptureSeq } = await client.getVendor(vendor);
    const captureSeq = Math.max(nextCaptureSeq, nextSequences.get(vendor) ?? 0);
    const signed = buildCapture({ chainId, vendor: fromHex(vendor), captureSeq, document, signer });
    const entry = toUnsent("capture", title, signed);
    try {
      await sendKept(entry);
      nextSequences.set(vendor, captureSeq + 1);
      return entry.id;
    } catch (error) {
      // Somebody else captured for this vendor, or what was sent before was refused: the chain's count is right.
      nextSequences.delete(vendor);
      const isSequence = error instanceof LhgError && error.code.startsWith("capture.sequence-");
      if (!isSequence || attempt === SEQUENCE_ATTEMPTS) throw error;
    }
  }
}

const HOLDERS_ASKED_MAX = 20;

/**
 * The first key that belongs to another vendor, so that the chain would refuse to let it begin. What stands under no
 * prefix of anybody may be begun by all.
 */
export async function findForeignKey(
  ids: readonly string[],
  { vendor, prefixes }: Vendor,
): Promise<string | undefined> {
  const doubtful = ids.filter((id) => {
    const identity = canonicalIdentity(id, "items");
    return !prefixes.some((prefix) => matchesPrefix(identity, prefix));
  });
  for (const id of doubtful.slice(0, HOLDERS_ASKED_MAX)) {
    const holder = await client.getHolder(id).catch((error: unknown) => {
      if (error instanceof LhgError && error.code.endsWith(".not-found")) return undefined;
      throw error;
    });
    if (holder !== undefined && holder.vendor.vendor !== vendor) return id;
  }
  return undefined;
}
