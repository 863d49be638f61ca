/** Everybody's place on the chain: vendors admitted by the validators' operators, credit, registered devices. */
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import { UNIT } from "@lhg/protocol/core/genesis";
import type { Message } from "@lhg/protocol/ledger";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { approveAction, describeAdmission } from "@lhg/sdk/transaction/approvals";
import {
  makeAdmission,
  makeCommand,
  makeCreditPurchase,
  makeDeviceRegistration,
  makeTransfer,
} from "@lhg/sdk/transaction/messages";
import type { Accounts } from "./accounts.ts";
import type { Chain } from "./captors.ts";
import { type DeviceProfile, FLEET } from "./fleet.ts";
import { type Account, type DevelopmentKeys, loadDevelopmentKeys } from "./keys.ts";
import { persist } from "./patience.ts";
import { sendMessages } from "./transactions.ts";
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
    await sendMessages(chain, keys.faucet, await listMissing(chain, accounts, keys));
    await Promise.all(VENDOR_IDS.map((id) => registerDevices(chain, accounts, id)));
  }, chain.signal);
}

const COMMAND_LIFETIME_MS = 24 * 3_600_000;

/** What the logistics company asks of its loggers on the first day; they answer within some seconds. */
export async function sendFirstCommands(chain: Chain, { vendors, devices }: Accounts): Promise<void> {
  const expiryMs = Date.now() + COMMAND_LIFETIME_MS;
  const first: Message[] = [];
  for (const { name, vendor, intervalMs } of FLEET) {
    const device = devices.get(name)!;
    if (
      vendor !== "logistics" ||
      (await chain.client.listCommands(device.hex, { limit: 1 })).items.length > 0
    )
      continue;
    const payload = encodeUtf8(JSON.stringify({ intervalMs }));
    first.push(
      makeCommand({ device: device.address, number: 1, name: "identify", expiryMs }),
      makeCommand({ device: device.address, number: 2, name: "configure", payload, expiryMs }),
    );
  }
  await sendMessages(chain, vendors.logistics, first);
}

/** Buys credit for vendors that are running low, of the faucet's LHG. */
export async function topUp(chain: Chain, accounts: Accounts): Promise<void> {
  const low: Message[] = [];
  for (const id of VENDOR_IDS) {
    const { address, hex } = accounts.vendors[id];
    const { credits } = await chain.client.getVendor(hex);
    if (credits < CREDITS_LOW) low.push(makeCreditPurchase(address, CREDITS));
  }
  if (low.length > 0) await sendMessages(chain, (await loadDevelopmentKeys(chain.url)).faucet, low);
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
  await sendMessages(chain, vendor, missing);
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
