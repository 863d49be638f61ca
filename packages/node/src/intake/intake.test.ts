import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeUtf8, ZERO32 } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { type Submission, submission } from "@lhg/protocol/core/statement/submission";
import {
  crashDisk,
  createDisk,
  type Disk,
  type MemoryNode,
  startMemoryNode,
  verifySubmission,
} from "../../e2e/memory-node.ts";
import {
  addressOf,
  makeReadings,
  makeRegistration,
  type SignedSubmission,
  signCapture,
  signCollection,
  signTransaction,
} from "../../e2e/statements.ts";
import type { CheckVerdict } from "../application/port.ts";
import { createDevChain, type DevChain } from "../dev-chain.ts";
import { Mempool } from "../mempool/mempool.ts";
import { openInboxLog } from "../store/inbox-log.ts";
import { createCrashingFiles } from "../store/memory-file-port.ts";
import { Intake, type IntakeParts } from "./intake.ts";

const EXPIRY_MS = Date.now() + 3_600_000;

interface World {
  readonly dev: DevChain;
  readonly disk: Disk;
  readonly node: MemoryNode;
  readonly chainId: string;
}

async function openWorld(): Promise<World> {
  const dev = createDevChain(Date.now() - 1_000);
  const disk = createDisk(1);
  const node = await startMemoryNode({ dev, disk });
  return { dev, disk, node, chainId: node.application.chainId };
}

function transfer(
  { dev, chainId }: Pick<World, "dev" | "chainId">,
  nonce: number,
  over: Partial<Parameters<typeof signTransaction>[1]> = {},
  key = dev.faucet,
): SignedSubmission {
  const to = addressOf(dev.vendors[0]!.key);
  return signTransaction(key, {
    chainId,
    nonce,
    expiryMs: EXPIRY_MS,
    messages: [{ type: "token.transfer", body: { to, amount: 1n } }],
    ...over,
  });
}

const isCommitted = ({ node }: World, { idBytes }: SignedSubmission): boolean =>
  node.application.locate([idBytes])[0] !== null;

test("what is accepted is committed, in the order of its nonces, however it comes", async () => {
  const world = await openWorld();
  const { node } = world;
  const sent = [0, 1, 2, 3, 4].map((nonce) => transfer(world, nonce));
  const [late, ...rest] = await Promise.all([
    node.submit(sent[4]!, sent[2]!),
    node.submit(sent[3]!),
    node.submit(sent[1]!),
    node.submit(sent[0]!),
  ]);
  const states = [...late, ...rest.flat()].map((result) => result.state);
  assert.equal(states.at(-1), "accepted", "the next nonce is acknowledged");
  for (const state of states) assert.ok(state === "accepted" || state === "not-yet", state);
  await node.until(() => sent.every((each) => isCommitted(world, each)));
  assert.equal(node.mempool.size, 0);
  await node.stop();
});

