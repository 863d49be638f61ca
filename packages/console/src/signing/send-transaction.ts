/** A transaction of whoever signs in this browser, on its way. */
import { toHex } from "@lhg/protocol/core/bytes";
import { fromJson } from "@lhg/protocol/core/codec/definition";
import { parameters } from "@lhg/protocol/core/parameters";
import type { Message } from "@lhg/protocol/ledger";
import { createAccountSender } from "@lhg/sdk/transaction/account-sender";
import { client } from "../node/client.ts";
import { requireOutboxRoom, sendKept, toUnsent } from "./outbox.ts";
import type { BrowserSigner } from "./signer.ts";
import type { UnsentKind } from "./unsent-store.ts";

/**
 * Signs and sends; resolves to the statement id once it is durable at a node. Throws the refusal of the chain, or
 * `client.unreachable`, after which what was signed is kept under its kind and title; `outbox.full` before anything is signed.
 */
export async function sendTransaction(
  kind: UnsentKind,
  title: string,
  { account, signer }: BrowserSigner,
  messages: readonly Message[],
): Promise<string> {
  await requireOutboxRoom(0);
  const [{ chainId }, inForce] = await Promise.all([client.getStatus(), client.getParameters()]);
  const sender = createAccountSender({
    chainId,
    signer,
    parameters: fromJson(parameters, inForce.parameters, "parameters"),
    nowMs: Date.now,
    fetchNonce: async () => (await client.getAccount(account)).nonce,
    submit: (signed) => sendKept(toUnsent(kind, title, signed)),
  });
  const { id } = await sender.send(messages);
  return toHex(id);
}
