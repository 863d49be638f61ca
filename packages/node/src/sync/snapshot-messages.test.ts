import assert from "node:assert/strict";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import { sodiumCrypto } from "../crypto/sodium.ts";
import {
  decodeChunkQuestion,
  decodeProofQuestion,
  decodeSnapshots,
  encodeChunkQuestion,
  encodeProofQuestion,
  encodeSnapshots,
  identifyOffer,
  type SnapshotInfo,
} from "./snapshot-messages.ts";

const info: fc.Arbitrary<SnapshotInfo> = fc.record(
  {
    height: fc.maxSafeNat(),
    format: fc.nat(),
    chunks: fc.integer({ min: 1, max: 30_000 }),
    hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    metadata: fc.uint8Array({ maxLength: 100 }),
    sizeBytes: fc.maxSafeNat(),
  },
  { noNullPrototype: true },
);

test("offers and questions come back as they were", () => {
  fc.assert(
    fc.property(fc.array(info, { maxLength: 4 }), (offers) => {
      assert.deepEqual(decodeSnapshots(encodeSnapshots(offers)), offers);
    }),
  );
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(), fc.nat(29_999), (height, format, index) => {
      const question = { height, format, index };
      assert.deepEqual(decodeChunkQuestion(encodeChunkQuestion(question)), question);
      assert.equal(decodeProofQuestion(encodeProofQuestion(height)), height);
    }),
  );
});

test("offers that differ in anything are different offers, whatever hash they name", () => {
  fc.assert(
    fc.property(info, (offer) => {
      const others = [
        { ...offer, height: offer.height + 1 },
        { ...offer, sizeBytes: offer.sizeBytes + 1 },
        { ...offer, metadata: Uint8Array.of(...offer.metadata, 1) },
      ].filter((other) => Number.isSafeInteger(other.height) && Number.isSafeInteger(other.sizeBytes));
      const ids = [offer, ...others].map((each) => identifyOffer(sodiumCrypto, each));
      assert.equal(new Set(ids).size, ids.length);
    }),
  );
});

test("an offer without chunks is refused with its place", () => {
  const [offer] = fc.sample(info, 1);
  assert.throws(
    () => decodeSnapshots(encodeSnapshots([offer!, { ...offer!, chunks: 0 }])),
    (error) => error instanceof LhgError && error.field === "answer.snapshots[1].chunks",
  );
});