test("bytes that are no statement, and statements that never will be, are refused with code and field", async () => {
  const world = await openWorld();
  const { node, dev, chainId } = world;
  const refuse = async (code: string, field: string, each: Submission): Promise<void> => {
    const [result] = await node.submit(each);
    assert.equal(result!.state, "refused");
    assert.deepEqual([(result as { code: string }).code, (result as { field: string }).field], [code, field]);
  };
  const valid = transfer(world, 0);
  const forged = valid.statement.slice();
  forged[forged.length - 1]! ^= 1;
  await refuse("statement.signature", "statement.signature", { statement: forged, body: null });
  await refuse("cbor.truncated", "statement.signature", {
    statement: valid.statement.slice(0, -1),
    body: null,
  });
  await refuse("statement.body", "body", { statement: valid.statement, body: [ZERO32, ZERO32, ZERO32] });
  await refuse("statement.chain", "transaction.chainId", transfer(world, 0, { chainId: "other-chain" }));
  await refuse("statement.expired", "transaction.expiryMs", transfer(world, 0, { expiryMs: 5 }));
  await refuse(
    "statement.lifetime",
    "transaction.expiryMs",
    transfer(world, 0, { expiryMs: Date.now() + 48 * 3_600_000 }),
  );
  await refuse("transaction.gas-price", "transaction.gasPrice", transfer(world, 0, { gasPrice: 0n }));
  await refuse(
    "statement.key",
    "statement.protected.kid",
    transfer(world, 0, { sender: addressOf(dev.vendors[0]!.key) }),
  );
  await refuse(
    "transaction.payer",
    "transaction.payer",
    transfer(world, 0, { payer: addressOf(dev.vendors[0]!.key) }),
  );
  const large = Array.from({ length: 64 }, () => ({
    type: "identity.register-device" as const,
    body: {
      key: { alg: dev.faucet.alg, bytes: dev.faucet.publicKey },
      model: "m".repeat(128),
      capabilities: Array(32).fill("c".repeat(64)) as string[],
      creditsPerDayMax: null,
      consent: new Uint8Array(500),
    },
  }));
  await refuse("statement.oversize", "statement", transfer(world, 0, { messages: large }));
  await refuse(
    "device.unknown",
    "collection.device",
    signCollection(dev.faucet, { chainId, seq: 1, prevId: ZERO32, readings: makeReadings(1) }),
  );
  const junk = await node.intake.submit([encodeUtf8("junk"), new Uint8Array(0)]);
  assert.deepEqual(
    junk.map(({ id, state }) => [id, state]),
    [
      ["", "refused"],
      ["", "refused"],
    ],
  );
  assert.equal(node.mempool.size, 0);
  assert.equal(node.application.head.height <= 2, true);
  await node.submit(valid);
  await node.until(() => isCommitted(world, valid));
  await refuse("transaction.nonce-used", "transaction.nonce", transfer(world, 0, { gasLimit: 999_999 }));
  await node.stop();
});

test("the same statement sent again and again is one statement with one answer", async () => {
  const world = await openWorld();
  const { node } = world;
  const once = transfer(world, 0);
  const answers = await Promise.all([node.submit(once, once), node.submit(once), node.submit(once)]);
  for (const { id, state } of answers.flat()) assert.deepEqual([id, state], [once.id, "accepted"]);
  await node.until(() => isCommitted(world, once));
  const [again] = await node.submit(once);
  assert.deepEqual(again, { id: once.id, state: "accepted" });
  assert.equal(node.mempool.size, 0);
  await node.stop();
});

test("a dearer statement takes the place of another, whose sender can ask why", async () => {
  const world = await openWorld();
  const { node } = world;
  const [cheap, dear] = [transfer(world, 1), transfer(world, 1, { gasPrice: 2n })];
  assert.equal((await node.submit(cheap))[0]!.state, "not-yet");
  assert.equal((await node.submit(dear))[0]!.state, "not-yet");
  assert.equal(node.intake.getRefusal(cheap.id)?.code, "mempool.replaced");
  const [under] = await node.submit(transfer(world, 1, { gasLimit: 999_999 }));
  assert.deepEqual([under!.state, (under as { code: string }).code], ["not-yet", "mempool.underpriced"]);
  await node.submit(transfer(world, 0));
  await node.until(() => isCommitted(world, dear));
  await node.stop();
});

test("what waits goes on once what it lacks has come: fee, credit, predecessor", async () => {
  const world = await openWorld();
  const { node, dev, chainId } = world;
  const newcomer = dev.operators[0]!;
  const poor = transfer(world, 0, {}, newcomer);
  const [answer] = await node.submit(poor);
  assert.deepEqual(
    [answer!.state, (answer as { code: string }).code],
    ["not-yet", "transaction.fee-uncovered"],
  );
  const vendor = dev.vendors[0]!.key;
  const device = dev.operators[1]!;
  await node.submit(
    signTransaction(vendor, {
      chainId,
      nonce: 0,
      expiryMs: EXPIRY_MS,
      messages: [
        makeRegistration(chainId, addressOf(vendor), device, EXPIRY_MS),
        { type: "token.buy-credit", body: { vendor: addressOf(vendor), credits: 10_000 } },
      ],
    }),
  );
  await node.until(() => node.application.head.height >= 1 && node.mempool.size === 1);
  const first = signCollection(device, { chainId, seq: 1, prevId: ZERO32 });
  const second = signCollection(device, { chainId, seq: 2, prevId: first.idBytes });
  const third = signCollection(device, { chainId, seq: 3, prevId: second.idBytes });
  await node.submit(third);
  await node.until(() => isCommitted(world, third));
  // Gaps fill downward, whatever comes first.
  await node.submit(first, second);
  const gift = signTransaction(dev.faucet, {
    chainId,
    nonce: 0,
    expiryMs: EXPIRY_MS,
    messages: [{ type: "token.transfer", body: { to: addressOf(newcomer), amount: 10n ** 8n } }],
  });
  await node.submit(gift);
  await node.until(() => [poor, first, second].every((each) => isCommitted(world, each)));
  await node.stop();
});

