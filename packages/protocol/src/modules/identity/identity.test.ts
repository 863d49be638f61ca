import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { deriveAddress } from "../../core/account.ts";
import { getAccount, isKeyOf } from "../../core/accounts.ts";
import { toHex } from "../../core/bytes.ts";
import { ALG_ES256K, type PublicKey } from "../../core/crypto.ts";
import { canonicalIdentity } from "../../epcis/identity.ts";
import { type Body, ModuleHarness, type TestAccount } from "../testing.ts";
import { countDevices, getDevice, getDeviceByOrder, PREVIOUS_KEYS_MAX } from "./devices.ts";
import { admissionAction, registrationAction } from "./identity.ts";
import { shorterPrefixes } from "./prefixes.ts";
import {
  ADMITTED,
  countVendors,
  EXPELLED,
  findHolder,
  getCaptureKey,
  getPrefixHolder,
  getVendor,
  getVendorByOrder,
} from "./vendors.ts";

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());
const OK = { status: "ok", field: "" };

function openHarness() {
  const harness = new ModuleHarness(sha256);
  const [first, second] = harness.vendors as [TestAccount, TestAccount];
  const pick = ({ status, field }: { status: string; field: string }) => ({ status, field });
  return {
    harness,
    first,
    second,
    stranger: harness.account("stranger"),
    pick,
    admit(
      vendor: TestAccount,
      prefixes: readonly string[],
      over: Partial<Body<"identity.admit-vendor">> = {},
    ) {
      const version = getVendor(harness.state, vendor.address)?.version ?? 0;
      const body = { vendor: vendor.address, name: "Third", prefixes, version, consents: [], ...over };
      const approvals = over.approvals ?? harness.approve("identity.admit-vendor", admissionAction(body));
      return pick(harness.send(first, "identity.admit-vendor", { ...body, approvals }));
    },
    expel(vendor: TestAccount, over: Partial<Body<"identity.expel-vendor">> = {}) {
      const version = over.version ?? getVendor(harness.state, vendor.address)?.version ?? 0;
      const approvals = harness.approve("identity.expel-vendor", [vendor.address, version]);
      const body = { vendor: vendor.address, version, approvals, ...over };
      return pick(harness.send(first, "identity.expel-vendor", body));
    },
    register(
      owner: TestAccount,
      device: TestAccount,
      over: Partial<Body<"identity.register-device">> = {},
      consentOf: { by?: TestAccount; vendor?: TestAccount; expiryMs?: number; chainId?: string } = {},
    ) {
      const body = {
        key: device.signer.publicKey,
        model: "m",
        capabilities: ["temperature"],
        creditsPerDayMax: null,
        ...over,
      };
      const { by = device, vendor = owner, ...terms } = consentOf;
      const action = registrationAction(vendor.address, body);
      const [consent] = harness.approve("identity.register-device", action, [by], terms);
      return pick(harness.send(owner, "identity.register-device", { consent: consent!, ...body }));
    },
  };
}

test("a vendor is admitted with prefixes by n + 1 approvals, and found by its place and prefix", () => {
  const { harness, stranger, admit } = openHarness();
  assert.deepEqual(admit(stranger, ["7612345", "https://third.example/items/"]), OK);
  const vendor = getVendor(harness.state, stranger.address)!;
  assert.deepEqual([vendor.standing, vendor.version, vendor.order], [ADMITTED, 1, 2]);
  assert.equal(countVendors(harness.state), 3);
  assert.deepEqual(getVendorByOrder(harness.state, 2), stranger.address);
  const held = (uri: string) => findHolder(harness.state, canonicalIdentity(uri, ""))?.prefix;
  assert.equal(held("https://id.gs1.org/01/07612345000008/21/1"), "7612345");
  assert.equal(held("https://third.example/items/7"), "https://third.example/items/");
  assert.equal(held("https://third.example/other/7"), undefined);
});

test("admission again replaces name and prefixes; expulsion keeps what was granted", () => {
  const { harness, stranger, admit, expel } = openHarness();
  admit(stranger, ["7612345", "7654321"]);
  assert.deepEqual(admit(stranger, ["7612345", "7699999"]), OK);
  const holder = (prefix: string) => getPrefixHolder(harness.state, prefix);
  assert.deepEqual(holder("7612345"), stranger.address);
  assert.equal(holder("7654321"), undefined);
  assert.deepEqual(holder("7699999"), stranger.address);
  assert.equal(countVendors(harness.state), 3);
  assert.deepEqual(expel(stranger), OK);
  assert.equal(getVendor(harness.state, stranger.address)!.standing, EXPELLED);
  assert.deepEqual(holder("7612345"), stranger.address);
  assert.deepEqual(admit(stranger, []), OK);
  assert.equal(getVendor(harness.state, stranger.address)!.standing, ADMITTED);
  assert.equal(holder("7612345"), undefined);
});

