import assert from "node:assert/strict";
import { test } from "node:test";
import { computeBytesRoot } from "@lhg/protocol/core/block/header";
import { sortValidators, type Validator, validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { equalBytes, toHex, ZERO32 } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { logRoot } from "@lhg/protocol/core/merkle/log";
import { ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import { isRecorded } from "@lhg/protocol/modules/validators/validators";
import fc from "fast-check";
import { applyValidatorUpdates } from "../../../compliance/validator-rules.ts";
import { LedgerApplication } from "../../application/application.ts";
import { openTestChain } from "../../application/testing.ts";
import {
  COMET_DUPLICATE_VOTE,
  COMET_LIGHT_CLIENT_ATTACK,
  cometMisbehaviour,
  MISBEHAVIOURS_PER_BLOCK_MAX,
} from "../../blocks/comet-misbehaviour.ts";
import { EVIDENCE_HEIGHTS_MAX } from "../../blocks/proposal.ts";
import { sodiumCrypto } from "../../crypto/sodium.ts";
import { createMemoryStore } from "../../store/memory-store.ts";
import { type CometBlock, listTxResults, listValidatorUpdates, toLedgerBlock } from "./comet-block.ts";

const { application, dev } = await openTestChain();
const { tip } = application;
const fill = (byte: number, length = 32): Uint8Array => new Uint8Array(length).fill(byte);
const addressOf = ({ consensusKey }: Validator): Uint8Array => validatorAddress(sodiumCrypto, consensusKey);

function makeBlock(over: Partial<CometBlock> = {}): CometBlock {
  return {
    height: 1,
    timeMs: tip.head.timeMs + 1_500,
    hash: fill(7),
    txs: [],
    proposerAddress: addressOf(tip.validators[2]!),
    misbehaviours: [],
    ...over,
  };
}

const statement = (byte: number) => ({
  bytes: Uint8Array.of(byte),
  leafHash: fill(byte),
  isSignatureValid: true,
});

test("a block of CometBFT is a block of the ledger over what of it are statements", () => {
  const statements = [statement(1), undefined, statement(2)];
  const block = toLedgerBlock(sodiumCrypto, tip, makeBlock(), statements);
  assert.deepEqual(block.blockHash, fill(7));
  assert.deepEqual(block.statements, [statement(1), statement(2)]);
  assert.deepEqual(block.header, {
    ...tip.base,
    timeMs: tip.head.timeMs + 1_500,
    proposer: tip.validators[2]!.operator,
    transactionsRoot: logRoot(sodiumCrypto, [fill(1), fill(2)]),
    lastCertificateHash: ZERO32,
    evidenceHash: computeBytesRoot(sodiumCrypto, []),
  });
});

test("time ascends, though the first block of CometBFT bears the time of genesis", () => {
  const timeOf = (timeMs: number): number =>
    toLedgerBlock(sodiumCrypto, tip, makeBlock({ timeMs }), []).header.timeMs;
  assert.equal(timeOf(tip.head.timeMs), tip.head.timeMs + 1);
  assert.equal(timeOf(0), tip.head.timeMs + 1);
  assert.equal(timeOf(tip.head.timeMs + 2), tip.head.timeMs + 2);
});

test("a proposer who is no validator by the ledger is a fault that is named", () => {
  assert.throws(
    () => toLedgerBlock(sodiumCrypto, tip, makeBlock({ proposerAddress: fill(9, 20) }), []),
    (error) =>
      error instanceof LhgError &&
      error.code === "comet.proposer" &&
      /different validators/.test(error.message),
  );
});

test("evidence is what is recent, each once, and no more than a block record holds", () => {
  const address = addressOf(tip.validators[0]!);
  const evidenceOf = (height: number, misbehaviours: CometBlock["misbehaviours"]) =>
    toLedgerBlock(sodiumCrypto, tip, makeBlock({ height, misbehaviours }), []).evidence.map((bytes) =>
      decode(cometMisbehaviour, bytes, "misbehaviour"),
    );
  const of = (height: number, type = COMET_DUPLICATE_VOTE) => ({ height, type, address });
  const oldest = 200 - EVIDENCE_HEIGHTS_MAX;
  assert.deepEqual(
    evidenceOf(200, [
      of(oldest - 1),
      of(oldest),
      of(199),
      of(199),
      of(199, COMET_LIGHT_CLIENT_ATTACK),
      of(201),
    ]),
    [of(oldest), of(199), of(199, COMET_LIGHT_CLIENT_ATTACK)],
  );
  assert.deepEqual(evidenceOf(5, [of(0)]), []);
  const many = Array.from({ length: 3_000 }, (_, i) => ({
    ...of(200 - (i % 60)),
    address: Uint8Array.of(i >> 8, i & 0xff, ...fill(0, 18)),
  }));
  assert.deepEqual(evidenceOf(200, many), many.slice(0, MISBEHAVIOURS_PER_BLOCK_MAX));
});

test("more evidence than a block of dBFT may hold, some of it of strangers, is executed and stored", async () => {
  const store = createMemoryStore();
  const ledger = await LedgerApplication.open(sodiumCrypto, store, dev.genesis, () => [], ENGINE_COMETBFT);
  const address = addressOf(tip.validators[0]!);
  const misbehaviours = Array.from({ length: 40 }, (_, i) => ({
    height: 1,
    type: i % 2 === 0 ? COMET_DUPLICATE_VOTE : COMET_LIGHT_CLIENT_ATTACK,
    address: i < 10 ? address : fill(i, 20),
  }));
  const block = toLedgerBlock(sodiumCrypto, ledger.tip, makeBlock({ misbehaviours }), []);
  assert.equal(block.evidence.length, 32);
  ledger.execute(block);
  await ledger.commit(block.blockHash!, null);
  assert.deepEqual(ledger.getBlock(1)!.evidence, block.evidence);
  const { operator } = tip.validators[0]!;
  for (const type of [COMET_DUPLICATE_VOTE, COMET_LIGHT_CLIENT_ATTACK])
    assert.ok(isRecorded(ledger.state, { operator, height: 1, view: 0, type }));
});

const report = {
  appHash: fill(1),
  executed: [
    { position: 2, status: 5, gasUsed: 70 },
    { position: 0, status: 0, gasUsed: 50 },
  ],
  skipped: [{ position: 1, code: "transaction.nonce-used" }],
  validators: tip.validators,
  nextValidators: tip.validators,
  blockSizeBytesMax: { before: 1, after: 1 },
};

test("every transaction has its result, in the order of the block", () => {
  const statements = [undefined, statement(1), undefined, statement(2), statement(3)];
  assert.deepEqual(listTxResults(statements, report), [
    { code: 2, gasUsed: 0, log: "statement.malformed" },
    { code: 0, gasUsed: 50, log: "" },
    { code: 2, gasUsed: 0, log: "statement.malformed" },
    { code: 1, gasUsed: 0, log: "transaction.nonce-used" },
    { code: 21, gasUsed: 70, log: "" },
  ]);
  assert.deepEqual(listTxResults([], { ...report, executed: [], skipped: [] }), []);
});

/** Keys are few, so that sets share some, with another power, or under another operator. */
const validators = fc
  .uniqueArray(
    fc.record({
      key: fc.integer({ min: 1, max: 12 }),
      operator: fc.nat(255),
      power: fc.bigInt(1n, 1n << 55n),
    }),
    { minLength: 1, maxLength: 10, selector: ({ key }) => key },
  )
  .map((entries) =>
    sortValidators(
      sodiumCrypto,
      entries.map(({ key, operator, power }) => ({
        consensusKey: fill(key),
        operator: fill(operator, 20),
        power,
      })),
    ),
  );

test("updates turn any set into any other by CometBFT's rules, and say nothing of what stays", () => {
  fc.assert(
    fc.property(validators, validators, (from, to) => {
      const updates = listValidatorUpdates(from, to);
      assert.deepEqual(
        applyValidatorUpdates(from, updates),
        to.map(({ consensusKey, power }) => ({ consensusKey, power })),
      );
      for (const { consensusKey, power } of updates) {
        const before = from.find((entry) => equalBytes(entry.consensusKey, consensusKey))?.power ?? 0n;
        assert.notEqual(before, power, toHex(consensusKey));
      }
    }),
  );
});
