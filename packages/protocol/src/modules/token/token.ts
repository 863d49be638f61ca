import { type Address, moduleAddress } from "../../core/account.ts";
import { getAccount, setAccount } from "../../core/accounts.ts";
import { encodeCbor } from "../../core/codec/cbor.ts";
import { type Infer, record, uint, uint64 } from "../../core/codec/definition.ts";
import { assertInvariant } from "../../core/errors.ts";
import { CREDITS_MAX, SUPPLY_CAP } from "../../core/genesis.ts";
import type { BlockContext, Module } from "../../core/module.ts";
import { appendToOutbox } from "../../core/outbox.ts";
import type { StateAccess, StateReader } from "../../core/state/overlay.ts";
import { BASE, vendorPartition } from "../../core/state/partition.ts";
import { defineTable } from "../../core/state/table.ts";
import { failStatement } from "../../core/status.ts";
import { getVendor } from "../identity/vendors.ts";
import { TOKEN_MODULE, type tokenMessages } from "./messages.ts";

/** Fees wait here for the validators; what genesis allots to nobody stays in the treasury. */
export const FEES_ADDRESS = moduleAddress("fees");
export const TREASURY_ADDRESS = moduleAddress("treasury");

const NOTICE_TRANSFER = 1;
const NOTICE_CREDIT = 2;
const OUTBOX_CREDIT = 1;

const supply = defineTable<[], { issued: bigint }>("supply", TOKEN_MODULE, 1, record(1, { issued: uint64 }));
const allowanceRecord = record(1, { limit: uint64, expiryMs: uint() });
const allowances = defineTable<[Address, Address], Infer<typeof allowanceRecord>>(
  "fee allowance",
  TOKEN_MODULE,
  2,
  allowanceRecord,
);
const credits = defineTable<[], { credits: number }>(
  "credit",
  TOKEN_MODULE,
  3,
  record(1, { credits: uint() }),
);

export function getSupply(state: StateReader): bigint {
  return supply.get(state, BASE)?.issued ?? 0n;
}

export function getCredits(state: StateReader, vendor: Address): number {
  return credits.get(state, vendorPartition(vendor))?.credits ?? 0;
}

/** Takes prepaid credit that admission has found to be there. */
export function spendCredits(state: StateAccess, vendor: Address, amount: number): void {
  const left = getCredits(state, vendor) - amount;
  assertInvariant(left >= 0, "credit was checked at admission");
  credits.set(state, vendorPartition(vendor), { credits: left });
}

export function getFeeAllowance(
  state: StateReader,
  owner: Address,
  spender: Address,
): Infer<typeof allowanceRecord> | undefined {
  return allowances.get(state, BASE, owner, spender);
}

/** Takes a fee that admission has found to be covered, and counts it against the payer's allowance. */
export function chargeFee(
  state: StateAccess,
  payer: Address,
  sender: Address,
  fee: bigint,
  isAllowance: boolean,
): void {
  const held = getAccount(state, payer);
  assertInvariant(held.balance >= fee, "the fee was covered at admission");
  setAccount(state, payer, { ...held, balance: held.balance - fee });
  if (!isAllowance) return;
  const allowance = allowances.get(state, BASE, payer, sender);
  assertInvariant(
    allowance !== undefined && allowance.limit >= fee,
    "the allowance was checked at admission",
  );
  allowances.set(state, BASE, { ...allowance, limit: allowance.limit - fee }, payer, sender);
}

/** Puts the fees of a block where they wait for the validators: once a block, as every transaction pays one. */
export function collectFees(state: StateAccess, fees: bigint): void {
  if (fees === 0n) return;
  const pot = getAccount(state, FEES_ADDRESS);
  setAccount(state, FEES_ADDRESS, { ...pot, balance: pot.balance + fees });
}

/** Moves tokens; fails the statement when the sender has too few. */
export function moveTokens(state: StateAccess, from: Address, to: Address, amount: bigint): void {
  const source = getAccount(state, from);
  if (source.balance < amount)
    failStatement(
      "token.insufficient-balance",
      `balance is ${source.balance}, needed are ${amount}`,
      "amount",
    );
  setAccount(state, from, { ...source, balance: source.balance - amount });
  const target = getAccount(state, to);
  setAccount(state, to, { ...target, balance: target.balance + amount });
}

function initGenesis(
  { state }: BlockContext,
  genesis: Parameters<NonNullable<Module["initGenesis"]>>[1],
): void {
  assertInvariant(genesis.initialSupply <= SUPPLY_CAP, "genesis issues more than the cap");
  let allotted = 0n;
  for (const { address, balance } of genesis.accounts) {
    const held = getAccount(state, address);
    setAccount(state, address, { ...held, balance: held.balance + balance });
    allotted += balance;
  }
  assertInvariant(allotted <= genesis.initialSupply, "genesis allots more than it issues");
  const treasury = getAccount(state, TREASURY_ADDRESS);
  const rest = genesis.initialSupply - allotted;
  setAccount(state, TREASURY_ADDRESS, { ...treasury, balance: treasury.balance + rest });
  supply.set(state, BASE, { issued: genesis.initialSupply });
  for (const { account, credits: held } of genesis.vendors)
    if (held > 0) credits.set(state, vendorPartition(account), { credits: held });
}

export const token: Module<typeof tokenMessages> = {
  name: "token",
  id: TOKEN_MODULE,
  initGenesis,
  handlers: {
    "token.transfer": (context, { to, amount }) => {
      moveTokens(context.state, context.sender, to, amount);
      context.emit(TOKEN_MODULE, NOTICE_TRANSFER, context.sender, to, amount.toString());
    },
    "token.allow-fees": (context, { spender, limit, expiryMs }) =>
      allowances.set(
        context.state,
        BASE,
        limit === 0n ? undefined : { limit, expiryMs },
        context.sender,
        spender,
      ),
    "token.buy-credit": (context, { vendor, credits: bought }) => {
      if (getVendor(context.state, vendor) === undefined)
        failStatement("identity.vendor-unknown", "is no vendor", "vendor");
      const held = getCredits(context.state, vendor);
      if (bought === 0 || held + bought > CREDITS_MAX)
        failStatement("token.credits-range", "must be 1 to 10^15 in all", "credits");
      moveTokens(
        context.state,
        context.sender,
        FEES_ADDRESS,
        BigInt(bought) * context.parameters.creditPrice,
      );
      const partition = vendorPartition(vendor);
      credits.set(context.state, partition, { credits: held + bought });
      appendToOutbox(context, BASE, {
        height: context.height,
        toPartition: partition.id,
        module: TOKEN_MODULE,
        kind: OUTBOX_CREDIT,
        payload: encodeCbor([vendor, bought]),
      });
      context.emit(TOKEN_MODULE, NOTICE_CREDIT, vendor, bought);
    },
  },
};
