import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ZERO32 } from "../../core/bytes.ts";
import type { SenmlRecord } from "../../senml/record.ts";
import { registrationAction } from "../identity/identity.ts";
import { type Body, ModuleHarness, type TestAccount } from "../testing.ts";
import { countCommands, getCommand, getCommandProgram } from "./command.ts";

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());
const HOUR_MS = 3_600_000;

function openHarness() {
  const harness = new ModuleHarness(sha256, (genesis) => ({
    ...genesis,
    vendors: genesis.vendors.map((vendor) => ({ ...vendor, credits: 1_000_000 })),
  }));
  const [vendor, other] = harness.vendors as [TestAccount, TestAccount];
  const device = harness.account("device");
  const registration = {
    key: device.signer.publicKey,
    model: "M",
    capabilities: [],
    creditsPerDayMax: null,
  };
  const [consent] = harness.approve(
    "identity.register-device",
    registrationAction(vendor.address, registration),
    [device],
  );
  assert.equal(
    harness.send(vendor, "identity.register-device", { ...registration, consent: consent! }).status,
    "ok",
  );
  const command = (number: number, over: Partial<Body<"command.send">> = {}): Body<"command.send"> => ({
    device: device.address,
    number,
    name: "configure",
    payload: Uint8Array.of(1, 2),
    expiryMs: harness.timeMs + HOUR_MS,
    ...over,
  });
  let head: { readonly seq: number; readonly id: Uint8Array } = { seq: 0, id: ZERO32 };
  const say = (...texts: readonly (readonly [name: string, value: string])[]) => {
    const readings: SenmlRecord[] = texts.map(([n, vs]) => ({ n, vs, t: { mantissa: 17n, exponent: 8 } }));
    const result = harness.collect(device.signer, {
      device: device.address,
      seq: head.seq + 1,
      prevId: head.id,
      readings,
    });
    head = { seq: head.seq + 1, id: result.id };
    return result;
  };
  const read = (number: number) => getCommand(harness.state, vendor.address, device.address, number);
  return { harness, vendor, other, device, command, say, read };
}

test("commands are numbered without gaps, and only vendor and program may send them", () => {
  const { harness, vendor, other, device, command, read } = openHarness();
  const send = (who: TestAccount, body: Body<"command.send">) => {
    const { status, field } = harness.send(who, "command.send", body);
    return [status, field];
  };
  assert.deepEqual(send(vendor, command(0)), ["command.number", "number"]);
  assert.deepEqual(send(vendor, command(2)), ["command.number", "number"]);
  assert.deepEqual(send(vendor, command(1)), ["ok", ""]);
  assert.deepEqual(send(vendor, command(1)), ["command.number", "number"]);
  assert.deepEqual(send(other, command(2)), ["command.not-authorised", "sender"]);
  assert.deepEqual(send(vendor, command(2, { expiryMs: harness.timeMs })), ["command.expired", "expiryMs"]);
  assert.deepEqual(send(vendor, command(1, { device: other.address })), [
    "identity.device-unknown",
    "device",
  ]);

  const untilMs = harness.timeMs + HOUR_MS;
  const allow = { program: other.address, expiryMs: untilMs };
  assert.equal(harness.send(vendor, "command.delegate", allow).status, "ok");
  assert.equal(getCommandProgram(harness.state, vendor.address, other.address), untilMs);
  assert.deepEqual(send(other, command(2)), ["ok", ""]);
  assert.deepEqual(read(2)!.sentBy, other.address);
  harness.skipDays(1);
  assert.deepEqual(send(other, command(3)), ["command.not-authorised", "sender"]);
  assert.equal(countCommands(harness.state, vendor.address, device.address), 2);
});

test("a stranger delegates nothing, a revoked device is commanded by nobody", () => {
  const { harness, vendor, device, command } = openHarness();
  const stranger = harness.operators[0]!;
  const allow = { program: stranger.address, expiryMs: harness.timeMs + HOUR_MS };
  assert.equal(harness.send(stranger, "command.delegate", allow).status, "identity.vendor-unknown");
  harness.send(vendor, "identity.revoke-device", { device: device.address, fromHeight: 0 });
  assert.equal(harness.send(vendor, "command.send", command(1)).status, "identity.device-revoked");
});

test("the first answer of the device stands, and answers to nothing are readings", () => {
  const { harness, vendor, device, command, say, read } = openHarness();
  harness.send(vendor, "command.send", command(1));
  harness.send(vendor, "command.send", command(2));
  assert.equal(read(1)!.acknowledgement, null);
  const { id, notices } = say(["temperature", "warm"], ["urn:lhg:command:1", "done"]);
  assert.deepEqual(notices.at(-1), { module: 10, kind: 2, attributes: [device.address, 1, "done"] });
  const { result, statementId, height } = read(1)!.acknowledgement!;
  assert.deepEqual(
    { result, statementId, height },
    { result: "done", statementId: id, height: harness.height },
  );
  assert.equal(say(["urn:lhg:command:1", "refused: changed my mind"]).status, "ok");
  assert.equal(read(1)!.acknowledgement!.result, "done");
  for (const [name, value] of [
    ["urn:lhg:command:3", "done"],
    ["urn:lhg:command:02", "done"],
    ["urn:lhg:command:", "done"],
    ["urn:lhg:command:2", "x".repeat(129)],
    ["urn:lhg:command:9999999999999999", "done"],
  ] as const)
    assert.equal(say([name, value]).status, "ok", name);
  assert.equal(read(2)!.acknowledgement, null);
  assert.equal(read(3), undefined);
});
