import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import { sodiumCrypto } from "../crypto/sodium.ts";
import { createTestingHub } from "../p2p/testing.ts";
import {
  decodeChunkQuestion,
  encodeSnapshots,
  identifyOffer,
  QUESTION_CHUNK,
  QUESTION_PROOF,
  QUESTION_SNAPSHOTS,
} from "./snapshot-messages.ts";
import { type Behaviour, createVirtualClock, HONEST } from "./testing.ts";
import {
  createMemoryChunkStore,
  joinSnapshotPeer,
  makeToySnapshot,
  startToyStateSync,
  type ToyStateSync,
} from "./testing-snapshots.ts";

const MINUTE_MS = 60_000;
const OLD = makeToySnapshot(5_000, 20);
const NEW = makeToySnapshot(6_000, 20);
const FALSE = makeToySnapshot(7_000, 5, 1);

function on(
  asked: string,
  behave: (body: Uint8Array, answer: () => Promise<Uint8Array>) => Promise<Uint8Array>,
): Behaviour {
  return (question, body, answer) => (question === asked ? behave(body, answer) : answer());
}

function setUp() {
  const hub = createTestingHub();
  const clock = createVirtualClock();
  const ended = (node: ToyStateSync): Promise<boolean> =>
    clock.runUntil(() => node.end !== undefined, 10 * MINUTE_MS);
  const penalised = (): string[] =>
    [...new Set(hub.penaltiesBy("me").map(({ peer, reason }) => `${peer}: ${reason}`))].sort();
  return { hub, clock, ended, penalised };
}

test("restores the newest snapshot from several peers at once", async () => {
  const { hub, clock, ended, penalised } = setUp();
  const asked = new Set<string>();
  for (const id of ["a", "b", "c"])
    joinSnapshotPeer(
      hub,
      id,
      [OLD, NEW],
      on(QUESTION_CHUNK, (_body, answer) => {
        asked.add(id);
        return answer();
      }),
    );
  const store = createMemoryChunkStore();
  const node = startToyStateSync(hub.join("me"), clock, { chunks: store });
  assert.ok(await ended(node));
  assert.deepEqual(node.end?.info, NEW.info);
  assert.deepEqual([...asked].sort(), ["a", "b", "c"]);
  assert.deepEqual(penalised(), []);
  assert.equal(store.offers.size, 0);
});

test("a wrong chunk costs the peer that gave it, and is asked of others", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(
    hub,
    "liar",
    [NEW],
    on(QUESTION_CHUNK, async () => encodeUtf8("something else")),
  );
  joinSnapshotPeer(hub, "good", [NEW]);
  const node = startToyStateSync(hub.join("me"), clock);
  assert.ok(await ended(node));
  assert.deepEqual(node.end?.info, NEW.info);
  assert.deepEqual(penalised(), ["liar: sync.bad-chunk"]);
});

test("a snapshot whose state is not the header's costs all that offered it, and is never tried again", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(hub, "liar", [FALSE]);
  joinSnapshotPeer(hub, "accomplice", [FALSE]);
  joinSnapshotPeer(hub, "good", [NEW]);
  const store = createMemoryChunkStore();
  const node = startToyStateSync(hub.join("me"), clock, { chunks: store });
  assert.ok(await ended(node));
  assert.deepEqual(node.end?.info, NEW.info);
  assert.deepEqual(penalised(), ["accomplice: sync.bad-snapshot", "liar: sync.bad-snapshot"]);
  assert.deepEqual(await store.listRejected(), [identifyOffer(sodiumCrypto, FALSE.info)]);
  hub.setLink("me", "good", false);
  const again = startToyStateSync(hub.join("me again"), clock, { chunks: store });
  hub.setLink("me again", "good", false);
  assert.ok(await ended(again));
  assert.deepEqual(again.end, { info: undefined });
  assert.deepEqual(again.restored, []);
});

test("a proof that does not hold costs the peer, and another one is asked for it", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(
    hub,
    "liar",
    [NEW],
    on(QUESTION_PROOF, async () => new Uint8Array(64)),
  );
  joinSnapshotPeer(hub, "good", [NEW]);
  const node = startToyStateSync(hub.join("me"), clock);
  assert.ok(await ended(node));
  assert.deepEqual(node.end?.info, NEW.info);
  assert.deepEqual(penalised(), ["liar: sync.bad-snapshot"]);
});

test("a snapshot that this node may not trust blames nobody", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(hub, "good", [NEW]);
  const node = startToyStateSync(hub.join("me"), clock, {
    verifyOffer: async () => {
      throw new LhgError("trust.expired", "is too old to begin from", "pinned");
    },
  });
  assert.ok(await ended(node));
  assert.deepEqual(node.end, { info: undefined });
  assert.deepEqual(penalised(), []);
});

