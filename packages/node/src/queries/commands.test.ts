/** Commands from vendor to device and back, over a chain in memory and the device kit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { submission } from "@lhg/protocol/core/statement/submission";
import {
  attestationCount,
  attestationCountKey,
  attestationKey,
  attestationRecord,
} from "@lhg/protocol/modules/attestation/attestation";
import { type CommandReceiver, createCommandReceiver } from "@lhg/sdk/device/commands";
import { createDevice } from "@lhg/sdk/device/device";
import { keyFromSeed } from "@lhg/sdk/keys/keys";
import {
  makeAttestation,
  makeCommand,
  makeDeviceKeyRotation,
  makeTransfer,
} from "@lhg/sdk/transaction/messages";
import { trustFromGenesis } from "@lhg/sdk/verify/trust";
import { verifyValue } from "@lhg/sdk/verify/verify-value";
import { addressOf, GENESIS_MS } from "../application/testing.ts";
import { createNativeSigner, sodiumCrypto } from "../crypto/sodium.ts";
import { openSampleWorld } from "./testing.ts";

const HOUR_MS = 3_600_000;

function memoryStore(cutAt = Number.POSITIVE_INFINITY) {
  let saves = 0;
  const store = {
    saved: undefined as Uint8Array | undefined,
    load: async () => store.saved,
    save: async (bytes: Uint8Array) => {
      if (++saves === cutAt) throw new Error("power cut");
      store.saved = bytes;
    },
  };
  return store;
}

async function openDeviceWorld(cutAt?: number) {
  const world = await openSampleWorld();
  const { chain, vendor, device: key } = world;
  // The sample's device has two collections on the chain: it answers in the stream that was opened after them.
  const device = await createDevice({
    signer: createNativeSigner(key),
    chainId: chain.application.chainId,
    stream: 3,
    store: memoryStore(),
    nowMs: () => GENESIS_MS,
  });
  const store = memoryStore(cutAt);
  const trust = trustFromGenesis(chain.dev.genesis);
  const open = (): Promise<CommandReceiver> =>
    createCommandReceiver({ device, trust, store, nowMs: null, crypto: sodiumCrypto });
  const send = async (number: number, name: string, expiryMs = GENESIS_MS + HOUR_MS): Promise<Uint8Array> => {
    const message = makeCommand({
      device: device.address,
      number,
      name,
      payload: Uint8Array.of(9),
      expiryMs,
    });
    const { executed } = await chain.commit([chain.transaction(vendor, [message])]);
    await chain.commit([]);
    return (await world.ask("getReceipt", { id: toHex(executed[0]!.id) })).bytes;
  };
  const report = async (): Promise<void> => {
    await device.flush(async (bytes) => void (await chain.commit([decode(submission, bytes, "submission")])));
    await chain.commit([]);
  };
  const list = async (state: "all" | "pending") =>
    (await world.ask("listCommands", { device: toHex(device.address), state })).items;
  return { world, device, store, open, send, report, list };
}

test("a command is checked, followed and answered, and both sides see the answer", async () => {
  const { open, send, report, list, world } = await openDeviceWorld();
  const receiver = await open();
  const receipt = await send(1, "configure");
  assert.deepEqual(
    (await list("pending")).map(({ number, name, payload }) => [number, name, payload]),
    [[1, "configure", "09"]],
  );
  const seen: string[] = [];
  const verdict = await receiver.receive(receipt, ({ name, sentBy }) => {
    seen.push(name, sentBy);
    return "";
  });
  assert.deepEqual(seen, ["configure", toHex(addressOf(world.vendor))]);
  assert.ok(verdict.ok && verdict.answered[0]!.result === "done");
  await report();
  assert.deepEqual(await list("pending"), []);
  assert.equal((await list("all"))[0]!.acknowledgement!.result, "done");
});

test("nothing that is not a fresh, effective command to this device is followed", async () => {
  const { world, open, send, device } = await openDeviceWorld();
  const { chain, vendor, otherVendor } = world;
  const receiver = await open();
  const receipt = await send(1, "open");
  const code = async (bytes: Uint8Array): Promise<string> => {
    const verdict = await receiver.receive(bytes, () => assert.fail("it was followed"));
    return verdict.ok ? "followed" : verdict.code;
  };
  for (let at = 0; at < receipt.length; at += 7) {
    const bent = receipt.slice();
    bent[at]! ^= 1;
    assert.notEqual(await code(bent), "followed", `byte ${at}`);
  }
  const receiptOf = async (key: typeof vendor, message: Parameters<typeof chain.transaction>[1][number]) => {
    const { executed } = await chain.commit([chain.transaction(key, [message])]);
    await chain.commit([]);
    return (await world.ask("getReceipt", { id: toHex(executed[0]!.id) })).bytes;
  };
  const request = { device: device.address, number: 2, name: "open", expiryMs: GENESIS_MS + HOUR_MS };
  assert.equal(await code(await receiptOf(otherVendor, makeCommand(request))), "command.without-effect");
  assert.equal(await code(await receiptOf(vendor, makeTransfer(device.address, 1n))), "command.other-device");
  const capture = await world.ask("getReceipt", { id: world.ids.packing });
  assert.equal(await code(capture.bytes), "command.kind");
  const elsewhere = { ...trustFromGenesis(chain.dev.genesis), validatorsHash: new Uint8Array(32) };
  const stranger = await createCommandReceiver({
    device,
    trust: elsewhere,
    store: memoryStore(),
    nowMs: null,
  });
  assert.equal((await stranger.receive(receipt, () => assert.fail("it was followed"))).ok, false);

  assert.equal((await receiver.receive(receipt, () => "done")).ok, true);
  assert.equal(await code(receipt), "command.replayed");
});

test("an expired command is refused in the device's own words, a failing one answered as failed", async () => {
  const { world, open, send, report, list } = await openDeviceWorld();
  const receiver = await open();
  await send(1, "late", GENESIS_MS + 10_000);
  for (let i = 0; i < 5; i++)
    await world.chain.commit([
      world.chain.transaction(world.vendor, [makeTransfer(addressOf(world.otherVendor), 1n)]),
    ]);
  const { id } = (await list("all"))[0]!;
  const over = (await world.ask("getReceipt", { id })).bytes;
  const tooMuch = await send(2, "fails");
  await receiver.receive(over, () => assert.fail("it was followed"));
  await receiver.receive(tooMuch, () => {
    throw new Error(`no ${"ß".repeat(100)}`);
  });
  await report();
  const [second, first] = await list("all");
  assert.equal(first!.acknowledgement!.result, "refused: expired");
  assert.match(second!.acknowledgement!.result, /^failed: no ß+$/);
});

test("commands that were left out on the way are answered as skipped, and not followed later", async () => {
  const { open, send, report, list } = await openDeviceWorld();
  const receiver = await open();
  const [first, , third] = [await send(1, "one"), await send(2, "two"), await send(3, "three")];
  assert.equal((await receiver.receive(third!, () => "done")).ok, true);
  const late = await receiver.receive(first!, () => assert.fail("it was followed"));
  assert.equal(!late.ok && late.code, "command.replayed");
  await report();
  assert.deepEqual(
    (await list("all")).map(({ number, acknowledgement }) => [number, acknowledgement?.result]),
    [
      [3, "done"],
      [2, "skipped: 3 came first"],
      [1, "skipped: 3 came first"],
    ],
  );
});

test("an answer that could not be recorded goes before the next command is followed", async () => {
  const { device, store, world, send, report, list } = await openDeviceWorld();
  let isFull = true;
  const receiver = await createCommandReceiver({
    device: {
      address: device.address,
      record: (readings) => (isFull ? Promise.reject(new Error("full")) : device.record(readings)),
    },
    trust: trustFromGenesis(world.chain.dev.genesis),
    store,
    nowMs: null,
    crypto: sodiumCrypto,
  });
  const [first, second] = [await send(1, "one"), await send(2, "two")];
  await assert.rejects(
    receiver.receive(first, () => "done"),
    /full/,
  );
  isFull = false;
  await receiver.receive(second, () => "done, too");
  await report();
  assert.deepEqual(
    (await list("all")).map(({ number, acknowledgement }) => [number, acknowledgement?.result]),
    [
      [2, "done, too"],
      [1, "done"],
    ],
  );
});

test("without a clock, a command is judged by the latest time that a proof has shown", async () => {
  const { world, open, send, report, list } = await openDeviceWorld();
  const receiver = await open();
  const withheld = await send(1, "unlock", GENESIS_MS + 10_000);
  for (let i = 0; i < 8; i++)
    await world.chain.commit([
      world.chain.transaction(world.vendor, [makeTransfer(addressOf(world.otherVendor), 1n)]),
    ]);
  await receiver.receive(await send(2, "ping"), () => "done");
  const late = await receiver.receive(withheld, () => assert.fail("it was followed"));
  assert.equal(late.ok, false);
  await report();
  assert.deepEqual(
    (await list("all")).map(({ acknowledgement }) => acknowledgement?.result),
    ["done", "skipped: 2 came first"],
  );
});

test("a former key that fills a gap answers nothing, whatever it prepared", async () => {
  const { world, device, send, list } = await openDeviceWorld();
  const { chain, vendor } = world;
  await device.record([{ n: "urn:lhg:command:1", t: { mantissa: 18n, exponent: 8 }, vs: "done" }]);
  await device.record([{ n: "t", t: { mantissa: 18n, exponent: 8 }, v: { mantissa: 1n, exponent: 0 } }]);
  const [first, second] = device.state.kept.map(({ bytes }) => decode(submission, bytes, "submission"));
  await chain.commit([second!]);
  const newKey = keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(77));
  const { alg, publicKey } = newKey;
  await chain.commit([
    chain.transaction(vendor, [makeDeviceKeyRotation(device.address, { alg, bytes: publicKey })]),
  ]);
  await send(1, "open");
  const { executed } = await chain.commit([first!]);
  assert.equal(executed[0]!.status, "ok");
  assert.equal((await list("all"))[0]!.acknowledgement, undefined);
});

test("a device that loses power follows no command twice and says what happened", async () => {
  for (const [cutAt, result] of [
    [2, "failed: interrupted"],
    [3, "done"],
  ] as const) {
    const { open, send, report, list } = await openDeviceWorld(cutAt);
    const receipt = await send(1, "open");
    let followed = 0;
    const receiver = await open();
    await assert.rejects(
      receiver.receive(receipt, () => {
        followed += 1;
        return "done";
      }),
      /power cut/,
    );
    const again = await open();
    assert.equal((await again.receive(receipt, () => assert.fail("it was followed again"))).ok, false);
    assert.equal(followed, 1);
    await report();
    assert.equal((await list("all"))[0]!.acknowledgement!.result, result);
  }
});

test("who registered a digest is told in order, and nobody is an answer", async () => {
  const { world } = await openDeviceWorld();
  const { chain, vendor, otherVendor } = world;
  const digest = new Uint8Array(32).fill(3);
  const ask = () => world.ask("listAttestations", { digest: toHex(digest) });
  assert.deepEqual([(await ask()).total, (await ask()).items], [0, []]);
  await chain.commit([
    chain.transaction(otherVendor, [makeAttestation(digest, { sizeBytes: 5, note: "mine" })]),
  ]);
  await chain.commit([chain.transaction(vendor, [makeAttestation(digest, { sizeBytes: 5, note: "also" })])]);
  const { total, items } = await ask();
  assert.deepEqual(
    [total, items.map(({ index, owner, note }) => [index, owner, note])],
    [
      2,
      [
        [0, toHex(addressOf(otherVendor)), "mine"],
        [1, toHex(addressOf(vendor)), "also"],
      ],
    ],
  );
});

test("who registered a digest is proven: their number, each of them, and that nobody did", async () => {
  const { world } = await openDeviceWorld();
  const { chain, vendor, otherVendor } = world;
  const trust = trustFromGenesis(chain.dev.genesis);
  const digest = new Uint8Array(32).fill(4);
  const ask = (limit = 20) => world.ask("listAttestations", { digest: toHex(digest), proof: true, limit });
  const read = (proof: { readonly bytes: string } | undefined) => {
    const verdict = verifyValue(fromHex(proof?.bytes ?? ""), trust, sodiumCrypto);
    assert.ok(verdict.ok, JSON.stringify(verdict));
    return verdict;
  };
  const absent = read((await ask()).proof);
  assert.deepEqual([absent.key, absent.value], [toHex(attestationCountKey(digest)), null]);
  const register = (key: typeof vendor, note: string) =>
    chain.commit([chain.transaction(key, [makeAttestation(digest, { sizeBytes: 5, note })])]);
  await register(otherVendor, "mine");
  await register(vendor, "also");
  const { total, items, proof } = await ask();
  // The second is in the newest block, which no certified header commits to yet.
  assert.deepEqual([total, items.length], [1, 1]);
  assert.deepEqual(decode(attestationCount, fromHex(read(proof).value ?? ""), "count"), { attestations: 1 });
  const first = read(items[0]?.proof);
  assert.equal(first.key, toHex(attestationKey(digest, 0)));
  const { owner, note, timeMs } = decode(attestationRecord, fromHex(first.value ?? ""), "attestation");
  assert.deepEqual([toHex(owner), note, timeMs], [toHex(addressOf(otherVendor)), "mine", items[0]?.timeMs]);
  await assert.rejects(async () => ask(21), { code: "limit.range" });
});