test("what was acknowledged is taken up after a crash; what came too early was not", async () => {
  const world = await openWorld();
  const { node, dev, disk } = world;
  await node.engine.stop();
  const promised = [transfer(world, 0), transfer(world, 1)];
  const states = (await node.submit(...promised, transfer(world, 5))).map((result) => result.state);
  assert.deepEqual(states, ["accepted", "accepted", "not-yet"]);
  crashDisk(disk);
  const again = await startMemoryNode({ dev, disk });
  assert.equal(again.recovered, 2);
  await again.until(() => promised.every((each) => isCommitted({ ...world, node: again }, each)));
  await again.stop();
});

/** An intake whose ledger says what the test wants. */
async function openIntake(over: Partial<IntakeParts> = {}) {
  const mempool = new Mempool();
  const files = createCrashingFiles(1);
  const inbox = await openInboxLog(files.port);
  const intake = new Intake({
    mempool,
    inbox,
    verify: async (submissions) => submissions.map(verifySubmission),
    check: async (inputs) => inputs.map(() => ({ verdict: "admissible" })),
    isCommitted: async (ids) => ids.map(() => false),
    noteWork: () => {},
    ...over,
  });
  return { intake, mempool, inbox, files };
}

test("a full disk is an answer for all, and nothing is acknowledged", async () => {
  const { intake, mempool, files } = await openIntake();
  const bytes = encode(submission, transfer({ dev: createDevChain(Date.now()), chainId: "chain" }, 0));
  files.failNextSync();
  await assert.rejects(intake.submit([bytes]), { code: "inbox.io" });
  assert.equal(mempool.size, 0);
  await assert.rejects(intake.submit([bytes]), { code: "inbox.failed" });
});

test("a statement whose predecessor is committed while it is judged does not wait for another block", async () => {
  let checks = 0;
  const { intake, mempool } = await openIntake({
    check: async (inputs) => {
      checks += 1;
      if (checks > 1) return inputs.map((): CheckVerdict => ({ verdict: "admissible" }));
      await intake.settleBlock({ executed: [], skipped: [], tip: { head: { timeMs: 1 } } } as never);
      return inputs.map(
        (): CheckVerdict => ({ verdict: "not-yet", code: "transaction.nonce-gap", field: "", message: "" }),
      );
    },
  });
  const signed = transfer({ dev: createDevChain(Date.now()), chainId: "chain" }, 7);
  await intake.submit([encode(submission, signed)]);
  assert.equal(mempool.hasReady(), true);
});

test("a capture as large as the chain takes fits into the inbox", async () => {
  const { intake } = await openIntake();
  const dev = createDevChain(Date.now());
  const filler = "x".repeat(1_900_000);
  const document = encodeUtf8(
    JSON.stringify({
      "@context": [
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        { ex: "https://e.example/" },
      ],
      type: "EPCISDocument",
      schemaVersion: "2.0",
      creationDate: "2026-01-02T08:00:00Z",
      epcisBody: {
        eventList: [
          {
            type: "ObjectEvent",
            eventTime: "2026-01-02T08:00:00Z",
            eventTimeZoneOffset: "+00:00",
            epcList: ["urn:epc:id:sgtin:4012345.000000.1"],
            action: "OBSERVE",
            "ex:filler": filler,
          },
        ],
      },
    }),
  );
  assert.ok(document.length < dev.genesis.parameters.captureSizeBytesMax);
  const signed = signCapture(dev.vendors[0]!.key, { chainId: "chain", captureSeq: 0, document });
  const [result] = await intake.submit([encode(submission, signed)]);
  assert.equal(result!.state, "accepted");
});