test("approvals of an admission bind vendor, name, prefixes and version", () => {
  const { harness, stranger, admit, expel } = openHarness();
  const body = { vendor: stranger.address, name: "Third", prefixes: ["7612345"], version: 0 };
  const approvals = harness.approve("identity.admit-vendor", admissionAction(body));
  const invalid = { status: "approval.invalid", field: "approvals[0]" };
  assert.deepEqual(admit(stranger, ["7612345"], { approvals, name: "Fourth" }), invalid);
  assert.deepEqual(admit(stranger, ["7612346"], { approvals }), invalid);
  assert.deepEqual(admit(harness.account("other"), ["7612345"], { approvals }), invalid);
  assert.deepEqual(admit(stranger, ["7612345"], { approvals, version: 1 }), {
    status: "approval.version",
    field: "version",
  });
  assert.deepEqual(admit(stranger, ["7612345"], { approvals: approvals.slice(1) }), {
    status: "approval.too-few",
    field: "approvals",
  });
  assert.deepEqual(admit(stranger, ["7612345"], { approvals }), OK);
  // Admit, expel, replay: the version has moved on.
  assert.deepEqual(expel(stranger), OK);
  assert.deepEqual(admit(stranger, ["7612345"], { approvals, version: 0 }).status, "approval.version");
  assert.deepEqual(admit(stranger, ["7612345"], { approvals }), invalid);
});

test("prefixes: what is none, what is taken, and overlaps by consent of the holder", () => {
  const { harness, first, second, stranger, admit } = openHarness();
  for (const bad of ["12", "1234567890123", "40123a5", "no prefix", "https://first.example"])
    assert.deepEqual(admit(stranger, ["7612345", bad]), {
      status: "identity.prefix-invalid",
      field: "prefixes[1]",
    });
  assert.equal(getPrefixHolder(harness.state, "7612345"), undefined, "nothing is left of a failed admission");
  const taken = { status: "identity.prefix-taken", field: "prefixes[0]" };
  assert.deepEqual(admit(stranger, ["4012345"]), taken);
  assert.deepEqual(admit(stranger, ["40123456"]), taken);
  assert.deepEqual(admit(stranger, ["https://first.example/shoes/"]), taken);
  const invalid = { status: "approval.invalid", field: "consents[0]" };
  const consentBy = (by: TestAccount, prefixes: readonly string[], terms = {}) =>
    harness.approve(
      "identity.admit-vendor",
      admissionAction({ vendor: stranger.address, name: "Third", prefixes, version: 0 }),
      [by],
      terms,
    );
  assert.deepEqual(admit(stranger, ["40123456"], { consents: consentBy(second, ["40123456"]) }), taken);
  assert.deepEqual(admit(stranger, ["40123456"], { consents: consentBy(first, ["40123457"]) }), invalid);
  const late = consentBy(first, ["40123456"], { expiryMs: harness.timeMs });
  assert.deepEqual(admit(stranger, ["40123456"], { consents: late }), invalid);
  assert.deepEqual(admit(stranger, ["40123456"], { consents: [Uint8Array.of(1)] }), invalid);
  const consents = consentBy(first, ["40123456"]);
  assert.deepEqual(admit(stranger, ["40123456"], { consents }), OK);
  const holder = (uri: string) => findHolder(harness.state, canonicalIdentity(uri, ""))?.vendor;
  assert.deepEqual(holder("urn:epc:id:sgtin:40123456.00000.1"), stranger.address, "the longest prefix wins");
  assert.deepEqual(holder("urn:epc:id:sgtin:4012345.700000.1"), first.address);
  // A shorter prefix than a granted one takes nothing away from its holder.
  assert.deepEqual(admit(stranger, ["40123456", "40123"], { consents: [] }).status, "identity.prefix-taken");
  assert.deepEqual(admit(harness.account("other"), ["40123"]), OK);
  assert.deepEqual(holder("urn:epc:id:sgtin:4012345.700000.1"), first.address);
});