test("a proof that this node may not trust does not keep it from another peer's", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(
    hub,
    "detour",
    [NEW],
    on(QUESTION_PROOF, async () => new Uint8Array(3)),
  );
  joinSnapshotPeer(hub, "good", [NEW]);
  const node = startToyStateSync(hub.join("me"), clock, {
    verifyOffer: async (_info, proof) => {
      if (proof.length === 3) throw new LhgError("trust.pinned", "does not lead over the pinned header");
      return proof.slice(0, 32);
    },
  });
  assert.ok(await ended(node));
  assert.deepEqual(node.end?.info, NEW.info);
  assert.deepEqual(penalised(), []);
});

test("a restore that fails by a fault of this node blames nobody and forgets nothing", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(hub, "good", [NEW]);
  const store = createMemoryChunkStore();
  const node = startToyStateSync(hub.join("me"), clock, {
    chunks: store,
    restore: async () => {
      throw new LhgError("snapshot.io", "ENOSPC");
    },
  });
  assert.ok(await ended(node));
  assert.ok(node.end?.error instanceof LhgError && node.end.error.code === "snapshot.io");
  assert.deepEqual(penalised(), []);
  assert.equal(store.offers.get(identifyOffer(sodiumCrypto, NEW.info))?.size, 20);
});

test("an offer that is none is penalised, a low one is left out, and without any blocks have to do", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(
    hub,
    "liar",
    [NEW],
    on(QUESTION_SNAPSHOTS, async () => Uint8Array.of(1)),
  );
  joinSnapshotPeer(
    hub,
    "empty",
    [],
    on(QUESTION_SNAPSHOTS, async () => encodeSnapshots([{ ...NEW.info, chunks: 0 }])),
  );
  joinSnapshotPeer(hub, "low", [makeToySnapshot(900, 3)]);
  const node = startToyStateSync(hub.join("me"), clock);
  assert.ok(await ended(node));
  assert.deepEqual(node.end, { info: undefined });
  assert.deepEqual(penalised(), ["empty: sync.bad-snapshots", "liar: sync.bad-snapshots"]);
});

test("a node without peers goes on by itself after a while", async () => {
  const { hub, clock } = setUp();
  const node = startToyStateSync(hub.join("me"), clock);
  assert.ok(await clock.runUntil(() => node.end !== undefined, 20_000));
  assert.deepEqual(node.end, { info: undefined });
});

test("what was fetched is kept over an interruption, and the snapshot that was begun goes before a newer one", async () => {
  const { hub, clock, ended } = setUp();
  let given = 0;
  joinSnapshotPeer(
    hub,
    "a",
    [OLD],
    on(QUESTION_CHUNK, async (_body, answer) => {
      await clock.wait(100);
      given += 1;
      return answer();
    }),
  );
  const store = createMemoryChunkStore();
  const node = startToyStateSync(hub.join("me"), clock, { chunks: store });
  await clock.runUntil(() => given >= 10, MINUTE_MS);
  await node.sync.stop();
  assert.deepEqual(node.end, { info: undefined });
  const kept = store.offers.get(identifyOffer(sodiumCrypto, OLD.info))!.size;
  assert.ok(kept >= 8 && kept < 20, `${kept}`);
  await clock.runUntil(() => false, 1_000);
  given = 0;
  joinSnapshotPeer(hub, "b", [NEW]);
  const again = startToyStateSync(hub.join("me"), clock, { chunks: store });
  assert.ok(await ended(again));
  assert.deepEqual(again.end?.info, OLD.info);
  assert.equal(given, 20 - kept);
});

test("a chunk that the disk lost is fetched again while restoring", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(hub, "a", [NEW]);
  const store = createMemoryChunkStore();
  const id = identifyOffer(sodiumCrypto, NEW.info);
  await store.begin(id);
  await store.write(id, 3, encodeUtf8("torn"));
  const node = startToyStateSync(hub.join("me"), clock, { chunks: store });
  assert.ok(await ended(node));
  assert.deepEqual(node.end?.info, NEW.info);
  assert.deepEqual(penalised(), []);
});

test("a disk that keeps nothing is a fault of this node", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(hub, "a", [NEW]);
  const node = startToyStateSync(hub.join("me"), clock, {
    chunks: { ...createMemoryChunkStore(), write: async () => undefined },
  });
  assert.ok(await ended(node));
  assert.ok(node.end?.error instanceof LhgError && node.end.error.code === "sync.disk");
  assert.deepEqual(penalised(), []);
});

test("a disk that fails ends it with its error", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(hub, "a", [NEW]);
  const node = startToyStateSync(hub.join("me"), clock, {
    chunks: {
      ...createMemoryChunkStore(),
      write: async () => {
        throw new Error("ENOSPC");
      },
    },
  });
  assert.ok(await ended(node));
  assert.ok(node.end?.error instanceof Error && node.end.error.message === "ENOSPC");
  assert.deepEqual(penalised(), []);
});

