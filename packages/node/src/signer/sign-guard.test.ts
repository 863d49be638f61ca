import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  CHANGE_VIEW,
  COMMIT,
  decodeSignBytes,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  RECOVERY_REQUEST,
  type SignedContent,
} from "@lhg/protocol/core/block/certificate";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import type { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import { createRandom } from "../store/memory-store.ts";
import type { ConsensusSigner } from "./consensus-signer.ts";
import { createFileBytes, createSlotFile, FILE_BYTES, openSlotFile, SLOT_BYTES } from "./guard-slots.ts";
import { openSignGuard, type SignerLog } from "./sign-guard.ts";
import { CHAINS_MAX, RECENT_MAX } from "./sign-rules.ts";
import { type CrashingSlots, createCrashingSlots, makeSigner, signBytesOf } from "./testing.ts";

const silent: SignerLog = () => {};
const H1 = new Uint8Array(32).fill(1);
const H2 = new Uint8Array(32).fill(2);

function scope(height = 9, epoch = 0, chainId = "test-00") {
  return { chainId, epoch, height };
}

function vote(type: 1 | 2 | 3, view: number, blockHash = H1, at = scope()): Uint8Array {
  return signBytesOf({ type, scope: at, view, blockHash });
}

function changeView(view: number, prepared: [view: number, hash: Uint8Array] | null = null, at = scope()) {
  const claim = prepared && { view: prepared[0], blockHash: prepared[1] };
  return signBytesOf({ type: CHANGE_VIEW, scope: at, view, prepared: claim });
}

function openDisk(signer: ConsensusSigner, seed = 1): CrashingSlots {
  return createCrashingSlots(createFileBytes(signer.publicKey), createRandom(seed));
}

async function makeGuard(chainId?: string) {
  const signer = makeSigner();
  const disk = openDisk(signer);
  const refusals: object[] = [];
  const log: SignerLog = (level, fields) => level === "warn" && refusals.push(fields);
  const guard = await openSignGuard({ signer, file: disk.file, chainId, log });
  const accept = async (...messages: Uint8Array[]): Promise<void> => {
    for (const message of messages) assert.deepEqual(await guard.sign(message), await signer.sign(message));
  };
  const refuse = (message: Uint8Array, reason: RegExp) =>
    assert.rejects(guard.sign(message), (error: LhgError) => {
      assert.equal(error.code, "signer.refused");
      assert.match(error.message, reason);
      return true;
    });
  return { guard, accept, refuse, disk, refusals };
}

test("the votes of a height are signed in order, and the same bytes as often as asked", async () => {
  const { accept } = await makeGuard();
  const votes = [
    vote(PREPARE_RESPONSE, 0),
    vote(COMMIT, 0),
    changeView(1, [0, H1]),
    vote(PREPARE_REQUEST, 1),
    vote(COMMIT, 1),
    changeView(4, [1, H1]),
    vote(PREPARE_RESPONSE, 6, H2),
    vote(PREPARE_RESPONSE, 0, H2, scope(10)),
  ];
  await accept(...votes, ...votes);
});

test("one content per view and type, nothing below a view or height that was left", async () => {
  const { accept, refuse } = await makeGuard();
  await accept(vote(PREPARE_RESPONSE, 1), vote(COMMIT, 1));
  await refuse(vote(PREPARE_RESPONSE, 1, H2), /blockHash: differs from that of the PrepareResponse/);
  await refuse(vote(COMMIT, 1, H2), /differs from that of the Commit/);
  await refuse(vote(PREPARE_REQUEST, 0), /view: must be at least 1/);
  await accept(changeView(3, [1, H1]));
  await refuse(vote(COMMIT, 2), /view: must be at least 3/);
  await refuse(vote(PREPARE_RESPONSE, 0, H1, scope(8)), /height: must be at least 9/);
  await refuse(changeView(9, null, scope(8)), /height: must be at least 9/);
  await accept(vote(PREPARE_RESPONSE, 0, H1, scope(10)));
});

test("ChangeViews go upward, with one claim, and it covers the newest Commit", async () => {
  const { accept, refuse } = await makeGuard();
  await refuse(changeView(0), /view: must be above 0/);
  await refuse(changeView(2, [2, H1]), /preparedView: must be below/);
  await accept(changeView(2, [1, H1]));
  await refuse(changeView(2), /view: must be above 2/);
  await refuse(changeView(1), /view: must be above 2/);
  await accept(vote(COMMIT, 2));
  await refuse(changeView(3), /preparedView: must be at least 2/);
  await refuse(changeView(3, [1, H1]), /preparedView: must be at least 2/);
  await refuse(changeView(3, [2, H2]), /blockHash: must be that of the Commit/);
  await accept(changeView(3, [2, H1]), changeView(1, null, scope(10)));
});

test("a height is of one epoch, epochs rise, and chains do not touch each other", async () => {
  const { accept, refuse } = await makeGuard();
  await accept(vote(COMMIT, 0, H1, scope(9, 2)));
  await refuse(vote(COMMIT, 0, H2, scope(9, 3)), /epoch: must be 2/);
  await refuse(vote(COMMIT, 0, H2, scope(10, 1)), /epoch: must be at least 2/);
  for (let i = 1; i < CHAINS_MAX; i++) await accept(vote(COMMIT, 0, H2, scope(3, 0, `test-${i}`)));
  await refuse(vote(COMMIT, 0, H2, scope(3, 0, "one-more")), /chainId: is new/);
  await accept(vote(COMMIT, 0, H1, scope(10, 3)));
});

test("what no validator signs is refused, a RecoveryRequest never, and refusals say where they stood", async () => {
  const { accept, refuse, refusals } = await makeGuard("test-00");
  const recovery = (height: number, blockHash: Uint8Array | null): Uint8Array =>
    signBytesOf({ type: RECOVERY_REQUEST, scope: scope(height), view: 0, blockHash });
  await accept(vote(COMMIT, 5), recovery(9, H1), recovery(1, null));
  await refuse(new Uint8Array(), /expected the signed bytes of a dBFT message/);
  await refuse(vote(COMMIT, 5).subarray(1), /expected the signed bytes/);
  await refuse(new Uint8Array(300), /at most 256 bytes/);
  await refuse(vote(COMMIT, 6, H1, scope(9, 0, "other-00")), /chainId: must be test-00/);
  await refuse(vote(COMMIT, 4), /view/);
  assert.deepEqual(refusals.at(-1), {
    chainId: "test-00",
    height: 9,
    view: 4,
    type: "Commit",
    reason: "signBytes.view: must be at least 5: lower ones were left",
  });
});

test("requests that wait together share a write, and what is known needs none", async () => {
  const { guard, disk } = await makeGuard();
  const before = disk.syncs;
  await Promise.all(
    [vote(PREPARE_RESPONSE, 0), vote(COMMIT, 0), changeView(1, [0, H1])].map((m) => guard.sign(m)),
  );
  assert.equal(disk.syncs, before + 1);
  await guard.sign(vote(COMMIT, 0));
  assert.equal(disk.syncs, before + 1);
  const first = guard.sign(vote(PREPARE_RESPONSE, 1));
  await Promise.resolve();
  await Promise.resolve();
  await Promise.all([first, guard.sign(vote(COMMIT, 1)), guard.sign(changeView(2, [1, H1]))]);
  assert.equal(disk.syncs, before + 3);
});

test("no signature after a failed write, nor of what waited for it", async () => {
  const { guard, disk } = await makeGuard();
  disk.failNextSync();
  const first = guard.sign(vote(COMMIT, 0));
  await assert.rejects(first, { code: "signer.state" });
  await assert.rejects(guard.sign(vote(COMMIT, 1)), { code: "signer.state" });
  await assert.rejects(guard.failed, { code: "signer.state" });
});

/** Contents over few heights, views and hashes, so that they often conflict. */
const content: fc.Arbitrary<SignedContent> = fc
  .record({
    type: fc.constantFrom(PREPARE_REQUEST, PREPARE_RESPONSE, COMMIT, CHANGE_VIEW),
    height: fc.integer({ min: 5, max: 7 }),
    view: fc.nat(4),
    hash: fc.constantFrom(H1, H2),
    preparedView: fc.option(fc.nat(3)),
  })
  .map(({ type, height, view, hash, preparedView }) =>
    type === CHANGE_VIEW
      ? {
          type,
          scope: scope(height),
          view,
          prepared: preparedView === null ? null : { view: preparedView, blockHash: hash },
        }
      : { type, scope: scope(height), view, blockHash: hash },
  );

const slotKey = ({ scope: at, view, type }: SignedContent): string => `${at.height}/${view}/${type}`;

/** Whatever the order: one content per (height, view, type), and no ChangeView denies a Commit of a lower view. */
function assertNoDoubleSign(given: readonly Uint8Array[]): void {
  const bySlot = new Map<string, Uint8Array>();
  const contents = given.map((message) => decodeSignBytes(message));
  for (const [i, read] of contents.entries()) {
    const before = bySlot.get(slotKey(read)) ?? given[i]!;
    assert.ok(equalBytes(before, given[i]!), `two of ${slotKey(read)}`);
    bySlot.set(slotKey(read), before);
  }
  for (const change of contents) {
    if (change.type !== CHANGE_VIEW) continue;
    for (const commit of contents) {
      if (commit.type !== COMMIT || commit.scope.height !== change.scope.height) continue;
      if (commit.view >= change.view) continue;
      assert.ok(change.prepared !== null && change.prepared.view >= commit.view, "a Commit is denied");
    }
  }
}

test("whatever is asked, and wherever it crashes, nothing conflicting is ever given out", async () => {
  const life = fc.record({
    asked: fc.array(fc.array(content, { minLength: 1, maxLength: 4 }), { maxLength: 8 }),
    way: fc.constantFrom("crash" as const, "kill" as const),
    steps: fc.nat(60),
  });
  const signer = makeSigner();
  let crashed = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 6 }), fc.nat(), async (lives, seed) => {
      const disk = openDisk(signer, seed);
      const given: Uint8Array[] = [];
      for (const { asked, way, steps } of lives) {
        disk.dieAfter(steps, way);
        const guard = await openSignGuard({ signer, file: disk.file, log: silent }).catch((error) => {
          assert.match(String(error), /the process is gone/);
        });
        for (const batch of guard === undefined ? [] : asked)
          await Promise.allSettled(
            batch.map(async (each) => {
              const message = signBytesOf(each);
              await guard!.sign(message);
              given.push(message);
            }),
          );
        await guard?.close().catch(() => {
          crashed++;
        });
        disk[way]();
      }
      const end = await openSignGuard({ signer, file: disk.file, log: silent });
      for (const message of given.slice(-4)) {
        const again = await end.sign(message).catch((error: LhgError) => error);
        assert.ok(again instanceof Uint8Array || again.code === "signer.refused");
      }
      assertNoDoubleSign(given);
    }),
    { numRuns: 300 },
  );
  assert.ok(crashed > 20);
});

