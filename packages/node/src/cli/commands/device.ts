import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { makeDeviceRegistration, makeDeviceRevocation } from "@lhg/sdk/transaction/messages";
import { type Chain, chooseAccount, getParameters, openChain, sendMessages } from "../chain.ts";
import { rememberDevice } from "../device-desk.ts";
import { formatFields, formatTable } from "../output.ts";
import { commandName, type Session } from "../session.ts";
import { openAccount, resolveAddress, resolvePublicKey } from "../signing.ts";

const CONSENT_LIFETIME_MS = 3_600_000;
/** The protocol's word for the block after the one that revokes. */
const NEXT_BLOCK = 0;

export async function registerDevice(
  session: Session,
  keyName: string,
  options: {
    readonly as?: string;
    readonly model: string;
    readonly capability?: readonly string[];
    readonly limit?: number;
  },
): Promise<void> {
  const chain = await openChain(session);
  await requireUnregistered(
    chain,
    keyName,
    toHex((await resolvePublicKey(session, chain.devKeys, keyName)).address),
  );
  const vendor = await chooseAccount(session, chain, options.as, (keys) => keys.vendors[0]!);
  const device = await openAccount(session, chain.devKeys, keyName);
  const message = makeDeviceRegistration({
    chainId: chain.chainId,
    vendor: vendor.address,
    device: device.signer,
    model: options.model,
    expiryMs: Date.now() + CONSENT_LIFETIME_MS,
    ...(options.capability === undefined ? {} : { capabilities: options.capability }),
    ...(options.limit === undefined ? {} : { creditsPerDayMax: options.limit }),
  });
  const settled = await sendMessages(chain, vendor, [message]);
  const { chainId } = chain;
  await rememberDevice(session, device.address, { ...(await getParameters(chain)), chainId });
  session.output.result(
    { ...settled, device: toHex(device.address), vendor: toHex(vendor.address) },
    `Registered ${keyName} (${toHex(device.address)}) for ${vendor.name} in block ${settled.height}`,
  );
  session.output.note(`Record readings with it: ${commandName()} device record ${keyName} readings.json`);
}

/** Asked first: a registration that fails on the chain is paid all the same. */
async function requireUnregistered({ client }: Chain, name: string, address: string): Promise<void> {
  const found = await client.getDevice(address).catch((error: unknown) => {
    if (error instanceof LhgError && error.code === "device.not-found") return undefined;
    throw error;
  });
  if (found === undefined) return;
  const standing =
    found.revokedFromHeight === null ? "" : `, and revoked from block ${found.revokedFromHeight}`;
  throw new LhgError(
    "identity.device-exists",
    `is registered already (${address}, model ${found.model}) since block ${found.registeredAtHeight} for vendor ${found.vendor}${standing}`,
    name,
  );
}

export async function listDevices(session: Session, vendorName: string | undefined): Promise<void> {
  const chain = await openChain(session);
  const vendor =
    vendorName === undefined
      ? (await chooseAccount(session, chain, undefined, (keys) => keys.vendors[0]!)).address
      : await resolveAddress(session, chain.devKeys, vendorName);
  const devices = [];
  for (let cursor: string | undefined; ; ) {
    const page = await chain.client.listDevices(toHex(vendor), cursor === undefined ? {} : { cursor });
    devices.push(...page.items);
    cursor = page.next;
    if (cursor === undefined) break;
  }
  const rows = devices.map(({ device, model, revokedFromHeight, capabilities }) => [
    device,
    model,
    revokedFromHeight === null ? "in use" : `revoked from ${revokedFromHeight}`,
    capabilities.join(", "),
  ]);
  if (devices.length === 0) session.output.note("This vendor has no devices.");
  session.output.result(
    { vendor: toHex(vendor), devices },
    devices.length === 0 ? [] : formatTable(["ADDRESS", "MODEL", "STANDING", "CAPABILITIES"], rows),
  );
}

export async function showDevice(session: Session, name: string): Promise<void> {
  const chain = await openChain(session);
  const address = toHex(await resolveAddress(session, chain.devKeys, name));
  const device = await chain.client.getDevice(address);
  const stream = await chain.client.getStream(address, 0);
  session.output.result(
    { ...device, stream },
    formatFields([
      ["address", device.device],
      ["vendor", device.vendor],
      ["model", device.model],
      ["capabilities", device.capabilities.join(", ") || "none"],
      ["registered", `block ${device.registeredAtHeight}`],
      ["standing", device.revokedFromHeight === null ? "in use" : `revoked from ${device.revokedFromHeight}`],
      ["collections", `${stream.collections}, the last is number ${stream.headSeq}`],
      ["readings", String(stream.readings)],
      ["gaps", stream.gaps.map(({ from, to }) => `${from} to ${to}`).join(", ") || "none"],
    ]),
  );
}

export async function revokeDevice(
  session: Session,
  name: string,
  options: { readonly as?: string; readonly fromHeight?: number },
): Promise<void> {
  const chain = await openChain(session);
  const device = await resolveAddress(session, chain.devKeys, name);
  const { vendor: owner } = await chain.client.getDevice(toHex(device));
  const account = await chooseAccount(
    session,
    chain,
    options.as,
    (keys) => keys.vendors.find(({ address }) => toHex(address) === owner) ?? keys.vendors[0]!,
  );
  const asked = options.fromHeight ?? NEXT_BLOCK;
  const settled = await sendMessages(chain, account, [makeDeviceRevocation(device, asked)]);
  const fromHeight = asked === NEXT_BLOCK ? settled.height + 1 : asked;
  session.output.result(
    { ...settled, device: toHex(device), fromHeight },
    `Revoked ${toHex(device)}: from block ${fromHeight} on it may only fill gaps`,
  );
}
