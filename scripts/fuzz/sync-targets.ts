/** What peers are asked and answer when a node catches up. */
import { decodeWireBlock, encodeWireBlock } from "../../packages/node/src/blocks/wire-block.ts";
import { sodiumCrypto } from "../../packages/node/src/crypto/sodium.ts";
import {
  decodeBlockQuestion,
  decodeStatus,
  encodeBlockAnswer,
  encodeBlockQuestion,
  encodeStatus,
  openBlockAnswer,
} from "../../packages/node/src/sync/block-messages.ts";
import {
  decodeChunkQuestion,
  decodeProofQuestion,
  decodeSnapshots,
  encodeChunkQuestion,
  encodeProofQuestion,
  encodeSnapshots,
} from "../../packages/node/src/sync/snapshot-messages.ts";
import { makeToyChain } from "../../packages/node/src/sync/testing.ts";
import { makeToySnapshot } from "../../packages/node/src/sync/testing-snapshots.ts";
import { equalBytes } from "../../packages/protocol/src/core/bytes.ts";
import { assertInvariant } from "../../packages/protocol/src/core/errors.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./targets.ts";

function target(name: string, seeds: readonly Uint8Array[], run: (input: Uint8Array) => void): Target {
  return { name, draw: (random) => mutate(random, seeds), run, acceptedAs: "accepted" };
}

function assertSame(encoded: Uint8Array, input: Uint8Array): void {
  assertInvariant(equalBytes(encoded, input), "what decodes has one encoding");
}

export function syncTargets(): Target[] {
  const { encoded } = makeToyChain(4);
  const question = { from: 2, count: 3, bytesMax: 1 << 20 };
  const answers = [
    encodeBlockAnswer({ blocks: encoded.slice(1), oversizeBytes: 0 }),
    encodeBlockAnswer({ blocks: [], oversizeBytes: 2 << 20 }),
  ];
  const offers = [makeToySnapshot(5_000, 3).info, makeToySnapshot(4_000, 2).info];
  return [
    target("sync snapshots", [encodeSnapshots(offers)], (input) =>
      assertSame(encodeSnapshots(decodeSnapshots(input)), input),
    ),
    target("sync proof question", [encodeProofQuestion(5_000)], (input) =>
      assertSame(encodeProofQuestion(decodeProofQuestion(input)), input),
    ),
    target("sync chunk question", [encodeChunkQuestion({ height: 5_000, format: 1, index: 300 })], (input) =>
      assertSame(encodeChunkQuestion(decodeChunkQuestion(input)), input),
    ),
    target("wire block", encoded, (input) => assertSame(encodeWireBlock(decodeWireBlock(input)), input)),
    target("sync status", [encodeStatus({ first: 1, last: 90, timeMs: 1e12 })], (input) =>
      assertSame(encodeStatus(decodeStatus(input)), input),
    ),
    target("sync block question", [encodeBlockQuestion(question)], (input) =>
      assertSame(encodeBlockQuestion(decodeBlockQuestion(input)), input),
    ),
    target("sync block answer", answers, (input) => {
      const { blocks } = openBlockAnswer(sodiumCrypto, question, input);
      const isInOrder = blocks.every(({ header }, i) => header.height === question.from + i);
      assertInvariant(blocks.length <= question.count && isInOrder, "an answer is what was asked for");
    }),
  ];
}
