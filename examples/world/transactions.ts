/** Transactions of one account, seen into a block. */
import { toHex } from "@lhg/protocol/core/bytes";
import { fromJson } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { parameters } from "@lhg/protocol/core/parameters";
import type { Message } from "@lhg/protocol/ledger";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { createAccountSender } from "@lhg/sdk/transaction/account-sender";
import type { Chain } from "./captors.ts";
import type { Account } from "./keys.ts";

/** In one transaction, which does all or nothing. Throws the refusal, or the status where it had no effect. */
export async function sendMessages(
  { client, chainId }: Chain,
  payer: Account,
  messages: readonly Message[],
): Promise<void> {
  if (messages.length === 0) return;
  const sender = createAccountSender({
    chainId,
    signer: payer.signer,
    parameters: fromJson(parameters, (await client.getParameters()).parameters, "parameters"),
    nowMs: Date.now,
    fetchNonce: async () => (await client.getAccount(payer.hex)).nonce,
    submit: async ({ bytes }) => {
      const result = await client.submit(bytes);
      if (result.state !== "accepted") throw new LhgError(result.code, result.message, result.field);
    },
    crypto: nodeCrypto,
  });
  const { id } = await sender.send(messages);
  const found = await client.waitFor(toHex(id));
  const isThere = found.state === "committed" || found.state === "provable";
  if (!isThere) throw new LhgError("client.timeout", "is in no block yet", toHex(id));
  if (found.status === "identity.prefix-taken")
    throw new LhgError(
      found.status,
      "belongs to the vendors of an earlier world, whose keys are gone",
      "world.json",
    );
  if (found.status !== "ok") throw new LhgError(found.status, "had no effect", toHex(id));
}