test("shorter prefixes of a prefix, longest first, itself left out", () => {
  assert.deepEqual(shorterPrefixes("4012345"), ["401234", "40123", "4012"]);
  assert.deepEqual(shorterPrefixes("4012"), []);
  assert.deepEqual(shorterPrefixes("https://a.example/b/"), [
    "https://a.example/",
    "https://",
    "https:/",
    "https:",
  ]);
});

test("expulsion: of a vendor, once, at the version that was approved", () => {
  const { first, second, stranger, expel } = openHarness();
  assert.deepEqual(expel(stranger), { status: "identity.vendor-unknown", field: "vendor" });
  assert.deepEqual(expel(second, { version: 7 }), { status: "approval.version", field: "version" });
  assert.deepEqual(expel(second, { approvals: [] }), { status: "approval.too-few", field: "approvals" });
  assert.deepEqual(expel(second), OK);
  assert.deepEqual(expel(second), { status: "identity.vendor-expelled", field: "vendor" });
  assert.deepEqual(expel(first), OK);
});

test("a device is registered with its own consent, for this vendor, on this chain, in time", () => {
  const { harness, first, second, stranger, register, expel } = openHarness();
  const device = harness.account("device");
  const proof = { status: "identity.device-proof", field: "consent" };
  assert.deepEqual(register(stranger, device), { status: "identity.vendor-unknown", field: "sender" });
  assert.deepEqual(register(first, device, {}, { by: first }), proof);
  assert.deepEqual(register(first, device, {}, { vendor: second }), proof);
  assert.deepEqual(register(first, device, {}, { chainId: "test-99999999" }), proof);
  assert.deepEqual(register(first, device, {}, { expiryMs: harness.timeMs }), proof);
  assert.deepEqual(register(first, device, { consent: Uint8Array.of(0x80) }), proof);
  assert.deepEqual(register(first, device), OK);
  const owned = getDevice(harness.state, device.address)!;
  assert.deepEqual(owned.vendor, first.address);
  assert.deepEqual([owned.device.registeredAtHeight, owned.device.order], [harness.height, 0]);
  assert.deepEqual(register(first, device), { status: "identity.device-exists", field: "key" });
  assert.deepEqual(register(second, device), { status: "identity.device-exists", field: "key" });
  assert.equal(countDevices(harness.state, first.address), 1);
  assert.deepEqual(getDeviceByOrder(harness.state, first.address, 0), device.address);
  expel(second);
  assert.deepEqual(register(second, harness.account("other")), {
    status: "identity.vendor-expelled",
    field: "sender",
  });
});

test("a key that is no point is refused as such", () => {
  const { harness, first, stranger, register } = openHarness();
  const key: PublicKey = { alg: ALG_ES256K, bytes: new Uint8Array(33) };
  const crypto = harness.crypto as { decompressSecp256k1: unknown };
  crypto.decompressSecp256k1 = () => {
    throw new Error("no point");
  };
  assert.deepEqual(register(first, stranger, { key }), { status: "identity.device-proof", field: "key" });
});

test("a device's key changes, the old ones are remembered up to a bound, its address stays", () => {
  const { harness, first, second, register, pick } = openHarness();
  const device = harness.account("device");
  register(first, device);
  const rotate = (owner: TestAccount, name: string) =>
    pick(
      harness.send(owner, "identity.rotate-device-key", {
        device: device.address,
        key: harness.account(name).signer.publicKey,
      }),
    );
  assert.deepEqual(rotate(second, "theirs"), { status: "identity.device-unknown", field: "device" });
  for (let i = 0; i <= PREVIOUS_KEYS_MAX; i++) assert.deepEqual(rotate(first, `key ${i}`), OK);
  const { previousKeys, key } = getDevice(harness.state, device.address)!.device;
  assert.deepEqual(key, harness.account(`key ${PREVIOUS_KEYS_MAX}`).signer.publicKey);
  assert.equal(previousKeys.length, PREVIOUS_KEYS_MAX);
  assert.deepEqual(previousKeys[0], harness.account(`key ${PREVIOUS_KEYS_MAX - 1}`).signer.publicKey);
  assert.ok(!previousKeys.some((held) => toHex(held.bytes) === toHex(device.signer.publicKey.bytes)));
});

