import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { encodeUtf8 } from "../../core/bytes.ts";
import { LhgError } from "../../core/errors.ts";
import { Inadmissible } from "../../core/module.ts";
import { canonicalIdentity } from "../../epcis/identity.ts";
import { EXPELLED, setCaptureKey } from "../identity/vendors.ts";
import { getCredits } from "../token/token.ts";
import { getNextCaptureSeq } from "./capture.ts";
import { computeItemKey } from "./facts.ts";
import { getItem } from "./items.ts";
import { makeDocument, TraceHarness } from "./testing.ts";
import { epc, object, openTradingWorld } from "./testing-events.ts";
import { getEventRecord } from "./trace-reader.ts";

const sha256 = (data: Uint8Array) => new Uint8Array(createHash("sha256").update(data).digest());

const setUp = () => openTradingWorld(sha256);

function refusal(work: () => unknown): [code: string, field: string, notYet: boolean] {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof LhgError, String(error));
    return [error.code, error.field, error instanceof Inadmissible && error.notYet];
  }
  return assert.fail("was admitted");
}

describe("admission of captures", () => {
  const document = makeDocument([object("ADD", [epc(1)])]);
  const refuseWith = (change: Parameters<TraceHarness["captureBytes"]>[2]) => {
    const { harness, alice } = setUp();
    return refusal(() => harness.captureBytes(alice, document, change));
  };

  it("refuses what is signed for elsewhere, by others, or out of turn", () => {
    assert.deepEqual(refuseWith({ capture: { chainId: "other-00" } }), [
      "statement.chain",
      "capture.chainId",
      false,
    ]);
    assert.deepEqual(refuseWith({ capture: { contentType: "text/plain" } }), [
      "capture.content-type",
      "capture.contentType",
      false,
    ]);
    assert.deepEqual(refuseWith({ capture: { captureSeq: 1 } }), [
      "capture.sequence-gap",
      "capture.captureSeq",
      true,
    ]);
    assert.deepEqual(refuseWith({ capture: { vendor: new Uint8Array(20) } }), [
      "vendor.not-admitted",
      "capture.vendor",
      false,
    ]);
    assert.deepEqual(refuseWith({ signer: new TraceHarness(sha256).makeSigner("mallory") }), [
      "statement.key",
      "statement.protected.kid",
      false,
    ]);
    const { harness, alice } = setUp();
    harness.captureBytes(alice, document);
    assert.deepEqual(
      refusal(() => harness.captureBytes(alice, document, { capture: { captureSeq: 0 } })),
      ["capture.sequence-used", "capture.captureSeq", false],
    );
    const gone = harness.admit("gone", [], EXPELLED);
    assert.equal(refusal(() => harness.captureBytes(gone, document))[0], "vendor.not-admitted");
  });

  it("refuses bodies that are not what was signed", () => {
    assert.deepEqual(refuseWith({ body: undefined }), ["capture.body", "body", false]);
    assert.equal(refuseWith({ body: [document] })[0], "capture.slices");
    assert.equal(refuseWith({ capture: { sizeBytes: document.length + 1 } })[0], "capture.slices");
    assert.equal(refuseWith({ capture: { slicesRoot: new Uint8Array(32) } })[0], "capture.slices");
  });

  it("keeps to the limits of the parameters and to prepaid credit", () => {
    const { harness, alice } = setUp();
    harness.parameters = { ...harness.parameters, captureEventsMax: 1 };
    const two = makeDocument([object("ADD", [epc(1)]), object("ADD", [epc(2)])]);
    assert.equal(refusal(() => harness.captureBytes(alice, two))[0], "capture.events");
    harness.parameters = { ...harness.parameters, captureSizeBytesMax: 100 };
    assert.equal(refusal(() => harness.captureBytes(alice, document))[0], "statement.oversize");
    harness.parameters = { ...harness.parameters, captureSizeBytesMax: 1 << 20 };
    harness.parameters = { ...harness.parameters, creditsPerEvent: 2_000_000_000 };
    const [code, , notYet] = refusal(() => harness.captureBytes(alice, document));
    assert.deepEqual([code, notYet], ["credit.insufficient", true]);
  });

  it("admits delegated keys within their time and refuses revoked ones", () => {
    const { harness, alice } = setUp();
    const signer = harness.makeSigner("agent");
    const delegate = (revoked: number, expiryMs: number, prefixes: string[] = []) =>
      harness.change((state) =>
        setCaptureKey(state, alice.address, {
          key: signer.publicKey,
          scope: { prefixes, expiryMs },
          revoked,
        }),
      );
    delegate(0, harness.timeMs + 1e9, ["061414199"]);
    const outcome = harness.captureBytes(alice, document, { signer });
    assert.deepEqual([outcome.status, outcome.field], ["trace.scope", "$.epcisBody.eventList[0].epcList[0]"]);
    delegate(0, harness.timeMs + 1e9);
    assert.equal(harness.captureBytes(alice, document, { signer }).status, "ok");
    delegate(0, harness.timeMs);
    assert.equal(refusal(() => harness.captureBytes(alice, document, { signer }))[0], "capture.key-expired");
    delegate(1, harness.timeMs + 1e9);
    assert.equal(refusal(() => harness.captureBytes(alice, document, { signer }))[0], "capture.key-revoked");
  });
});

