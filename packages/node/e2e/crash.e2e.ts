/** kill -9 at random moments: nothing acknowledged is lost, votes never conflict, replay gives the same roots. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { toHex, ZERO32 } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { submission } from "@lhg/protocol/core/statement/submission";
import { prepareStatement } from "@lhg/protocol/statements";
import type { SubmitResult } from "../src/api/service.ts";
import { LedgerApplication } from "../src/application/application.ts";
import { auditChain } from "../src/application/audit.ts";
import { statementKey } from "../src/blocks/store-keys.ts";
import { decodeDurable } from "../src/consensus/dbft/durable.ts";
import { sodiumCrypto } from "../src/crypto/sodium.ts";
import { type DevChain, loadOrCreateDevChain } from "../src/dev-chain.ts";
import { indexBlock } from "../src/queries/indexes.ts";
import { openLevelStore } from "../src/store/level-store.ts";
import { createRandom } from "../src/store/memory-store.ts";
import type { FromChild, ToChild } from "./crash-child.ts";
import {
  addressOf,
  makeReadings,
  makeRegistration,
  type SignedSubmission,
  signCollection,
  signTransaction,
} from "./statements.ts";

const CHILD = fileURLToPath(new URL("./crash-child.ts", import.meta.url));
const KILLS = Number(process.env.LHG_KILLS ?? 20);
const SEED = Number(process.env.LHG_SEED ?? 1);
/** Longest life of a process, from its start; a start takes about half of it. */
const LIFE_MS_MAX = 2_000;

interface Child {
  readonly process: ChildProcess;
  readonly ready: Promise<FromChild>;
  readonly exited: Promise<unknown>;
  /** Rejects when the process ends before it answers. */
  call(message: { type: "submit"; submissions: readonly Uint8Array[] }): Promise<SubmitResult[]>;
}

function startChild(dataDirectory: string): Child {
  const child = fork(CHILD, [dataDirectory], { serialization: "advanced" });
  const exited = once(child, "exit");
  const calls = new Map<number, (result: unknown) => void>();
  let next = 0;
  const ready = new Promise<FromChild>((resolve) => {
    child.on("message", (message: FromChild) => {
      if (message.type !== "answer") return resolve(message);
      calls.get(message.call)?.(message.result);
      calls.delete(message.call);
    });
  });
  return {
    process: child,
    ready,
    exited,
    call(message) {
      return new Promise((resolve, reject) => {
        const call = next++;
        calls.set(call, (result) => resolve(result as SubmitResult[]));
        exited.then(() => reject(new Error("the process has ended")));
        child.send({ ...message, call } as ToChild, (error) => error !== null && reject(error));
      });
    },
  };
}

/** Someone who signs in order and sends again what was not answered for. */
interface Lane {
  readonly waiting: SignedSubmission[];
  draw(): SignedSubmission;
}

function createTransactionLane(
  chainId: string,
  key: DevChain["faucet"],
  messages: () => Parameters<typeof signTransaction>[1]["messages"],
): Lane {
  let nonce = 0;
  return {
    waiting: [],
    draw: () =>
      signTransaction(key, {
        chainId,
        nonce: nonce++,
        expiryMs: Date.now() + 3_600_000,
        messages: messages(),
      }),
  };
}

function createDeviceLane(chainId: string, key: DevChain["faucet"]): Lane {
  let seq = 0;
  let prevId: Uint8Array = ZERO32;
  return {
    waiting: [],
    draw() {
      const signed = signCollection(key, { chainId, seq: ++seq, prevId, readings: makeReadings(10) });
      prevId = signed.idBytes;
      return signed;
    },
  };
}

const encodeAll = (entries: readonly SignedSubmission[]): Uint8Array[] =>
  entries.map(({ statement, body }) => encode(submission, { statement, body }));

