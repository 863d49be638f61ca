import { type Address, deriveAddress } from "../../core/account.ts";
import { equalKeys, getAccount, isKeyOf, setAccount } from "../../core/accounts.ts";
import { equalBytes, toHex } from "../../core/bytes.ts";
import type { CborValue } from "../../core/codec/cbor.ts";
import type { PublicKey } from "../../core/crypto.ts";
import { assertInvariant, LhgError } from "../../core/errors.ts";
import type { BlockContext, MessageContext, Module } from "../../core/module.ts";
import type { StateReader } from "../../core/state/overlay.ts";
import { hashAction, openApproval } from "../../core/statement/approval.ts";
import { failStatement } from "../../core/status.ts";
import { addDevice, getDevice, type OwnedDevice, PREVIOUS_KEYS_MAX, setDevice } from "./devices.ts";
import { type AdmitVendor, IDENTITY_MODULE, type identityMessages, type RegisterDevice } from "./messages.ts";
import { isValidPrefix, shorterPrefixes } from "./prefixes.ts";
import {
  ADMITTED,
  EXPELLED,
  enlistVendor,
  getCaptureKey,
  getPrefixHolder,
  getVendor,
  setCaptureKey,
  setPrefixHolder,
  setVendor,
  type Vendor,
} from "./vendors.ts";

const NOTICE_VENDOR_ADMITTED = 1;
const NOTICE_VENDOR_EXPELLED = 2;
const NOTICE_DEVICE_REGISTERED = 3;
const NOTICE_DEVICE_KEY = 4;
const NOTICE_DEVICE_REVOKED = 5;

/** What identity needs of the validators. */
export interface Approvers {
  requireApprovals(
    context: MessageContext,
    action: string,
    body: CborValue,
    approvals: readonly Uint8Array[],
  ): void;
}

function requireVendor(context: MessageContext): Vendor {
  const vendor = getVendor(context.state, context.sender);
  if (vendor === undefined) failStatement("identity.vendor-unknown", "the sender is no vendor", "sender");
  if (vendor.standing !== ADMITTED)
    failStatement("identity.vendor-expelled", "the sender was expelled", "sender");
  return vendor;
}

function requireOwnDevice(context: MessageContext, id: Address): OwnedDevice {
  const owned = getDevice(context.state, id);
  if (owned === undefined || !equalBytes(owned.vendor, context.sender))
    return failStatement("identity.device-unknown", "is no device of the sender", "device");
  return owned;
}

/** The action that approvers of an admission sign: everything but consents and approvals. */
export function admissionAction(
  body: Pick<AdmitVendor, "vendor" | "name" | "prefixes" | "version">,
): CborValue {
  return [body.vendor, body.name, body.prefixes, body.version];
}

/** The action that approvers of an expulsion sign. */
export function expulsionAction(vendor: Address, version: number): CborValue {
  return [vendor, version];
}

/** The action to which a device consents with its key. */
export function registrationAction(vendor: Address, body: Omit<RegisterDevice, "consent">): CborValue {
  return [vendor, body.key.alg, body.key.bytes, body.model, body.capabilities, body.creditsPerDayMax];
}

/** The keys that consent to an admission; each signature is checked once, however many prefixes need it. */
function listConsenting(context: MessageContext, body: AdmitVendor): PublicKey[] {
  const hash = hashAction(context.hasher, context.chainId, "identity.admit-vendor", admissionAction(body));
  return body.consents.map((consent, i) => {
    const opened = openApproval(context, hash, consent, () => true);
    if ("problem" in opened) return failStatement("approval.invalid", opened.problem, `consents[${i}]`);
    return opened.key;
  });
}