test("a signature that was given out is given out again after a crash", async () => {
  const signer = makeSigner();
  for (let seed = 1; seed < 60; seed++) {
    const disk = openDisk(signer, seed);
    disk.dieAfter(seed % 23, seed % 2 === 0 ? "crash" : "kill");
    const given: Uint8Array[] = [];
    try {
      const guard = await openSignGuard({ signer, file: disk.file, log: silent });
      for (const message of [vote(PREPARE_RESPONSE, 0), vote(COMMIT, 0), changeView(1, [0, H1])]) {
        await guard.sign(message);
        given.push(message);
      }
    } catch (error) {
      assert.match(String(error), /the process is gone/);
    }
    disk.crash();
    const guard = await openSignGuard({ signer, file: disk.file, log: silent });
    for (const message of given) assert.equal((await guard.sign(message)).length, 64);
    if (given.length > 1) await assert.rejects(guard.sign(vote(COMMIT, 0, H2)), { code: "signer.refused" });
  }
});

test("what a killed process wrote and did not sync is on disk before a signature is given for it", async () => {
  const signer = makeSigner();
  let known = 0;
  for (let seed = 1; seed < 120; seed++) {
    const disk = openDisk(signer, seed);
    const killed = await openSignGuard({ signer, file: disk.file, log: silent });
    disk.dieAfter(seed % 5, "kill");
    await assert.rejects(killed.sign(vote(COMMIT, 0)));
    disk.kill();
    const guard = await openSignGuard({ signer, file: disk.file, log: silent });
    const before = disk.syncs;
    await guard.sign(vote(COMMIT, 0));
    if (disk.syncs === before) known++;
    disk.crash();
    const after = await openSignGuard({ signer, file: disk.file, log: silent });
    await assert.rejects(after.sign(vote(COMMIT, 0, H2)), { code: "signer.refused" });
  }
  assert.ok(known > 0, "some were known from the page cache");
});

