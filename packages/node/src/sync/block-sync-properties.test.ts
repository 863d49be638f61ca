/** Whatever the others do: one honest peer suffices, nobody honest is blamed, and in the end the node is idle. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import { createTestingHub } from "../p2p/testing.ts";
import {
  BLOCKS_PER_ANSWER_MAX,
  decodeBlockQuestion,
  encodeBlockAnswer,
  encodeStatus,
  QUESTION_BLOCK,
  QUESTION_STATUS,
} from "./block-messages.ts";
import {
  type Behaviour,
  createVirtualClock,
  HONEST,
  joinToyPeer,
  makeToyChain,
  startToyNode,
} from "./testing.ts";

const MINUTE_MS = 60_000;
const chain = makeToyChain(400);
const forged = makeToyChain(400, { isForged: true, seed: 2 });
const other = makeToyChain(400, { chainId: "other-00000000000000000000000000000000" });

const KINDS = [
  "honest",
  "silent",
  "refuses",
  "empty",
  "garbage",
  "forged",
  "of another chain",
  "unlinked",
  "oversize",
  "boasts",
  "says nothing",
  "vanishes",
] as const;

interface Peer {
  readonly kind: (typeof KINDS)[number];
  readonly delayMs: number;
  /** Behaves well in this share of its answers, in percent. */
  readonly honesty: number;
  readonly seed: number;
}

function answerBadly(kind: Peer["kind"], body: Uint8Array): Promise<Uint8Array> | Uint8Array {
  const { from, count } = decodeBlockQuestion(body);
  const slice = ({ encoded }: typeof chain): readonly Uint8Array[] =>
    encoded.slice(from - 1, from - 1 + count);
  const answer = (blocks: readonly Uint8Array[], oversizeBytes = 0): Uint8Array =>
    encodeBlockAnswer({ blocks: blocks.slice(0, BLOCKS_PER_ANSWER_MAX), oversizeBytes });
  switch (kind) {
    case "silent":
    case "says nothing":
      return new Promise(() => undefined);
    case "refuses":
      throw new LhgError("sync.busy", "has too many questions open");
    case "garbage":
      return answer([Uint8Array.of(1), Uint8Array.of(2)]);
    case "forged":
      return answer(slice(forged));
    case "of another chain":
      return answer(slice(other));
    case "unlinked":
      return answer(slice(chain).map((block, i) => (i % 2 === 1 ? forged.encoded[from - 1 + i]! : block)));
    case "oversize":
      return answer([], 70 << 20);
    default:
      return answer([]);
  }
}

const peers = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    delayMs: fc.nat(30_000),
    honesty: fc.constantFrom(0, 30, 90),
    seed: fc.nat(1_000),
  }),
  { maxLength: 6 },
);

test("random peers never keep a node from what one honest peer has", async () => {
  await fc.assert(
    fc.asyncProperty(
      peers,
      fc.integer({ min: 1, max: 400 }),
      fc.nat(2_000),
      async (others, length, delayMs) => {
        const hub = createTestingHub();
        const clock = createVirtualClock();
        const served = { encoded: chain.encoded.slice(0, length) };
        const honestIds = new Set(["good"]);
        const delayed =
          (waitMs: number): Behaviour =>
          async (_question, _body, answer) => {
            await clock.wait(waitMs);
            return answer();
          };
        for (const [i, { kind, delayMs: waitMs, honesty, seed }] of others.entries()) {
          const id = `${kind} ${i}`;
          let turn = seed;
          if (kind === "honest" && waitMs < 19_000) honestIds.add(id);
          const behave: Behaviour = async (question, body, answer) => {
            await clock.wait(waitMs);
            turn = (turn * 31 + 7) % 1_009;
            if (kind === "vanishes" && turn % 3 === 0) hub.setLink(id, "me", false);
            if (kind === "honest" || kind === "vanishes") return answer();
            if (question === QUESTION_STATUS && kind === "boasts")
              return encodeStatus({ first: 1, last: length + 1 + turn ** 3, timeMs: 0 });
            if (question !== QUESTION_BLOCK || turn % 100 < honesty) return answer();
            return answerBadly(kind, body);
          };
          joinToyPeer(hub, id, served, behave);
        }
        joinToyPeer(hub, "good", served, delayed(delayMs));
        const node = startToyNode(hub.join("me"), clock);
        assert.ok(await clock.runUntil(() => node.applied.length === length, 30 * MINUTE_MS), "caught up");
        assert.ok(await clock.runUntil(() => !node.sync.isSyncing, 5 * MINUTE_MS), "idle in the end");
        for (const { peer } of hub.penaltiesBy("me")) assert.ok(!honestIds.has(peer), `${peer} is honest`);
        assert.deepEqual(node.fatal, []);
        assert.deepEqual(
          node.applied.map(({ header }) => header.timeMs),
          chain.blocks.slice(0, length).map(({ header }) => header.timeMs),
        );
        await node.sync.stop();
      },
    ),
    { numRuns: 60 },
  );
});

test("an honest peer behind a line that is always too late for large answers is asked for less", async () => {
  const hub = createTestingHub();
  const clock = createVirtualClock();
  const large = makeToyChain(48, { sizeBytes: 200_000 });
  joinToyPeer(hub, "far", large, async (question, _body, answer) => {
    const bytes = await answer();
    if (question === QUESTION_BLOCK) await clock.wait(bytes.length / 100);
    return bytes;
  });
  const node = startToyNode(hub.join("me"), clock);
  assert.ok(await clock.runUntil(() => node.applied.length === 48, 60 * MINUTE_MS));
  await node.sync.stop();
});

test("a chain that grows meanwhile is followed", async () => {
  const hub = createTestingHub();
  const clock = createVirtualClock();
  const growing = { encoded: chain.encoded.slice(0, 10) };
  joinToyPeer(hub, "a", growing, HONEST);
  const node = startToyNode(hub.join("me"), clock);
  for (let length = 10; length < 60; length++) {
    growing.encoded.push(chain.encoded[length]!);
    assert.ok(await clock.runUntil(() => node.applied.length === growing.encoded.length, 4_000));
    assert.equal(node.sync.isSyncing, false);
  }
  await node.sync.stop();
});

test("a peer that hangs delays a chain that grows once, not with every block", async () => {
  const hub = createTestingHub();
  const clock = createVirtualClock();
  const growing = { encoded: chain.encoded.slice(0, 1) };
  joinToyPeer(hub, "hangs", growing, async (question, _body, answer) =>
    question === QUESTION_BLOCK ? new Promise(() => undefined) : answer(),
  );
  joinToyPeer(hub, "good", growing, async (_question, _body, answer) => {
    await clock.wait(100);
    return answer();
  });
  const node = startToyNode(hub.join("me"), clock);
  assert.ok(await clock.runUntil(() => node.applied.length === 1, 10_000));
  growing.encoded.push(chain.encoded[1]!);
  node.sync.noteAhead(2);
  assert.ok(await clock.runUntil(() => node.applied.length === 2, 1_000));
  await node.sync.stop();
});