/** Sends what waits and something new until the process dies; what is answered for leaves `waiting`. */
async function useLane(
  child: Child,
  lane: Lane,
  random: (bound: number) => number,
  acknowledged: Set<string>,
): Promise<void> {
  for (;;) {
    for (let i = random(6); i >= 0; i--) lane.waiting.push(lane.draw());
    const sent = lane.waiting.slice(0, 50);
    const results = await child.call({ type: "submit", submissions: encodeAll(sent) });
    for (const [i, result] of results.entries()) {
      const { id, state } = result;
      assert.equal(id, sent[i]!.id);
      if (state === "refused") assert.equal(result.code, "device.unknown", "until it is registered");
      if (state !== "accepted") continue;
      acknowledged.add(id);
      lane.waiting.splice(lane.waiting.indexOf(sent[i]!), 1);
    }
    await new Promise((resolve) => setTimeout(resolve, random(20)));
  }
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What every validator has signed, by key, height, view and type; two hashes for one of these are treason. */
async function checkVotes(directory: string, seen: Map<string, string>): Promise<void> {
  const store = await openLevelStore(join(directory, "votes"));
  for await (const { key, value } of store.iterate({})) {
    const { height, votes } = decodeDurable(value);
    for (const { type, view, blockHash } of votes) {
      const name = `${toHex(key)}/${height}/${view}/${type}`;
      const hash = toHex(blockHash);
      assert.equal(seen.get(name) ?? hash, hash, "a validator votes once");
      seen.set(name, hash);
    }
  }
  await store.close();
}

/** The ids of all executed statements; each stands there once, and no block holds evidence of a double vote. */
function readExecuted(application: LedgerApplication): Set<string> {
  const ids = new Set<string>();
  for (let height = 1; height <= application.head.height; height++) {
    const block = application.getBlock(height)!;
    assert.deepEqual(block.evidence, []);
    const skipped = new Set(block.skipped.map((entry) => entry.position));
    for (let position = 0; position < block.statements; position++) {
      if (skipped.has(position)) continue;
      const bytes = application.store.get(statementKey(height, position))!;
      const id = toHex(prepareStatement(sodiumCrypto, decode(submission, bytes)).id);
      assert.ok(!ids.has(id), `${id} was executed twice`);
      ids.add(id);
    }
  }
  return ids;
}

async function openLedger(directory: string, dev: DevChain): Promise<LedgerApplication> {
  const store = await openLevelStore(join(directory, "ledger"));
  return LedgerApplication.open(sodiumCrypto, store, dev.genesis, indexBlock);
}

async function expectSound(application: LedgerApplication, scratch: string): Promise<void> {
  const store = await openLevelStore(scratch);
  const audit = auditChain(application, store, indexBlock);
  let step = await audit.next();
  while (step.done !== true) step = await audit.next();
  assert.deepEqual(step.value.problems, []);
  await store.close();
}

async function inFolder(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "lhg-crash-"));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test(`${KILLS} kills at random moments lose nothing acknowledged`, async () => {
  await inFolder(async (directory) => {
    const random = createRandom(SEED);
    const dev = await loadOrCreateDevChain(directory);
    const [first, second] = dev.vendors;
    const device = dev.operators[0]!;
    const acknowledged = new Set<string>();
    const votes = new Map<string, string>();
    let lanes: Lane[] | undefined;
    let height = 0;
    for (let life = 0; life <= KILLS; life++) {
      const child = startChild(directory);
      const isLast = life === KILLS;
      const killed = isLast
        ? undefined
        : delay(100 + random(LIFE_MS_MAX)).then(() => child.process.kill("SIGKILL"));
      const ready = await Promise.race([child.ready, child.exited]);
      if (!("type" in (ready as FromChild))) {
        await killed;
        continue;
      }
      const started = ready as FromChild;
      assert.equal(started.type, "ready", JSON.stringify(started));
      if (started.type !== "ready") continue;
      const { chainId } = started;
      assert.ok(started.height >= height, `height ${started.height} after ${height}`);
      height = started.height;
      lanes ??= makeLanes(chainId);
      const working = Promise.allSettled(
        lanes.map((lane) => useLane(child, lane, createRandom(SEED * 1_000 + life), acknowledged)),
      );
      if (isLast) {
        await delay(1_500);
        const stopMs = performance.now();
        child.process.kill("SIGTERM");
        const [code] = (await child.exited) as [number];
        assert.equal(code, 0, "SIGTERM ends the node cleanly");
        assert.ok(performance.now() - stopMs < 10_000, "SIGTERM ends the node soon");
      }
      await child.exited;
      await killed;
      for (const lane of await working)
        if (lane.status === "rejected" && lane.reason instanceof assert.AssertionError) throw lane.reason;
      await checkVotes(directory, votes);
    }

    function makeLanes(chainId: string): Lane[] {
      const vendor = addressOf(first!.key);
      let isFirst = true;
      const setUp = createTransactionLane(chainId, first!.key, () => {
        if (!isFirst) return [{ type: "token.transfer", body: { to: addressOf(dev.faucet), amount: 1n } }];
        isFirst = false;
        return [
          makeRegistration(chainId, vendor, device, Date.now() + 3_600_000),
          { type: "token.buy-credit", body: { vendor, credits: 1_000_000 } },
        ];
      });
      const transfers = [dev.faucet, second!.key].map((key) =>
        createTransactionLane(chainId, key, () => [
          { type: "token.transfer", body: { to: vendor, amount: BigInt(1 + random(1_000)) } },
        ]),
      );
      return [setUp, ...transfers, createDeviceLane(chainId, device)];
    }

    // Whatever was acknowledged and not yet executed when the last process ended is taken up by one more.
    const child = startChild(directory);
    await child.ready;
    await delay(1_000);
    child.process.kill("SIGTERM");
    await child.exited;
    const application = await openLedger(directory, dev);
    const executed = readExecuted(application);
    const lost = [...acknowledged].filter((id) => !executed.has(id));
    assert.deepEqual(lost, [], `lost of ${acknowledged.size} acknowledged`);
    assert.ok(acknowledged.size > 10 * KILLS, `only ${acknowledged.size} statements were acknowledged`);
    await expectSound(application, join(directory, "scratch"));
    await application.store.close();
  });
});

test("a data folder in use is refused, and SIGTERM sets it free", async () => {
  await inFolder(async (directory) => {
    const child = startChild(directory);
    assert.equal((await child.ready).type, "ready");
    const second = startChild(directory);
    assert.deepEqual(await second.ready, { type: "failed", code: "store.locked" });
    await second.exited;
    child.process.kill("SIGTERM");
    assert.deepEqual(await child.exited, [0, null]);
    const third = startChild(directory);
    assert.equal((await third.ready).type, "ready");
    third.process.kill("SIGTERM");
    assert.deepEqual(await third.exited, [0, null]);
  });
});