test("a snapshot that does not fit the disk is not begun", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(hub, "a", [NEW]);
  const store = createMemoryChunkStore(NEW.info.sizeBytes - 1);
  const node = startToyStateSync(hub.join("me"), clock, { chunks: store });
  assert.ok(await ended(node));
  assert.deepEqual(node.end, { info: undefined });
  assert.equal(store.offers.size, 0);
  assert.deepEqual(penalised(), []);
});

test("a snapshot that is larger than it says is false", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(hub, "liar", [{ ...NEW, info: { ...NEW.info, sizeBytes: 100 } }]);
  const node = startToyStateSync(hub.join("me"), clock);
  assert.ok(await ended(node));
  assert.deepEqual(node.end, { info: undefined });
  assert.deepEqual(penalised(), ["liar: sync.bad-snapshot"]);
});

test("a peer that offers and gives nothing does not keep others from being tried", async () => {
  for (const behave of [
    on(QUESTION_CHUNK, () => new Promise(() => undefined)),
    on(QUESTION_PROOF, () => new Promise(() => undefined)),
    on(QUESTION_CHUNK, async () => {
      throw new LhgError("snapshot.not-found", "there is none");
    }),
  ]) {
    const { hub, clock, ended } = setUp();
    joinSnapshotPeer(hub, "silent", [NEW], behave);
    joinSnapshotPeer(hub, "good", [OLD]);
    const node = startToyStateSync(hub.join("me"), clock);
    assert.ok(await ended(node));
    assert.deepEqual(node.end?.info, OLD.info);
    hub.setLink("alone", "good", false);
    const alone = startToyStateSync(hub.join("alone"), clock);
    assert.ok(await ended(alone));
    assert.deepEqual(alone.end, { info: undefined });
  }
});

test("peers that come while chunks are fetched help", async () => {
  const { hub, clock, ended, penalised } = setUp();
  joinSnapshotPeer(
    hub,
    "slow",
    [NEW],
    on(QUESTION_CHUNK, async (_body, answer) => {
      await clock.wait(30_000);
      return answer();
    }),
  );
  const node = startToyStateSync(hub.join("me"), clock);
  await clock.runUntil(() => false, 1_000);
  joinSnapshotPeer(hub, "quick", [NEW]);
  const startedMs = clock.nowMs();
  assert.ok(await ended(node));
  assert.deepEqual(node.end?.info, NEW.info);
  assert.ok(clock.nowMs() - startedMs < 20_000);
  assert.deepEqual(penalised(), []);
});

const KINDS = [
  "honest",
  "silent",
  "refuses",
  "wrong chunks",
  "wrong proof",
  "false state",
  "garbage",
  "vanishes",
] as const;

test("random peers never keep a node from the snapshot of one honest peer", async () => {
  const peers = fc.array(
    fc.record({
      kind: fc.constantFrom(...KINDS),
      delayMs: fc.nat(5_000),
      honesty: fc.constantFrom(0, 50, 90),
      seed: fc.nat(1_000),
    }),
    { maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(peers, fc.integer({ min: 1, max: 60 }), async (others, chunkCount) => {
      const { hub, clock } = setUp();
      const good = makeToySnapshot(6_000, chunkCount);
      const honest = new Set(["good"]);
      for (const [i, { kind, delayMs, honesty, seed }] of others.entries()) {
        const id = `${kind} ${i}`;
        if (kind === "honest") honest.add(id);
        let turn = seed;
        const behave: Behaviour = async (question, body, answer) => {
          await clock.wait(delayMs);
          turn = (turn * 31 + 7) % 1_009;
          const isGood = kind === "honest" || kind === "false state" || turn % 100 < honesty;
          if (isGood) return answer();
          if (kind === "vanishes") hub.setLink(id, "me", false);
          if (kind === "silent") return new Promise(() => undefined);
          if (kind === "refuses") throw new LhgError("sync.busy", "has too many questions open");
          if (kind === "garbage") return Uint8Array.of(turn % 256);
          if (kind === "wrong chunks" && question === QUESTION_CHUNK)
            return encodeUtf8(`wrong ${decodeChunkQuestion(body).index}`);
          if (kind === "wrong proof" && question === QUESTION_PROOF) return new Uint8Array(64);
          return answer();
        };
        const offered =
          kind === "false state" ? makeToySnapshot(6_000 + (seed % 3), chunkCount, 1 + seed) : good;
        joinSnapshotPeer(hub, id, [offered], behave);
      }
      joinSnapshotPeer(hub, "good", [good], HONEST);
      const node = startToyStateSync(hub.join("me"), clock);
      assert.ok(await clock.runUntil(() => node.end !== undefined, 60 * MINUTE_MS));
      assert.deepEqual(node.end?.info, good.info);
      for (const { peer } of hub.penaltiesBy("me")) assert.ok(!honest.has(peer), `${peer} is honest`);
    }),
    { numRuns: 60 },
  );
});