function grantPrefixes(context: MessageContext, body: AdmitVendor): void {
  const { state } = context;
  const consenting = listConsenting(context, body);
  for (const [i, prefix] of body.prefixes.entries()) {
    const field = `prefixes[${i}]`;
    if (!isValidPrefix(prefix))
      failStatement("identity.prefix-invalid", "is no prefix that can be granted", field);
    const holder = findStandingHolder(state, prefix, body.vendor);
    if (holder !== undefined) failStatement("identity.prefix-taken", `is held by ${toHex(holder)}`, field);
    for (const shorter of shorterPrefixes(prefix)) {
      const above = findStandingHolder(state, shorter, body.vendor);
      if (above === undefined) continue;
      if (!consenting.some((key) => isKeyOf(context.hasher, above, getAccount(state, above), key)))
        failStatement("identity.prefix-taken", `overlaps ${shorter}, whose holder has not consented`, field);
    }
    setPrefixHolder(state, prefix, body.vendor);
  }
}

/** Who holds a prefix against `vendor`: another one that is admitted. What an expelled one held can be granted again. */
function findStandingHolder(state: StateReader, prefix: string, vendor: Address): Address | undefined {
  const holder = getPrefixHolder(state, prefix);
  if (holder === undefined || equalBytes(holder, vendor)) return undefined;
  return getVendor(state, holder)?.standing === ADMITTED ? holder : undefined;
}

function admitVendor(context: MessageContext, body: AdmitVendor, approvers: Approvers): void {
  const known = getVendor(context.state, body.vendor);
  if (body.version !== (known?.version ?? 0))
    failStatement("approval.version", "the vendor's standing has changed since", "version");
  approvers.requireApprovals(context, "identity.admit-vendor", admissionAction(body), body.approvals);
  grantPrefixes(context, body);
  for (const prefix of known?.prefixes ?? [])
    if (!body.prefixes.includes(prefix) && holdsPrefix(context.state, prefix, body.vendor))
      setPrefixHolder(context.state, prefix, undefined);
  const order = known?.order ?? enlistVendor(context.state, body.vendor);
  const { name, prefixes } = body;
  setVendor(context.state, body.vendor, {
    name,
    prefixes,
    standing: ADMITTED,
    version: body.version + 1,
    order,
  });
  context.emit(IDENTITY_MODULE, NOTICE_VENDOR_ADMITTED, body.vendor, name);
}

function holdsPrefix(state: StateReader, prefix: string, vendor: Address): boolean {
  const holder = getPrefixHolder(state, prefix);
  return holder !== undefined && equalBytes(holder, vendor);
}

function registerDevice(context: MessageContext, body: RegisterDevice): void {
  requireVendor(context);
  const id = deviceAddress(context, body.key);
  if (getDevice(context.state, id) !== undefined)
    failStatement("identity.device-exists", "a device with this key is registered", "key");
  const hash = hashAction(
    context.hasher,
    context.chainId,
    "identity.register-device",
    registrationAction(context.sender, body),
  );
  const consent = openApproval(context, hash, body.consent, (key) => equalKeys(key, body.key));
  if ("problem" in consent) failStatement("identity.device-proof", consent.problem, "consent");
  addDevice(context.state, context.sender, id, {
    key: body.key,
    previousKeys: [],
    model: body.model,
    capabilities: body.capabilities,
    registeredAtHeight: context.height,
    revokedFromHeight: null,
    creditsPerDayMax: body.creditsPerDayMax,
  });
  context.emit(IDENTITY_MODULE, NOTICE_DEVICE_REGISTERED, context.sender, id);
}

function deviceAddress(context: MessageContext, key: PublicKey): Address {
  try {
    return deriveAddress(context.hasher, key);
  } catch {
    return failStatement("identity.device-proof", "the key is no point on its curve", "key");
  }
}

function initGenesis(
  context: BlockContext,
  genesis: Parameters<NonNullable<Module["initGenesis"]>>[1],
): void {
  for (const { account, name, prefixes } of genesis.vendors) {
    assertInvariant(getVendor(context.state, account) === undefined, "genesis names a vendor twice");
    const order = enlistVendor(context.state, account);
    setVendor(context.state, account, { name, prefixes, standing: ADMITTED, version: 1, order });
    for (const prefix of prefixes) {
      if (!isValidPrefix(prefix))
        throw new LhgError("genesis.prefix", `grants ${prefix}, which is no prefix`, "genesis.vendors");
      assertInvariant(getPrefixHolder(context.state, prefix) === undefined, `genesis grants ${prefix} twice`);
      setPrefixHolder(context.state, prefix, account);
    }
  }
}