test("a memory that can't be trusted is refused: another key's, none, damaged", async () => {
  const signer = makeSigner();
  const open = (file: Uint8Array) =>
    openSignGuard({ signer, file: createCrashingSlots(file, createRandom(1)).file, log: silent });
  await assert.rejects(open(createFileBytes(H1)), { code: "signer.state", message: /another key/ });
  await assert.rejects(open(new Uint8Array(FILE_BYTES)), { code: "signer.state" });
  await assert.rejects(open(new Uint8Array(10)), { code: "signer.state" });
  for (const offset of [0, 9, 20, 60]) {
    const file = createFileBytes(signer.publicKey);
    file[offset]! ^= 1;
    await assert.rejects(open(file), { code: "signer.state" });
  }
});

test("the largest memory fits its slot", async () => {
  const { guard, disk } = await makeGuard();
  const last = Number.MAX_SAFE_INTEGER;
  for (let i = 0; i < CHAINS_MAX; i++) {
    const at = scope(last, last, "abcdefghij".repeat(5).slice(1) + i);
    for (let view = 0; view < RECENT_MAX; view++)
      await guard.sign(vote(COMMIT, 0xffffffff - RECENT_MAX + view, H1, at));
  }
  await guard.close();
  assert.ok(disk.disk.subarray(SLOT_BYTES - 4096, SLOT_BYTES).every((byte) => byte === 0));
});

test("the file on a disk: made once, readable by its owner alone, kept over restarts", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lhg-guard-"));
  try {
    const signer = makeSigner();
    const path = join(folder, "key.signed");
    await assert.rejects(openSlotFile(path), { code: "signer.state-missing" });
    await createSlotFile(path, createFileBytes(signer.publicKey));
    await assert.rejects(createSlotFile(path, createFileBytes(H1)), { code: "signer.state-exists" });
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    for (const [view, hash] of [H1, H2, H1].entries()) {
      const guard = await openSignGuard({ signer, file: await openSlotFile(path), log: silent });
      await guard.sign(vote(COMMIT, view, hash));
      await guard.close();
      await assert.rejects(guard.sign(vote(COMMIT, view, hash)), { code: "signer.closed" });
    }
    const guard = await openSignGuard({ signer, file: await openSlotFile(path), log: silent });
    await assert.rejects(guard.sign(vote(COMMIT, 2, H2)), { code: "signer.refused" });
    assert.equal(toHex(await guard.sign(vote(COMMIT, 0, H1))).length, 128);
    await guard.close();
    assert.equal((await stat(path)).size, FILE_BYTES);
  } finally {
    await rm(folder, { recursive: true });
  }
});
