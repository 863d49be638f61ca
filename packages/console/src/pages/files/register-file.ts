import { LhgError } from "@lhg/protocol/core/errors";
import { makeAttestation } from "@lhg/sdk/transaction/messages";
import { sendTransaction } from "../../signing/send-transaction.ts";
import type { BrowserSigner } from "../../signing/signer.ts";
import type { HashedFile } from "./hash-file.ts";

/** The protocol's bounds of `attestation.register`, in bytes. */
export const NOTE_BYTES_MAX = 256;
const MEDIA_TYPE_BYTES_MAX = 128;

/**
 * Signs and sends the registration; resolves to the statement id once it is durable at a node. Throws `attestation.note`, and as
 * sendTransaction.
 */
export async function registerFile(
  { name, digest, sizeBytes, mediaType }: HashedFile,
  note: string,
  signer: BrowserSigner,
): Promise<string> {
  if (new TextEncoder().encode(note).length > NOTE_BYTES_MAX)
    throw new LhgError("attestation.note", `must be at most ${NOTE_BYTES_MAX} bytes`, "note");
  const about = { sizeBytes, note, mediaType: mediaType.slice(0, MEDIA_TYPE_BYTES_MAX) };
  return sendTransaction("attestation", name, signer, [makeAttestation(digest, about)]);
}
