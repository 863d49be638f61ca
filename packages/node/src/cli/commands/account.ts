import { toHex } from "@lhg/protocol/core/bytes";
import type { Account as AccountView } from "@lhg/sdk/client/types";
import { formatAmount } from "../amounts.ts";
import { openChain } from "../chain.ts";
import { listKeys } from "../key-folder.ts";
import { formatFields, formatTable } from "../output.ts";
import type { Session } from "../session.ts";
import { keyFolderOf, resolveAddress } from "../signing.ts";

/** One account by address or name; without one, those of the keys of this machine. */
export async function showAccount(session: Session, name: string | undefined): Promise<void> {
  const chain = await openChain(session);
  if (name !== undefined) {
    const address = toHex(await resolveAddress(session, chain.devKeys, name));
    const account = await chain.client.getAccount(address);
    session.output.result(account, describeAccount(account));
    return;
  }
  const { vendors = [], operators = [], faucet } = chain.devKeys ?? {};
  const known = [
    ...(await listKeys(keyFolderOf(session.options))),
    ...vendors,
    ...operators,
    ...(faucet === undefined ? [] : [faucet]),
  ];
  const accounts: (AccountView & { readonly name: string })[] = [];
  for (const { name: own, address } of known)
    accounts.push({ name: own, ...(await chain.client.getAccount(toHex(address))) });
  if (accounts.length === 0) session.output.note("There are no keys here: name an account by its address.");
  const rows = accounts.map(({ name: own, address, balance, nonce }) => [
    own,
    address,
    formatAmount(BigInt(balance)),
    String(nonce),
  ]);
  session.output.result(
    { accounts },
    accounts.length === 0 ? [] : formatTable(["NAME", "ADDRESS", "BALANCE", "NONCE"], rows),
  );
}

function describeAccount({ address, balance, nonce, key, ...roles }: AccountView): string[] {
  const all = [
    roles.isVendor ? "vendor" : "",
    roles.isDevice ? "device" : "",
    roles.isValidator ? "validator" : "",
  ].filter((role) => role !== "");
  return formatFields([
    ["address", address],
    ["balance", formatAmount(BigInt(balance))],
    ["nonce", String(nonce)],
    ["key", key === null ? "none yet: its first statement brings it" : `${key.alg} ${key.bytes}`],
    ["acts as", all.join(", ") || "account alone"],
  ]);
}
