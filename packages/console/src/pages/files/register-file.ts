import { toHex } from "@lhg/protocol/core/bytes";
import { fromJson } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { parameters } from "@lhg/protocol/core/parameters";
import { type AccountSender, createAccountSender } from "@lhg/sdk/transaction/account-sender";
import { makeAttestation } from "@lhg/sdk/transaction/messages";
import { client } from "../../node/client.ts";
import { sendKept, toUnsent } from "../../signing/outbox.ts";
import type { BrowserSigner } from "../../signing/signer.ts";
import type { HashedFile } from "./hash-file.ts";

/** The protocol's bounds of `attestation.register`, in bytes. */
export const NOTE_BYTES_MAX = 256;
const MEDIA_TYPE_BYTES_MAX = 128;

/** Transactions of one account leave one after the other: each asks the chain for its nonce. */
async function openSender({ account, signer }: BrowserSigner, title: string): Promise<AccountSender> {
  const [{ chainId }, inForce] = await Promise.all([client.getStatus(), client.getParameters()]);
  return createAccountSender({
    chainId,
    signer,
    parameters: fromJson(parameters, inForce.parameters, "parameters"),
    nowMs: Date.now,
    fetchNonce: async () => (await client.getAccount(account)).nonce,
    submit: (signed) => sendKept(toUnsent("attestation", title, signed)),
  });
}

/**
 * Signs and sends the registration; resolves to the statement id once it is durable at a node. Throws the refusal of the
 * chain (`attestation.exists`, `account.balance`), or `client.unreachable`, after which what was signed is kept.
 */
export async function registerFile(
  { name, digest, sizeBytes, mediaType }: HashedFile,
  note: string,
  signer: BrowserSigner,
): Promise<string> {
  if (new TextEncoder().encode(note).length > NOTE_BYTES_MAX)
    throw new LhgError("attestation.note", `must be at most ${NOTE_BYTES_MAX} bytes`, "note");
  const sender = await openSender(signer, name);
  const about = { sizeBytes, note, mediaType: mediaType.slice(0, MEDIA_TYPE_BYTES_MAX) };
  const { id } = await sender.send([makeAttestation(digest, about)]);
  return toHex(id);
}
