import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import { CHUNK_BYTES, QUESTION_BYTES_MAX, REASON_BYTES_MAX } from "./bounds.ts";
import { createByteQueue } from "./byte-queue.ts";
import { createGossipFrameDecoder } from "./gossip-frames.ts";
import {
  type AskerFrame,
  createAskerFrameDecoder,
  createServerFrameDecoder,
  encodeAskerFrame,
  encodeServerFrame,
  type FrameDecoder,
  type ServerFrame,
} from "./question-frames.ts";

const id = fc.integer({ min: 0, max: 0xffff_ffff });
const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,63}$/);
const bytes = fc.uint8Array({ maxLength: 200 });
const plain = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
const askerFrame: fc.Arbitrary<AskerFrame> = fc.oneof(
  plain({ type: fc.constant("question" as const), id, name, body: bytes }),
  plain({ type: fc.constantFrom("cancel" as const, "ping" as const), id }),
);
const serverFrame: fc.Arbitrary<ServerFrame> = fc.oneof(
  plain({ type: fc.constant("last" as const), id, bytes }),
  plain({
    type: fc.constant("chunk" as const),
    id,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }),
  }),
  plain({
    type: fc.constant("refusal" as const),
    id,
    kind: fc.constantFrom("refused" as const, "busy" as const),
    reason: fc.string({ unit: "grapheme", maxLength: 50 }),
  }),
  plain({ type: fc.constant("pong" as const), id }),
);

/** Hands over the bytes in pieces of these sizes, again and again. */
function pushPieces<Frame>(
  decoder: FrameDecoder<Frame>,
  whole: Uint8Array,
  sizes: readonly number[],
): Frame[] {
  const frames: Frame[] = [];
  for (let offset = 0, i = 0; offset < whole.length; i++) {
    const size = sizes[i % sizes.length]!;
    frames.push(...decoder.push(whole.subarray(offset, offset + size)));
    offset += size;
  }
  return frames;
}

const sizes = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 });

test("frames of an asker come out as they went in, however they are cut", () => {
  fc.assert(
    fc.property(fc.array(askerFrame, { maxLength: 8 }), sizes, (frames, cuts) => {
      const decoder = createAskerFrameDecoder(() => QUESTION_BYTES_MAX);
      assert.deepEqual(pushPieces(decoder, Buffer.concat(frames.map(encodeAskerFrame)), cuts), frames);
      assert.equal(decoder.isInside(), false);
    }),
  );
});

test("frames of a server come out as they went in, however they are cut", () => {
  fc.assert(
    fc.property(fc.array(serverFrame, { maxLength: 8 }), sizes, (frames, cuts) => {
      const decoder = createServerFrameDecoder();
      assert.deepEqual(pushPieces(decoder, Buffer.concat(frames.map(encodeServerFrame)), cuts), frames);
      assert.equal(decoder.isInside(), false);
    }),
  );
});

test("a body that is too long is passed over, and the frames behind it are read", () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 11, max: 500 }), (cuts, length) => {
      const decoder = createAskerFrameDecoder((asked) => (asked === "known" ? 10 : undefined));
      const question = (asked: string, size: number): Uint8Array =>
        encodeAskerFrame({ type: "question", id: 1, name: asked, body: new Uint8Array(size) });
      const whole = Buffer.concat([question("known", length), question("unknown", 0), question("known", 10)]);
      assert.deepEqual(pushPieces(decoder, whole, cuts), [
        { type: "skipped", id: 1, name: "known" },
        { type: "skipped", id: 1, name: "unknown" },
        { type: "question", id: 1, name: "known", body: new Uint8Array(10) },
      ]);
    }),
  );
});

test("random bytes are frames or malformed, and nothing else", () => {
  const run = (push: (input: Uint8Array) => unknown, input: Uint8Array): void => {
    try {
      push(input);
    } catch (error) {
      assert.ok(error instanceof LhgError);
      assert.match(error.code, /^peer\.(malformed|oversize)$/);
    }
  };
  const input = fc
    .tuple(fc.integer({ min: 0, max: 40 }), fc.uint8Array({ maxLength: 60 }))
    .map(([length, rest]) => Buffer.concat([Uint8Array.of(0, 0, 0, length), rest]));
  fc.assert(
    fc.property(input, (drawn) => {
      run(createAskerFrameDecoder(() => 5).push, drawn);
      run(createServerFrameDecoder().push, drawn);
      run(createGossipFrameDecoder(20).push, drawn.subarray(3));
    }),
    { numRuns: 2_000 },
  );
});

test("what cannot be a frame is refused by its first bytes", () => {
  const head = (length: number): Uint8Array => {
    const frame = Buffer.alloc(4);
    frame.writeUInt32BE(length);
    return frame;
  };
  assert.throws(() => createAskerFrameDecoder(() => 0).push(head(QUESTION_BYTES_MAX + 200)), /length/);
  assert.throws(() => createServerFrameDecoder().push(head(CHUNK_BYTES + 6)), /length/);
  assert.throws(() => createServerFrameDecoder().push(head(4)), /length/);
});

test("a reason is cut between characters", () => {
  const reason = "ü".repeat(REASON_BYTES_MAX);
  const [frame] = createServerFrameDecoder().push(
    encodeServerFrame({ type: "refusal", id: 1, kind: "refused", reason: `x${reason}` }),
  );
  assert.ok(frame?.type === "refusal");
  assert.match(frame.reason, /^xü+$/);
  assert.ok(encodeUtf8(frame.reason).length <= REASON_BYTES_MAX);
});

test("a queue of bytes gives what was put in, and never writes to what it gave", () => {
  fc.assert(
    fc.property(fc.array(bytes), fc.array(fc.integer({ min: 0, max: 300 })), (pushed, taken) => {
      const queue = createByteQueue();
      const given: Uint8Array[] = [];
      const copies: Uint8Array[] = [];
      const take = (count: number): void => {
        const piece = queue.take(Math.min(count, queue.length));
        given.push(piece);
        copies.push(Uint8Array.from(piece));
      };
      pushed.forEach((piece, i) => {
        queue.push(piece);
        take(taken[i] ?? 0);
      });
      take(queue.length);
      assert.deepEqual(Buffer.concat(given), Buffer.concat(pushed));
      assert.deepEqual(Buffer.concat(given), Buffer.concat(copies));
    }),
  );
});
