import assert from "node:assert/strict";
import { test } from "node:test";
import { InvariantError, LhgError } from "@lhg/protocol/core/errors";
import { createTestingHub } from "../p2p/testing.ts";
import {
  decodeBlockQuestion,
  encodeBlockAnswer,
  encodeStatus,
  QUESTION_BLOCK,
  QUESTION_STATUS,
} from "./block-messages.ts";
import { WINDOW_BYTES_MAX } from "./block-window.ts";
import { type Behaviour, createVirtualClock, joinToyPeer, makeToyChain, startToyNode } from "./testing.ts";

const MINUTE_MS = 60_000;

/** A node `me` among peers that serve a chain of so many blocks, each in its own way. */
function setUp(
  behaviours: Readonly<Record<string, Behaviour>>,
  { length = 300, over = {} }: { length?: number; over?: Parameters<typeof startToyNode>[2] } = {},
) {
  const hub = createTestingHub();
  const clock = createVirtualClock();
  const chain = makeToyChain(length);
  for (const [id, behave] of Object.entries(behaviours)) joinToyPeer(hub, id, chain, behave);
  const node = startToyNode(hub.join("me"), clock, over);
  const isCaughtUp = (): boolean => node.applied.length === length;
  const penalised = (): string[] =>
    [...new Set(hub.penaltiesBy("me").map(({ peer, reason }) => `${peer}: ${reason}`))].sort();
  return { hub, clock, chain, node, isCaughtUp, penalised };
}

const honest: Behaviour = (_question, _body, answer) => answer();

/** Answers blocks otherwise, and everything else as it should. */
function onBlocks(
  behave: (body: Uint8Array, answer: () => Promise<Uint8Array>) => Promise<Uint8Array>,
): Behaviour {
  return (question, body, answer) => (question === QUESTION_BLOCK ? behave(body, answer) : answer());
}

function claim(last: number, first = 1): Behaviour {
  return (question, _body, answer) =>
    question === QUESTION_STATUS ? Promise.resolve(encodeStatus({ first, last, timeMs: 0 })) : answer();
}

const forged = makeToyChain(300, { isForged: true, seed: 2 });
const forging: Behaviour = onBlocks(async (body) => {
  const { from, count } = decodeBlockQuestion(body);
  return encodeBlockAnswer({ blocks: forged.encoded.slice(from - 1, from - 1 + count), oversizeBytes: 0 });
});

test("catches up from three peers of which one lies, one is slow and one vanishes", async () => {
  const clock = createVirtualClock();
  const hub = createTestingHub();
  const chain = makeToyChain(900);
  joinToyPeer(hub, "liar", chain, forging);
  joinToyPeer(
    hub,
    "slow",
    chain,
    onBlocks(async (_body, answer) => {
      await clock.wait(8_000);
      return answer();
    }),
  );
  let answers = 0;
  joinToyPeer(
    hub,
    "vanishes",
    chain,
    onBlocks((_body, answer) => {
      answers += 1;
      if (answers > 3) hub.setLink("vanishes", "me", false);
      return answer();
    }),
  );
  const node = startToyNode(hub.join("me"), clock);
  assert.ok(await clock.runUntil(() => node.applied.length === 900, 5 * MINUTE_MS));
  assert.deepEqual(
    node.applied.map(({ header }) => header),
    chain.blocks.map(({ header }) => header),
  );
  assert.deepEqual(new Set(hub.penaltiesBy("me").map(({ peer }) => peer)), new Set(["liar"]));
  assert.ok(node.states.some(({ isSyncing }) => isSyncing));
  assert.ok(await clock.runUntil(() => !node.sync.isSyncing, MINUTE_MS));
  await node.sync.stop();
});

test("downloads from all peers at once", async () => {
  const asked = new Set<string>();
  const counting = (id: string): Behaviour =>
    onBlocks((_body, answer) => {
      asked.add(id);
      return answer();
    });
  const { clock, node, isCaughtUp, penalised } = setUp({
    a: counting("a"),
    b: counting("b"),
    c: counting("c"),
  });
  assert.ok(await clock.runUntil(isCaughtUp, MINUTE_MS));
  assert.deepEqual([...asked].sort(), ["a", "b", "c"]);
  assert.deepEqual(penalised(), []);
  await node.sync.stop();
});