describe("documents", () => {
  it("fails a bad event with its path in the document, keeps credit and sequence, and leaves nothing else", () => {
    const { harness, alice } = setUp();
    const before = getCredits(harness.state, alice.address);
    const bad = { ...object("ADD", [epc(2)]), eventTime: "yesterday" };
    const outcome = harness.capture(alice, object("ADD", [epc(1)]), bad);
    assert.deepEqual(
      [outcome.status, outcome.field],
      ["trace.event-invalid", "$.epcisBody.eventList[1].eventTime"],
    );
    const key = computeItemKey(harness.crypto, canonicalIdentity(epc(1), "").key);
    assert.equal(getItem(harness.state, key), undefined);
    assert.equal(getEventRecord(harness.state, { capture: outcome.id, index: 0 }), undefined);
    // A capture, two events, one begun kilobyte.
    assert.equal(getCredits(harness.state, alice.address), before - (50 + 2 * 20 + 50));
    assert.equal(getNextCaptureSeq(harness.state, alice.address), 1);
  });

  it("fails identities that grow beyond what the ledger holds, instead of breaking on them", () => {
    const { harness, alice } = setUp();
    for (const length of [1_000, 1_015, 1_020, 1_024, 2_000]) {
      const outcome = harness.capture(alice, object("OBSERVE", [`gs1:${"a".repeat(length - 4)}`]));
      assert.equal(outcome.status, length < 1_008 ? "ok" : "trace.event-invalid");
    }
    const serial = "%22%2F%3C%3E%25%26%3F".repeat(2);
    assert.equal(
      harness.capture(alice, object("ADD", [epc(serial)]), object("OBSERVE", [epc(serial)])).status,
      "ok",
    );
  });

  it("fails a cut that hides an event in another's slice or in the tail", () => {
    const { harness, alice } = setUp();
    const text = new TextDecoder().decode(makeDocument([object("ADD", [epc(1)]), object("ADD", [epc(2)])]));
    const first = text.indexOf('{"type":"ObjectEvent"');
    const second = text.indexOf('{"type":"ObjectEvent"', first + 1);
    const end = text.lastIndexOf("]}}");
    const cuts = [
      [text.slice(0, first), text.slice(first, end), text.slice(end)],
      [text.slice(0, first), text.slice(first, second), text.slice(second)],
      [text.slice(0, second), text.slice(second, end), text.slice(end)],
    ];
    for (const cut of cuts)
      assert.equal(harness.captureSlices(alice, cut.map(encodeUtf8)).status, "trace.event-invalid");
  });

  it("names a duplicate key and an unpinned context", () => {
    const { harness, alice } = setUp();
    const text = new TextDecoder().decode(makeDocument([object("ADD", [epc(1)])]));
    for (const [from, to] of [
      ['"action":"ADD"', '"action":"ADD","action":"DELETE"'],
      ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", "https://evil.example/context"],
    ] as const) {
      const changed = text.replace(from, to);
      const start = changed.indexOf('{"type":"ObjectEvent"');
      const end = changed.lastIndexOf("]}}");
      const cut = [changed.slice(0, start), changed.slice(start, end), changed.slice(end)];
      assert.equal(harness.captureSlices(alice, cut.map(encodeUtf8)).status, "trace.event-invalid");
    }
  });
});
