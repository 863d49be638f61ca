import assert from "node:assert/strict";
import { test } from "node:test";
import { deriveAddress } from "@lhg/protocol/core/account";
import { concatBytes, encodeUtf8 } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { toSignatureCheck } from "@lhg/protocol/core/cose";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeSlicesRoot } from "@lhg/protocol/core/statement/capture";
import { submission } from "@lhg/protocol/core/statement/submission";
import { prepareStatement } from "@lhg/protocol/statements";
import fc from "fast-check";
import { nobleCrypto } from "../crypto/noble.ts";
import { keyFromSeed, signerFromSecret } from "../keys/keys.ts";
import { buildCapture, EPCIS_CONTENT_TYPE, readCapturedEvents } from "./build.ts";

const signer = signerFromSecret(keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(1)));
const vendor = deriveAddress(nobleCrypto, signer.publicKey);
const base = { chainId: "test-00112233445566778899aabbccddeeff", vendor, captureSeq: 3, signer };

function makeEvent(serial: number): object {
  return {
    type: "ObjectEvent",
    action: "OBSERVE",
    eventTime: "2026-01-01T00:00:00Z",
    eventTimeZoneOffset: "+00:00",
    epcList: [`urn:epc:id:sgtin:4012345.011122.${serial}`],
  };
}

function makeDocument(events: readonly object[], indent?: number): Uint8Array {
  const document = {
    "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
    type: "EPCISDocument",
    schemaVersion: "2.0",
    creationDate: "2026-01-01T00:00:00Z",
    epcisBody: { eventList: events },
  };
  return encodeUtf8(JSON.stringify(document, undefined, indent));
}

test("a document is cut by event, kept byte for byte and bound by its signature", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.nat({ max: 3 }), (count, indent) => {
      const document = makeDocument(
        Array.from({ length: count }, (_, i) => makeEvent(i)),
        indent,
      );
      const signed = buildCapture({ ...base, document });
      const statement = prepareStatement(nobleCrypto, decode(submission, signed.bytes, "submission"));
      assert.ok(statement.kind === "capture");
      const parts = statement.submission.body!;
      assert.equal(parts.length, count + 2);
      assert.deepEqual(concatBytes(...parts), document);
      assert.deepEqual(statement.payload, {
        chainId: base.chainId,
        vendor,
        captureSeq: 3,
        contentType: EPCIS_CONTENT_TYPE,
        slicesRoot: computeSlicesRoot(nobleCrypto, parts),
        sliceCount: parts.length,
        sizeBytes: document.length,
      });
      assert.deepEqual(statement.id, signed.id);
      assert.ok(nobleCrypto.verify(toSignatureCheck(statement.sign1)));
      assert.equal(new Set(signed.events.map(({ hash }) => hash)).size, count);
    }),
    { numRuns: 20 },
  );
});

test("what is wrong with an event is said with its JSON path before anything is signed", () => {
  const bad = { ...makeEvent(2), eventTime: "yesterday" };
  const isSilent = { ...signer, sign: () => assert.fail("nothing may be signed") };
  assert.throws(
    () => buildCapture({ ...base, signer: isSilent, document: makeDocument([makeEvent(1), bad]) }),
    {
      name: "LhgError",
      field: "$.epcisBody.eventList[1].eventTime",
    },
  );
});

test("a document without events is refused, since the chain takes none", () => {
  assert.throws(() => buildCapture({ ...base, document: makeDocument([]) }), {
    code: "capture.no-events",
  });
});

test("no bytes cause anything but an error with a code", () => {
  const document = makeDocument([makeEvent(1)]);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.nat({ max: document.length - 1 }).map((end) => document.subarray(0, end)),
      ),
      (bytes) => {
        assert.throws(() => readCapturedEvents(bytes), LhgError);
      },
    ),
    { numRuns: 100 },
  );
});