test("whoever gives a block that is not the chain's is penalised, and what it gave is asked of others", async () => {
  const { clock, node, isCaughtUp, penalised } = setUp({ good: honest, liar: forging });
  assert.ok(await clock.runUntil(isCaughtUp, MINUTE_MS));
  assert.deepEqual(penalised(), ["liar: sync.bad-block"]);
  await node.sync.stop();
});

test("a range without the links of a chain is found before anything of it is verified", async () => {
  const { hub, clock, node, isCaughtUp } = setUp(
    {
      liar: onBlocks(async (body) => {
        const { from, count } = decodeBlockQuestion(body);
        const [own, other] = [makeToyChain(300), forged];
        const blocks = Array.from(
          { length: count },
          (_, i) => (i === 1 ? other : own).encoded[from - 1 + i]!,
        );
        return encodeBlockAnswer({ blocks, oversizeBytes: 0 });
      }),
    },
    { over: { prepare: async () => assert.fail("nothing is verified") } },
  );
  await clock.runUntil(() => hub.penaltiesBy("me").length > 0, MINUTE_MS);
  assert.ok(!isCaughtUp());
  assert.deepEqual(hub.penaltiesBy("me"), [{ peer: "liar", reason: "sync.bad-block" }]);
  assert.deepEqual(node.fatal, []);
  await node.sync.stop();
});

test("a run that does not follow the block before it is found before anything of it is verified", async () => {
  const hub = createTestingHub();
  const clock = createVirtualClock();
  const chain = makeToyChain(300);
  joinToyPeer(hub, "good", { encoded: chain.encoded.slice(0, 64) });
  joinToyPeer(hub, "liar", { encoded: [...chain.encoded.slice(0, 64), ...forged.encoded.slice(64)] });
  const prepared: number[] = [];
  const node = startToyNode(hub.join("me"), clock, {
    prepare: async ({ header }) => {
      prepared.push(header.height);
      return [];
    },
  });
  await clock.runUntil(() => hub.penaltiesBy("me").length > 0, MINUTE_MS);
  await clock.runUntil(() => false, MINUTE_MS);
  assert.equal(node.applied.length, 64);
  assert.ok(prepared.every((height) => height <= 64));
  assert.deepEqual(hub.penaltiesBy("me"), [{ peer: "liar", reason: "sync.bad-block" }]);
  await node.sync.stop();
});

const hostileAnswers: Readonly<Record<string, (body: Uint8Array) => Uint8Array>> = {
  garbage: () => Uint8Array.of(1, 2, 3),
  "an empty message": () => new Uint8Array(0),
  "more blocks than asked for": (body) => {
    const { from, count } = decodeBlockQuestion(body);
    const more = makeToyChain(400).encoded.slice(from - 1, from + count);
    return encodeBlockAnswer({ blocks: [...more, ...more].slice(0, 64), oversizeBytes: 0 });
  },
  "blocks of other heights": () =>
    encodeBlockAnswer({ blocks: forged.encoded.slice(200, 210), oversizeBytes: 0 }),
  "no blocks": () => encodeBlockAnswer({ blocks: [], oversizeBytes: 0 }),
  "blocks cut short": (body) => {
    const { from } = decodeBlockQuestion(body);
    return encodeBlockAnswer({
      blocks: [makeToyChain(300).encoded[from - 1]!.slice(0, -1)],
      oversizeBytes: 0,
    });
  },
  "a size that would have fitted": () => encodeBlockAnswer({ blocks: [], oversizeBytes: 100 }),
};

