/** Credit for captures and readings: bought by itself on a development chain, asked for everywhere else. */
import { equalBytes, fromHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { makeCreditPurchase } from "@lhg/sdk/transaction/messages";
import { type Chain, sendMessages } from "./chain.ts";
import { commandName, type Session } from "./session.ts";

const DEVELOPMENT_PURCHASE = 1_000_000;

/** Returns what the vendor then has. Throws `credit.insufficient` where the vendor (hex) has too little and its key is no development key. */
export async function ensureCredits(
  session: Session,
  chain: Chain,
  vendor: string,
  needed: number,
): Promise<number> {
  const { credits } = await chain.client.getVendor(vendor);
  if (credits >= needed) return credits;
  const address = fromHex(vendor);
  const payer = chain.devKeys?.vendors.find((account) => equalBytes(account.address, address));
  if (payer === undefined)
    throw new LhgError(
      "credit.insufficient",
      `has ${credits} credits, ${needed} are needed: ${commandName()} send credit ${vendor} ${needed}`,
      vendor,
    );
  const amount = Math.max(needed, DEVELOPMENT_PURCHASE);
  await sendMessages(chain, payer, [makeCreditPurchase(address, amount)]);
  session.output.note(`Bought ${amount} credits for ${payer.title}, a development vendor.`);
  return credits + amount;
}
