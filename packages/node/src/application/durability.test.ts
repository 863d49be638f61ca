/** Nothing acknowledged is lost: ledger, votes and inbox log over doubles that lose power at any step, by seed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { type Submission, submission } from "@lhg/protocol/core/statement/submission";
import type { Message } from "@lhg/protocol/ledger";
import { prepareStatement } from "@lhg/protocol/statements";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import { crashDisk, createDisk, type Disk, type MemoryNode, startMemoryNode } from "../../e2e/memory-node.ts";
import { statementKey } from "../blocks/store-keys.ts";
import type { Application } from "../consensus/engine.ts";
import { sodiumCrypto } from "../crypto/sodium.ts";
import { createDevChain, type DevChain } from "../dev-chain.ts";
import { createMemoryStore, createRandom } from "../store/memory-store.ts";
import { auditChain } from "./audit.ts";
import { addressOf, GENESIS_MS, openTestChain, type TestChain } from "./testing.ts";

const ONE_TRANSFER = (to: Uint8Array, amount: bigint): Message => ({
  type: "token.transfer",
  body: { to, amount },
});

/** The ids that blocks executed, in order; a skipped statement is none of them. */
function listExecuted({ application }: Pick<MemoryNode, "application">): string[] {
  const ids: string[] = [];
  for (let height = 1; height <= application.head.height; height++) {
    const block = application.getBlock(height)!;
    const skipped = new Set(block.skipped.map((entry) => entry.position));
    for (let position = 0; position < block.statements; position++) {
      if (skipped.has(position)) continue;
      const bytes = application.store.get(statementKey(height, position))!;
      ids.push(toHex(prepareStatement(sodiumCrypto, decode(submission, bytes)).id));
    }
  }
  return ids;
}

async function expectSound(node: MemoryNode): Promise<void> {
  const audit = auditChain(node.application, createMemoryStore());
  let step = await audit.next();
  while (step.done !== true) step = await audit.next();
  assert.deepEqual(step.value.problems, []);
}

/** Signs what senders with their own nonces send, some of it never admissible. */
function createSenders(chain: TestChain, random: (bound: number) => number) {
  const { faucet, vendors, operators } = chain.dev;
  const senders: SecretKey[] = [faucet, ...vendors.map((vendor) => vendor.key)];
  const nonces = senders.map(() => 0);
  return (): Submission => {
    const who = random(senders.length);
    const to = addressOf(operators[random(operators.length)]!);
    const kind = random(12);
    const nonce = kind === 0 ? nonces[who]! + 1_000_000 : nonces[who]!++;
    const amount = kind === 1 ? 1n << 60n : BigInt(random(1_000));
    const expiryMs = kind === 2 ? GENESIS_MS + 1 : Date.now() + 3_600_000;
    if (kind === 2) nonces[who]! -= 1;
    return chain.transaction(senders[who]!, [ONE_TRANSFER(to, amount)], { nonce, expiryMs });
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Acknowledged {
  readonly id: string;
  readonly submission: Submission;
}

/** One life of the node: submits until the power goes, and adds what was acknowledged in time. */
async function live(
  node: MemoryNode,
  disk: Disk,
  draw: () => Submission,
  random: (bound: number) => number,
  acknowledged: Acknowledged[],
): Promise<void> {
  let isOver = false;
  const submitting = (async () => {
    while (!isOver) {
      const batch = Array.from({ length: 1 + random(4) }, draw);
      const results = await node.submit(...batch).catch(() => []);
      if (isOver) return;
      for (const [i, result] of results.entries())
        if (result.state === "accepted") acknowledged.push({ id: result.id, submission: batch[i]! });
      for (let i = random(3); i > 0; i--) await turn();
    }
  })();
  for (let i = random(60); i > 0; i--) await turn();
  isOver = true;
  crashDisk(disk);
  node.engine.stop().catch(() => {});
  void submitting;
}

async function runLives(seed: number, lives: number): Promise<void> {
  const random = createRandom(seed);
  const dev: DevChain = createDevChain(Date.now() - 1_000);
  const signing = await openTestChain({ dev });
  const draw = createSenders(signing, random);
  const disk = createDisk(seed);
  const acknowledged: Acknowledged[] = [];
  let height = 0;
  for (let i = 0; i < lives; i++) {
    const node = await startMemoryNode({ dev, disk });
    assert.ok(node.application.head.height >= height, "the head never goes back");
    height = node.application.head.height;
    await live(node, disk, draw, random, acknowledged);
  }
  const node = await startMemoryNode({ dev, disk });
  await node.until(() => node.mempool.listWaiting(1e6).length === node.mempool.size);
  const executed = listExecuted(node);
  assert.equal(new Set(executed).size, executed.length, "no id has two outcomes");
  for (const { id, submission: sent } of acknowledged) {
    if (executed.includes(id)) continue;
    const waits = node.mempool.getById(fromHex(id)) !== undefined;
    const [again] = await node.submit(sent);
    assert.ok(waits || again!.state === "refused", `${id} was acknowledged and is ${JSON.stringify(again)}`);
    if (!waits) assert.ok(node.intake.getRefusal(id) !== undefined, `nobody can ask what became of ${id}`);
  }
  await expectSound(node);
  await node.stop();
}

test("what was acknowledged is executed once, still waits or is finally refused, whenever the power goes", async () => {
  for (let seed = 1; seed <= 4; seed++) await runLives(seed, 6);
});

/** Stops everything before the commit of block `height`: its votes are on disk, the block is not. */
function holdCommit(height: number, held: () => void) {
  let commits = 0;
  return (application: Application): Application => ({
    ...application,
    commit: (blockHash, certificate) => {
      commits += 1;
      if (commits < height) return application.commit(blockHash, certificate);
      held();
      return new Promise(() => {});
    },
  });
}

test("a block prepared before the power went is decided after it, though what it holds is refused by now", async () => {
  const dev = createDevChain(Date.now() - 1_000);
  const signing = await openTestChain({ dev });
  const disk = createDisk(1);
  const to = addressOf(dev.operators[0]!);
  const key = { alg: dev.vendors[0]!.key.alg, bytes: dev.vendors[0]!.key.publicKey };
  const expiryMs = Date.now() + 3_600_000;
  let isHeld = false;
  const wrap = holdCommit(3, () => {
    isHeld = true;
  });
  const node = await startMemoryNode({ dev, disk, wrap, blockStatementsMax: 1 });
  const rotation = signing.transaction(dev.faucet, [{ type: "identity.rotate-key", body: { key } }], {
    expiryMs,
  });
  const stale = signing.transaction(dev.faucet, [ONE_TRANSFER(to, 1n)], { expiryMs });
  const [, result] = await node.submit(rotation, stale);
  assert.equal(result!.state, "accepted");
  await node.until(() => isHeld);
  crashDisk(disk);
  node.engine.stop().catch(() => {});
  const again = await startMemoryNode({ dev, disk, blockStatementsMax: 1 });
  const next = signing.transaction(dev.vendors[0]!.key, [ONE_TRANSFER(to, 1n)], { expiryMs });
  const [accepted] = await again.submit(next);
  assert.equal(accepted!.state, "accepted");
  await again.until(() => listExecuted(again).includes(accepted!.id), 8_000);
  assert.equal(again.intake.getRefusal(result!.id)?.code, "statement.key");
  await expectSound(again);
  await again.stop();
});