for (const [name, answer] of Object.entries(hostileAnswers))
  test(`a peer that answers ${name} is penalised and costs nothing but time`, async () => {
    const { clock, node, isCaughtUp, penalised } = setUp({
      hostile: onBlocks(async (body) => answer(body)),
      good: honest,
    });
    assert.ok(await clock.runUntil(isCaughtUp, MINUTE_MS));
    assert.equal(penalised().length, 1);
    assert.match(penalised()[0]!, /^hostile: sync\.(?:bad-block|not-served)$/);
    assert.deepEqual(node.fatal, []);
    await node.sync.stop();
  });

test("a peer that answers too many bytes is left alone; the network has blamed it", async () => {
  const { clock, node, isCaughtUp, penalised } = setUp({
    hostile: onBlocks(async () => new Uint8Array(9 << 20)),
    good: honest,
  });
  assert.ok(await clock.runUntil(isCaughtUp, MINUTE_MS));
  assert.deepEqual(penalised(), []);
  await node.sync.stop();
});

test("who calls small blocks too large for an answer is found out, also when it gives them alone", async () => {
  const oversize = encodeBlockAnswer({ blocks: [], oversizeBytes: 60 << 20 });
  for (const givesAlone of [false, true]) {
    const { clock, node, isCaughtUp, penalised } = setUp({
      hostile: onBlocks(async (body, answer) => {
        const isAlone = decodeBlockQuestion(body).bytesMax === 60 << 20;
        return isAlone && givesAlone ? answer() : oversize;
      }),
      good: honest,
    });
    assert.ok(await clock.runUntil(isCaughtUp, MINUTE_MS));
    assert.deepEqual(penalised(), ["hostile: sync.bad-block"]);
    await node.sync.stop();
  }
});

test("a claim that is not honoured neither keeps the node syncing nor is counted again", async () => {
  const { hub, clock, node } = setUp({ boaster: claim(1e12) }, { length: 10 });
  await clock.runUntil(() => node.applied.length === 10, MINUTE_MS);
  assert.ok(node.states.some(({ isSyncing, peersBest }) => isSyncing && peersBest === 1e12));
  assert.ok(await clock.runUntil(() => !node.sync.isSyncing, 15_000));
  assert.equal(node.sync.bestKnown, 10);
  const changes = node.states.length;
  await clock.runUntil(() => false, 60 * MINUTE_MS);
  assert.equal(node.states.length, changes);
  assert.deepEqual(new Set(hub.penaltiesBy("me").map(({ reason }) => reason)), new Set(["sync.not-served"]));
  await node.sync.stop();
});

test("a claim that was not honoured is forgotten while blocks of others keep coming", async () => {
  const hub = createTestingHub();
  const clock = createVirtualClock();
  const chain = makeToyChain(300);
  const boasting: Behaviour = async (question) =>
    question === QUESTION_STATUS
      ? encodeStatus({ first: 1, last: 1e12, timeMs: 0 })
      : encodeBlockAnswer({ blocks: [], oversizeBytes: 0 });
  joinToyPeer(hub, "boaster", chain, boasting);
  joinToyPeer(
    hub,
    "good",
    chain,
    onBlocks(async (_body, answer) => {
      await clock.wait(200);
      return answer();
    }),
  );
  const node = startToyNode(hub.join("me"), clock);
  await clock.runUntil(() => node.applied.length > 0, MINUTE_MS);
  assert.ok(node.applied.length < 300);
  assert.equal(node.sync.bestKnown, 300);
  await node.sync.stop();
});

test("a peer that claims and never answers is left alone, longer each time", async () => {
  let questions = 0;
  const { clock, node } = setUp(
    {
      mute: onBlocks(() => {
        questions += 1;
        return new Promise(() => undefined);
      }),
    },
    { length: 10 },
  );
  await clock.runUntil(() => false, 60 * MINUTE_MS);
  assert.equal(node.sync.isSyncing, false);
  assert.ok(questions > 1 && questions < 20, `${questions}`);
  await node.sync.stop();
});

