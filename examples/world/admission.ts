/** Everybody's place on the chain: vendors admitted by the validators' operators, credit, registered devices. */
import { toHex } from "@lhg/protocol/core/bytes";
import { fromJson } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { UNIT } from "@lhg/protocol/core/genesis";
import { parameters } from "@lhg/protocol/core/parameters";
import type { Message } from "@lhg/protocol/ledger";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { createAccountSender } from "@lhg/sdk/transaction/account-sender";
import { approveAction, describeAdmission } from "@lhg/sdk/transaction/approvals";
import {
  makeAdmission,
  makeCreditPurchase,
  makeDeviceRegistration,
  makeTransfer,
} from "@lhg/sdk/transaction/messages";
import type { Accounts } from "./accounts.ts";
import type { Chain } from "./captors.ts";
import { type DeviceProfile, FLEET } from "./fleet.ts";
import { type Account, type DevelopmentKeys, loadDevelopmentKeys } from "./keys.ts";
import { persist } from "./patience.ts";
import { VENDOR_IDS, VENDORS, type VendorId } from "./vendors.ts";

const CREDITS = 100_000_000;
const CREDITS_LOW = 10_000_000;
/** For the fees of a vendor's own transactions. */
const ALLOWANCE = 100n * UNIT;
const APPROVAL_LIFETIME_MS = 3_600_000;

/** Brings about what is missing, and nothing twice: vendors, their credit, their devices. */
export async function settleIn(chain: Chain, accounts: Accounts): Promise<void> {
  await persist(async () => {
    const keys = await loadDevelopmentKeys(chain.url);
    await send(chain, keys.faucet, await listMissing(chain, accounts, keys));
    await Promise.all(VENDOR_IDS.map((id) => registerDevices(chain, accounts, id)));
  }, chain.signal);
}

/** Buys credit for vendors that are running low, of the faucet's LHG. */
export async function topUp(chain: Chain, accounts: Accounts): Promise<void> {
  const low: Message[] = [];
  for (const id of VENDOR_IDS) {
    const { address, hex } = accounts.vendors[id];
    const { credits } = await chain.client.getVendor(hex);
    if (credits < CREDITS_LOW) low.push(makeCreditPurchase(address, CREDITS));
  }
  if (low.length > 0) await send(chain, (await loadDevelopmentKeys(chain.url)).faucet, low);
}

async function listMissing(
  { client, chainId }: Chain,
  accounts: Accounts,
  { operators }: DevelopmentKeys,
): Promise<Message[]> {
  const terms = { chainId, expiryMs: Date.now() + APPROVAL_LIFETIME_MS };
  const missing = await Promise.all(
    VENDOR_IDS.map(async (id): Promise<Message[]> => {
      const { address, hex } = accounts.vendors[id];
      if ((await client.getAccount(hex)).isVendor) return [];
      const { name, prefix } = VENDORS[id];
      const admission = { vendor: address, name, prefixes: [prefix], version: 0 };
      const approvals = operators.map(({ signer }) =>
        approveAction(signer, describeAdmission(admission), terms, nodeCrypto),
      );
      return [
        makeAdmission(admission, approvals),
        makeCreditPurchase(address, CREDITS),
        makeTransfer(address, ALLOWANCE),
      ];
    }),
  );
  return missing.flat();
}

async function registerDevices(chain: Chain, accounts: Accounts, id: VendorId): Promise<void> {
  const vendor = accounts.vendors[id];
  const own = FLEET.filter((device) => device.vendor === id);
  const missing: Message[] = [];
  for (const profile of own) {
    const device = accounts.devices.get(profile.name)!;
    if ((await chain.client.getAccount(device.hex)).isDevice) continue;
    missing.push(makeRegistration(chain, vendor, device, profile));
  }
  await send(chain, vendor, missing);
}

function makeRegistration(
  { chainId }: Chain,
  vendor: Account,
  device: Account,
  { model }: DeviceProfile,
): Message {
  return makeDeviceRegistration({
    chainId,
    expiryMs: Date.now() + APPROVAL_LIFETIME_MS,
    vendor: vendor.address,
    device: device.signer,
    model,
    capabilities: ["temperature", "position", "tamper"],
  });
}

/** In one transaction, which does all or nothing. Throws the refusal, or the status where it had no effect. */
async function send({ client, chainId }: Chain, payer: Account, messages: readonly Message[]): Promise<void> {
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
  if (!isThere || found.status !== "ok")
    throw new LhgError(isThere ? found.status : "world.waiting", "settled nobody in", toHex(id));
}
