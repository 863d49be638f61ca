import assert from "node:assert/strict";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import { sodiumCrypto } from "../crypto/sodium.ts";
import {
  decodeBlockQuestion,
  decodeStatus,
  encodeBlockAnswer,
  encodeBlockQuestion,
  encodeStatus,
  openBlockAnswer,
} from "./block-messages.ts";
import { makeToyChain } from "./testing.ts";

const height = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 64 });

test("statuses and questions come back as they were", () => {
  fc.assert(
    fc.property(height, height, height, (first, last, timeMs) => {
      assert.deepEqual(decodeStatus(encodeStatus({ first, last, timeMs })), { first, last, timeMs });
    }),
  );
  fc.assert(
    fc.property(height, fc.integer({ min: 1, max: 64 }), fc.nat(72 << 20), (from, count, bytesMax) => {
      const question = { from, count, bytesMax };
      assert.deepEqual(decodeBlockQuestion(encodeBlockQuestion(question)), question);
    }),
  );
});

test("questions for nothing and beyond all numbers are refused", () => {
  const refused = (from: number, count: number): void =>
    assert.throws(
      () => decodeBlockQuestion(encodeBlockQuestion({ from, count, bytesMax: 1 })),
      (error) => error instanceof LhgError && error.code === "sync.range",
    );
  refused(5, 0);
  refused(Number.MAX_SAFE_INTEGER, 1);
});

const { encoded, blocks } = makeToyChain(10);
const question = { from: 3, count: 4, bytesMax: 1 << 20 };

test("an answer is opened into its blocks, shorter than asked for too", () => {
  for (const count of [0, 1, 4]) {
    const answer = encodeBlockAnswer({ blocks: encoded.slice(2, 2 + count), oversizeBytes: 0 });
    const opened = openBlockAnswer(sodiumCrypto, question, answer);
    assert.deepEqual(
      opened.blocks.map(({ header }) => header),
      blocks.slice(2, 2 + count).map(({ header }) => header),
    );
  }
});

test("an answer that is not what was asked for is refused with its place", () => {
  const refused = (
    code: string,
    field: string,
    given: Uint8Array[],
    oversizeBytes = 0,
    bytesMax = 1 << 20,
  ): void =>
    assert.throws(
      () =>
        openBlockAnswer(
          sodiumCrypto,
          { ...question, bytesMax },
          encodeBlockAnswer({ blocks: given, oversizeBytes }),
        ),
      (error) => error instanceof LhgError && error.code === code && error.field === field,
    );
  refused("sync.range", "answer.blocks", encoded.slice(2, 7));
  refused("sync.height", "answer.blocks[0]", encoded.slice(3, 5));
  refused("sync.height", "answer.blocks[1]", [encoded[2]!, encoded[4]!]);
  refused("sync.parent", "answer.blocks[1]", [encoded[2]!, makeToyChain(4, { seed: 2 }).encoded[3]!]);
  refused("sync.range", "answer.oversizeBytes", [], 10);
  refused("sync.range", "answer.oversizeBytes", [encoded[2]!], 2 << 20);
  refused("sync.range", "answer.blocks", encoded.slice(2, 4), 0, 100);
  refused("cbor.type", "answer.blocks[0]", [Uint8Array.of(1)]);
});