test("revocation names a later height; limits belong to the owner", () => {
  const { harness, first, second, register, pick } = openHarness();
  const device = harness.account("device");
  register(first, device);
  const revoke = (owner: TestAccount, fromHeight: number) =>
    pick(harness.send(owner, "identity.revoke-device", { device: device.address, fromHeight }));
  assert.deepEqual(revoke(second, 100), { status: "identity.device-unknown", field: "device" });
  assert.deepEqual(revoke(first, harness.height + 1), {
    status: "identity.height-past",
    field: "fromHeight",
  });
  const fromHeight = harness.height + 5;
  assert.deepEqual(revoke(first, fromHeight), OK);
  assert.equal(getDevice(harness.state, device.address)!.device.revokedFromHeight, fromHeight);
  assert.deepEqual(revoke(first, fromHeight + 1), {
    status: "identity.device-revoked",
    field: "fromHeight",
  });
  assert.deepEqual(revoke(first, fromHeight - 1), OK, "brought forward");
  const limit = (owner: TestAccount, creditsPerDayMax: number | null) =>
    pick(harness.send(owner, "identity.limit-device", { device: device.address, creditsPerDayMax }));
  assert.deepEqual(limit(second, 5), { status: "identity.device-unknown", field: "device" });
  assert.deepEqual(limit(first, 5), OK);
  assert.equal(getDevice(harness.state, device.address)!.device.creditsPerDayMax, 5);
  assert.deepEqual(limit(first, null), OK);
});

test("an account's key changes and its address stays", () => {
  const { harness, first } = openHarness();
  const fresh = harness.account("fresh");
  const signs = (account: TestAccount) =>
    isKeyOf(
      harness.crypto,
      first.address,
      getAccount(harness.state, first.address),
      account.signer.publicKey,
    );
  assert.deepEqual([signs(first), signs(fresh)], [true, false]);
  harness.send(first, "identity.rotate-key", { key: fresh.signer.publicKey });
  assert.deepEqual([signs(first), signs(fresh)], [false, true]);
  assert.deepEqual(deriveAddress(harness.crypto, first.signer.publicKey), first.address);
  harness.send(first, "identity.rotate-key", { key: first.signer.publicKey });
  assert.deepEqual([signs(first), signs(fresh)], [true, false]);
});

test("capture keys: delegated once within the vendor's prefixes, and revoked for good", () => {
  const { harness, first, second, stranger, expel, pick } = openHarness();
  const key = harness.account("agent").signer.publicKey;
  const delegate = (owner: TestAccount, prefixes: readonly string[], other = key) =>
    pick(harness.send(owner, "identity.delegate-capture", { key: other, scope: { prefixes, expiryMs: 9 } }));
  const revoke = (owner: TestAccount) =>
    pick(harness.send(owner, "identity.revoke-capture", { keyBytes: key.bytes }));
  assert.deepEqual(delegate(stranger, []), { status: "identity.vendor-unknown", field: "sender" });
  assert.deepEqual(delegate(first, ["4012345", "9506000"]), {
    status: "trace.scope",
    field: "scope.prefixes[1]",
  });
  assert.deepEqual(delegate(first, ["401234"]).status, "trace.scope", "wider than the vendor's own");
  assert.deepEqual(revoke(first), { status: "identity.capture-key-unknown", field: "keyBytes" });
  assert.deepEqual(delegate(first, ["4012345", "40123456", "https://first.example/a/"]), OK);
  assert.deepEqual(delegate(first, []), { status: "identity.capture-key-exists", field: "key" });
  assert.deepEqual(delegate(second, []), OK, "another vendor has its own agents");
  assert.deepEqual(revoke(first), OK);
  assert.equal(getCaptureKey(harness.state, first.address, key.bytes)!.revoked, 1);
  assert.equal(getCaptureKey(harness.state, second.address, key.bytes)!.revoked, 0);
  assert.deepEqual(delegate(first, []), { status: "identity.capture-key-exists", field: "key" });
  expel(second);
  assert.deepEqual(
    delegate(second, [], harness.account("next").signer.publicKey).status,
    "identity.vendor-expelled",
  );
});

test("genesis with a vendor or a prefix twice begins no chain", () => {
  for (const change of [{ prefixes: ["4012345"] }, { prefixes: ["x y"] }])
    assert.throws(
      () =>
        new ModuleHarness(sha256, (genesis) => ({
          ...genesis,
          vendors: genesis.vendors.map((vendor, i) => (i === 0 ? vendor : { ...vendor, ...change })),
        })),
      change.prefixes[0] === "x y" ? { code: "genesis.prefix" } : /invariant broken/,
    );
  assert.throws(
    () =>
      new ModuleHarness(sha256, (genesis) => ({
        ...genesis,
        vendors: [...genesis.vendors, genesis.vendors[0]!],
      })),
    /vendor twice/,
  );
});