test("a claim of heights far above what is needed counts for nothing", async () => {
  const { clock, node } = setUp({ pruned: claim(2e12, 1e12) }, { length: 10 });
  await clock.runUntil(() => false, MINUTE_MS);
  assert.equal(node.sync.isSyncing, false);
  assert.equal(node.sync.bestKnown, 0);
  assert.deepEqual(node.warnings, ["no peer has the next block any more: start from a snapshot"]);
  await node.sync.stop();
});

test("a status that is none is penalised", async () => {
  const { clock, node, isCaughtUp, penalised } = setUp({
    hostile: (question, _body, answer) =>
      question === QUESTION_STATUS ? Promise.resolve(Uint8Array.of(0xff)) : answer(),
    good: honest,
  });
  assert.ok(await clock.runUntil(isCaughtUp, MINUTE_MS));
  assert.deepEqual(penalised(), ["hostile: sync.bad-status"]);
  await node.sync.stop();
});

test("a peer that is busy or refuses now and then is asked again and not blamed", async () => {
  let turn = 0;
  const { clock, node, isCaughtUp, penalised } = setUp({
    moody: onBlocks(async (_body, answer) => {
      turn += 1;
      if (turn % 2 === 1) throw new LhgError("sync.busy", "has too many questions open");
      return answer();
    }),
  });
  assert.ok(await clock.runUntil(isCaughtUp, 2 * MINUTE_MS));
  assert.deepEqual(penalised(), []);
  await node.sync.stop();
});

test("what a slow peer does not give in time is asked of another; the first answer counts", async () => {
  const clock = createVirtualClock();
  const hub = createTestingHub();
  const chain = makeToyChain(64);
  const slow = onBlocks(async (_body, answer) => {
    await clock.wait(19_000);
    return answer();
  });
  joinToyPeer(hub, "slow", chain, slow);
  const node = startToyNode(hub.join("me"), clock);
  await clock.runUntil(() => false, 100);
  joinToyPeer(hub, "quick", chain);
  assert.ok(await clock.runUntil(() => node.applied.length === 64, 5_000));
  await clock.runUntil(() => false, MINUTE_MS);
  assert.equal(node.applied.length, 64);
  assert.deepEqual(hub.penaltiesBy("me"), []);
  await node.sync.stop();
});

test("blocks larger than an answer come one by one", async () => {
  const clock = createVirtualClock();
  const hub = createTestingHub();
  const chain = makeToyChain(4, { sizeBytes: 9 << 20 });
  joinToyPeer(hub, "a", chain);
  joinToyPeer(hub, "b", chain);
  const node = startToyNode(hub.join("me"), clock);
  assert.ok(await clock.runUntil(() => node.applied.length === 4, MINUTE_MS));
  assert.deepEqual(hub.penaltiesBy("me"), []);
  await node.sync.stop();
});

test("a large block may take longer than an answer", async () => {
  const clock = createVirtualClock();
  const hub = createTestingHub();
  const chain = makeToyChain(1, { sizeBytes: 40 << 20 });
  joinToyPeer(
    hub,
    "a",
    chain,
    onBlocks(async (_body, answer) => {
      const bytes = await answer();
      await clock.wait(bytes.length / 1_200);
      return bytes;
    }),
  );
  const node = startToyNode(hub.join("me"), clock);
  assert.ok(await clock.runUntil(() => node.applied.length === 1, MINUTE_MS));
  assert.deepEqual(hub.penaltiesBy("me"), []);
  await node.sync.stop();
});

test("what is fetched ahead stays within the window while a block takes long", async () => {
  const clock = createVirtualClock();
  const hub = createTestingHub();
  const chain = makeToyChain(120, { sizeBytes: 1 << 20 });
  let servedBytes = 0;
  for (const id of ["a", "b", "c", "d"])
    joinToyPeer(
      hub,
      id,
      chain,
      onBlocks(async (_body, answer) => {
        const bytes = await answer();
        servedBytes += bytes.length;
        return bytes;
      }),
    );
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const applied: number[] = [];
  const node = startToyNode(hub.join("me"), clock, {
    nextHeight: () => applied.length + 1,
    apply: async ({ header }) => {
      await gate;
      applied.push(header.height);
      return true;
    },
  });
  await clock.runUntil(() => false, MINUTE_MS);
  assert.ok(servedBytes > WINDOW_BYTES_MAX / 2 && servedBytes <= WINDOW_BYTES_MAX, `${servedBytes}`);
  release();
  assert.ok(await clock.runUntil(() => applied.length === 120, MINUTE_MS));
  await node.sync.stop();
});

