import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { decodeSign1, toSignatureCheck } from "@lhg/protocol/core/cose";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { submission } from "@lhg/protocol/core/statement/submission";
import { canonicalIdentity, matchesPrefix } from "@lhg/protocol/epcis/identity";
import { readSenmlJson } from "@lhg/protocol/senml/json";
import { resolveSenml } from "@lhg/protocol/senml/resolve";
import { buildCapture, readCapturedEvents } from "@lhg/sdk/capture/build";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { keyFromSeed } from "@lhg/sdk/keys/keys";
import { deviceUrn, FLEET, isOffline, makePack, measure } from "./fleet.ts";
import { bendSignature } from "./forgery.ts";
import { locationOf, logisticUnitOf, lotOf, partyOf, serialOf } from "./identifiers.ts";
import { openAccount } from "./keys.ts";
import { liveStep, tellStep } from "./narrate.ts";
import { planRun } from "./story/run.ts";
import { continueStory, tellStory } from "./story/story.ts";
import { VENDOR_IDS, VENDORS } from "./vendors.ts";

const BORN_MS = Date.UTC(2026, 2, 1);
const keyNumber = (number: number) => openAccount(keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(number)));
const accounts = { devices: new Map(FLEET.map(({ name }, i) => [name, keyNumber(i + 1)])) };

test("GS1 keys under this world's prefixes are keys that the ledger knows, with the right check digits", () => {
  for (const vendor of VENDOR_IDS) {
    const { prefix } = VENDORS[vendor];
    const keys = [
      serialOf(vendor, 1, "A1"),
      lotOf(vendor, 2, "L-1"),
      logisticUnitOf(vendor, 123),
      locationOf(vendor, 3),
      partyOf(vendor),
    ];
    for (const key of keys) {
      const identity = canonicalIdentity(key, "key");
      assert.equal(identity.key, key);
      assert.ok(matchesPrefix(identity, prefix), key);
    }
  }
});

test("every document of the story is one that the ledger takes, at times before the world's birth, in order", () => {
  const { steps } = tellStory();
  assert.ok(steps.length >= 25);
  for (const step of steps) {
    const events = readCapturedEvents(tellStep(step, BORN_MS, accounts));
    assert.ok(events.length > 0, step.title);
    for (const { event } of events) assert.ok(event.eventTimeMs < BORN_MS, step.title);
    const times = events.map(({ event }) => event.eventTimeMs);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
      step.title,
    );
  }
});

test("the story is the same at every start, but for its times", () => {
  const tellAll = (bornMs: number) =>
    tellStory().steps.map((step) => new TextDecoder().decode(tellStep(step, bornMs, accounts)));
  const withoutTimes = (text: string) =>
    text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME").replaceAll(/"value":[\d.]+/g, "VALUE");
  assert.deepEqual(tellAll(BORN_MS), tellAll(BORN_MS));
  assert.notDeepEqual(tellAll(BORN_MS), tellAll(BORN_MS + 86_400_000));
  assert.deepEqual(tellAll(BORN_MS).map(withoutTimes), tellAll(BORN_MS + 86_400_000).map(withoutTimes));
});

test("the bad lot is in six of the phones, of which some are sold and some are not; cartons mix lots", () => {
  const { run, cast } = tellStory();
  assert.equal(cast.recalledPhones.length, 6);
  const sold = cast.recalledPhones.filter((phone) => cast.soldPhones.includes(phone));
  assert.ok(sold.length > 0 && sold.length < 6, `${sold.length} are sold`);
  for (const phone of [cast.goodPhone, cast.clonedPhone]) {
    assert.ok(cast.soldPhones.includes(phone));
    assert.ok(!cast.recalledPhones.includes(phone));
  }
  assert.notEqual(cast.goodPhone, cast.clonedPhone);
  const cartons = run.pallets.flatMap((pallet) => pallet.cartons);
  assert.ok(cartons.filter(({ phones }) => phones.some((p) => cast.recalledPhones.includes(p))).length > 1);
  assert.deepEqual(
    cartons.flatMap(({ phones }) => phones).sort(),
    run.batches.flatMap(({ phones }) => phones).sort(),
  );
});

test("later runs make other things, and claim nothing of the future", () => {
  const seen = new Set(
    Object.values(planRun(0)).flatMap((value) => JSON.stringify(value).match(/https:[^"]+/g) ?? []),
  );
  for (let number = 1; number <= 20; number++) {
    const names = new Set(JSON.stringify(planRun(number)).match(/https:[^"]+/g));
    for (const name of names) {
      assert.ok(!seen.has(name), name);
      seen.add(name);
    }
    for (const step of continueStory(number)) {
      const events = readCapturedEvents(liveStep(step, BORN_MS, accounts));
      assert.ok(events.length > 0);
      for (const { event } of events) assert.ok(event.eventTimeMs <= BORN_MS, step.title);
    }
  }
});

test("devices measure what SenML can carry: degrees, a place on the way, and whether they were opened", () => {
  for (const device of FLEET) {
    const urn = deviceUrn(toHex(new Uint8Array(20).fill(7)));
    const pack = readSenmlJson(makePack(urn, BORN_MS, measure(device, BORN_MS)));
    const readings = resolveSenml(pack);
    assert.deepEqual(
      readings.map(({ name, unit }) => [name.slice(urn.length + 1), unit]),
      [
        ["temperature", "Cel"],
        ["latitude", "lat"],
        ["longitude", "lon"],
        ["tamper", undefined],
      ],
    );
  }
});

test("within an hour every device is too warm once, opened once, and one of them was away", () => {
  const seconds = Array.from({ length: 3_600 }, (_, i) => BORN_MS + 1_000 * i);
  for (const device of FLEET) {
    const measured = seconds.map((timeMs) => measure(device, timeMs));
    const usual = measured.filter(({ celsius }) => celsius < 1.1 * device.celsius).length;
    assert.ok(usual > 3_000 && usual < 3_600, device.name);
    assert.ok(
      measured.some(({ isTampered }) => isTampered) && measured.some(({ isTampered }) => !isTampered),
    );
    const places = new Set(measured.map(({ latitude }) => latitude)).size;
    assert.ok(device.travelMs === undefined ? places === 1 : places > 100, device.name);
  }
  const away = FLEET.filter((device) => seconds.some((timeMs) => isOffline(device, timeMs)));
  assert.deepEqual(
    away.map(({ name }) => name),
    ["ore-store"],
  );
});

test("a bent signature is the same statement, and no longer its signer's", () => {
  const { signer, address } = keyNumber(1);
  const document = tellStep(tellStory().steps[0]!, BORN_MS, accounts);
  const { bytes } = buildCapture({
    chainId: "lhg-test-00",
    vendor: address,
    captureSeq: 0,
    document,
    signer,
  });
  const check = (sent: Uint8Array): boolean =>
    nodeCrypto.verify(toSignatureCheck(decodeSign1(decode(submission, sent, "submission").statement)));
  assert.equal(check(bytes), true);
  assert.equal(check(bendSignature(bytes)), false);
  assert.equal(bendSignature(bytes).length, bytes.length);
});
