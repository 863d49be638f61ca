import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { makeCreditPurchase, makeTransfer } from "@lhg/sdk/transaction/messages";
import { formatAmount, parseAmount, parseCount } from "../amounts.ts";
import { chooseAccount, openChain, sendMessages, type Wait } from "../chain.ts";
import type { Session } from "../session.ts";
import { resolveAddress } from "../signing.ts";

interface SendOptions {
  readonly as?: string;
  readonly wait: Wait;
}

const CREDITS_MAX = 1e15;

export async function sendTransfer(
  session: Session,
  to: string,
  amountText: string,
  options: SendOptions,
): Promise<void> {
  const amount = parseAmount(amountText);
  const chain = await openChain(session);
  const target = await resolveAddress(session, chain.devKeys, to);
  const account = await chooseAccount(session, chain, options.as, (keys) => keys.faucet);
  const settled = await sendMessages(chain, account, [makeTransfer(target, amount)], options.wait);
  session.output.result(
    { ...settled, from: toHex(account.address), to: toHex(target), amount: amount.toString() },
    `Sent ${formatAmount(amount)} from ${account.name} to ${toHex(target)}, block ${settled.height}, id ${settled.id}`,
  );
}

export async function sendCredit(
  session: Session,
  vendorName: string,
  creditsText: string,
  options: SendOptions,
): Promise<void> {
  const credits = parseCount(creditsText, "CREDITS", 1, CREDITS_MAX);
  const chain = await openChain(session);
  const vendor = await resolveAddress(session, chain.devKeys, vendorName);
  const account = await chooseAccount(
    session,
    chain,
    options.as,
    (keys) => keys.vendors.find(({ address }) => equalBytes(address, vendor)) ?? keys.faucet,
  );
  const settled = await sendMessages(chain, account, [makeCreditPurchase(vendor, credits)], options.wait);
  session.output.result(
    { ...settled, vendor: toHex(vendor), credits },
    `Bought ${credits} credits for ${toHex(vendor)}, block ${settled.height}, id ${settled.id}`,
  );
}
