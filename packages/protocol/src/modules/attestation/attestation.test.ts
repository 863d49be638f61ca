import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type Body, ModuleHarness } from "../testing.ts";
import { countAttestations, getAttestation } from "./attestation.ts";

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());
const hash = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const file = (
  byte: number,
  over: Partial<Body<"attestation.register">> = {},
): Body<"attestation.register"> => ({
  digest: hash(byte),
  sizeBytes: 10,
  mediaType: "text/plain",
  note: "the contract",
  ...over,
});

test("whoever registers first stands first, and everybody once", () => {
  const harness = new ModuleHarness(sha256);
  const [first, second] = harness.vendors as [(typeof harness.vendors)[0], (typeof harness.vendors)[0]];
  assert.equal(countAttestations(harness.state, hash(1)), 0);
  const { status, notices } = harness.send(first, "attestation.register", file(1));
  assert.equal(status, "ok");
  assert.deepEqual(notices[0], { module: 9, kind: 1, attributes: [hash(1), first.address, 0] });
  const timeMs = harness.timeMs;
  assert.equal(harness.send(second, "attestation.register", file(1, { note: "mine!" })).status, "ok");
  assert.deepEqual(
    [harness.send(first, "attestation.register", file(1, { note: "again" }))].map(({ status: s, field }) => [
      s,
      field,
    ]),
    [["attestation.exists", "digest"]],
  );
  assert.equal(countAttestations(harness.state, hash(1)), 2);
  const held = getAttestation(harness.state, hash(1), 0)!;
  assert.deepEqual(held.owner, first.address);
  assert.deepEqual([held.note, held.timeMs, held.sizeBytes], ["the contract", timeMs, 10]);
  assert.deepEqual(getAttestation(harness.state, hash(1), 1)!.owner, second.address);
  assert.equal(countAttestations(harness.state, hash(2)), 0, "another digest has its own list");
});

test("texts beyond their bounds are no message", () => {
  const harness = new ModuleHarness(sha256);
  const vendor = harness.vendors[0]!;
  for (const over of [
    { note: "x".repeat(257) },
    { mediaType: "x".repeat(129) },
    { digest: new Uint8Array(31) },
  ])
    assert.throws(() => harness.send(vendor, "attestation.register", file(1, over)), { code: /^value\./ });
});