export function createIdentity(approvers: Approvers): Module<typeof identityMessages> {
  return {
    name: "identity",
    id: IDENTITY_MODULE,
    initGenesis,
    handlers: {
      "identity.rotate-key": (context, { key }) => {
        const held = getAccount(context.state, context.sender);
        setAccount(context.state, context.sender, { ...held, key });
      },
      "identity.admit-vendor": (context, body) => admitVendor(context, body, approvers),
      "identity.expel-vendor": (context, { vendor, version, approvals }) => {
        const known = getVendor(context.state, vendor);
        if (known === undefined) failStatement("identity.vendor-unknown", "is no vendor", "vendor");
        if (known.standing === EXPELLED)
          failStatement("identity.vendor-expelled", "was expelled before", "vendor");
        if (known.version !== version)
          failStatement("approval.version", "the vendor's standing has changed since", "version");
        approvers.requireApprovals(
          context,
          "identity.expel-vendor",
          expulsionAction(vendor, version),
          approvals,
        );
        setVendor(context.state, vendor, { ...known, standing: EXPELLED, version: version + 1 });
        context.emit(IDENTITY_MODULE, NOTICE_VENDOR_EXPELLED, vendor);
      },
      "identity.register-device": registerDevice,
      "identity.rotate-device-key": (context, { device: id, key }) => {
        requireVendor(context);
        const { device } = requireOwnDevice(context, id);
        const previousKeys = [device.key, ...device.previousKeys].slice(0, PREVIOUS_KEYS_MAX);
        setDevice(context.state, context.sender, id, { ...device, key, previousKeys });
        context.emit(IDENTITY_MODULE, NOTICE_DEVICE_KEY, id, key.bytes);
      },
      "identity.revoke-device": (context, { device: id, fromHeight: asked }) => {
        // 0 asks for the next block: who has lost a key does not count heights.
        const fromHeight = asked === 0 ? context.height + 1 : asked;
        const { device } = requireOwnDevice(context, id);
        if (fromHeight <= context.height)
          failStatement("identity.height-past", "must be a later height than this block's", "fromHeight");
        // A revocation may be brought forward, never put off: it would bring the device back.
        if (device.revokedFromHeight !== null && fromHeight > device.revokedFromHeight)
          failStatement(
            "identity.device-revoked",
            `is revoked from ${device.revokedFromHeight} on`,
            "fromHeight",
          );
        setDevice(context.state, context.sender, id, { ...device, revokedFromHeight: fromHeight });
        context.emit(IDENTITY_MODULE, NOTICE_DEVICE_REVOKED, id, fromHeight);
      },
      "identity.limit-device": (context, { device: id, creditsPerDayMax }) => {
        const { device } = requireOwnDevice(context, id);
        setDevice(context.state, context.sender, id, { ...device, creditsPerDayMax });
      },
      "identity.delegate-capture": (context, { key, scope }) => {
        const vendor = requireVendor(context);
        if (getCaptureKey(context.state, context.sender, key.bytes) !== undefined)
          failStatement("identity.capture-key-exists", "a key is delegated once", "key");
        scope.prefixes.forEach((prefix, i) => {
          const isWithin = vendor.prefixes.some(
            (own) => own === prefix || shorterPrefixes(prefix).includes(own),
          );
          if (!isWithin)
            failStatement("trace.scope", "is under no prefix of the vendor", `scope.prefixes[${i}]`);
        });
        setCaptureKey(context.state, context.sender, { key, scope, revoked: 0 });
      },
      "identity.revoke-capture": (context, { keyBytes }) => {
        const held = getCaptureKey(context.state, context.sender, keyBytes);
        if (held === undefined)
          failStatement("identity.capture-key-unknown", "was not delegated", "keyBytes");
        setCaptureKey(context.state, context.sender, { ...held, revoked: 1 });
      },
    },
  };
}