test("goes on where it stopped", async () => {
  const clock = createVirtualClock();
  const hub = createTestingHub();
  const chain = makeToyChain(500);
  const steady = onBlocks(async (_body, answer) => {
    await clock.wait(100);
    return answer();
  });
  joinToyPeer(hub, "a", chain, steady);
  const node = startToyNode(hub.join("me"), clock);
  await clock.runUntil(() => node.applied.length >= 100, MINUTE_MS);
  await node.sync.stop();
  const stoppedAt = node.applied.length;
  await clock.runUntil(() => false, MINUTE_MS);
  assert.equal(node.applied.length, stoppedAt);
  assert.ok(stoppedAt >= 100 && stoppedAt < 500);
  const asked: number[] = [];
  joinToyPeer(
    hub,
    "b",
    chain,
    onBlocks((body, answer) => {
      asked.push(decodeBlockQuestion(body).from);
      return answer();
    }),
  );
  const again = startToyNode(hub.join("me"), clock, { applied: [...node.applied] });
  assert.ok(await clock.runUntil(() => again.applied.length === 500, MINUTE_MS));
  assert.ok(asked.every((from) => from > stoppedAt));
  await again.sync.stop();
});

test("leaves a height to consensus when it was decided meanwhile", async () => {
  const hub = createTestingHub();
  const clock = createVirtualClock();
  const chain = makeToyChain(50);
  joinToyPeer(hub, "a", chain);
  const decided: number[] = [];
  const node = startToyNode(hub.join("me"), clock, {
    nextHeight: () => decided.length + 1,
    apply: async ({ header }) => {
      decided.push(header.height);
      return header.height % 2 === 0;
    },
  });
  assert.ok(await clock.runUntil(() => decided.length === 50, MINUTE_MS));
  assert.deepEqual(hub.penaltiesBy("me"), []);
  await node.sync.stop();
});

test("a fault of this node stops sync and blames nobody", async () => {
  const { clock, node, penalised } = setUp(
    { a: honest },
    {
      over: {
        apply: async () => {
          throw new InvariantError("the state is not what it was");
        },
      },
    },
  );
  assert.ok(await clock.runUntil(() => node.fatal.length > 0, MINUTE_MS));
  assert.deepEqual(penalised(), []);
  await clock.runUntil(() => false, MINUTE_MS);
  assert.equal(node.fatal.length, 1);
});

test("looks at once when somebody speaks of a new height, and not more often than it may", async () => {
  let rounds = 0;
  const { clock, node } = setUp(
    {
      a: (question, _body, answer) => {
        if (question === QUESTION_STATUS) rounds += 1;
        return answer();
      },
    },
    { length: 1 },
  );
  await clock.runUntil(() => node.applied.length === 1, MINUTE_MS);
  await clock.runUntil(() => false, 1_000);
  const before = rounds;
  node.sync.noteAhead(1);
  await clock.runUntil(() => false, 0);
  assert.equal(rounds, before);
  for (let i = 0; i < 100; i++) {
    node.sync.noteAhead(5);
    await clock.runUntil(() => false, 10);
  }
  assert.ok(rounds > before && rounds <= before + 5, `${rounds - before}`);
  await node.sync.stop();
});

test("nodes that have caught up serve what they have", async () => {
  const { hub, clock, node, isCaughtUp } = setUp({ a: honest });
  assert.ok(await clock.runUntil(isCaughtUp, MINUTE_MS));
  hub.setLink("a", "late", false);
  const late = startToyNode(hub.join("late"), clock);
  assert.ok(await clock.runUntil(() => late.applied.length === 300, MINUTE_MS));
  await node.sync.stop();
  await late.sync.stop();
});
