/** What a transaction may cost whom: fees by the sender, by allowance, and what lacks them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { getAccount } from "@lhg/protocol/core/accounts";
import { ALG_ES256 } from "@lhg/protocol/core/crypto";
import type { Message } from "@lhg/protocol/ledger";
import { FEES_ADDRESS, getFeeAllowance } from "@lhg/protocol/modules/token/token";
import { keyFromSeed } from "@lhg/sdk/keys/keys";
import { addressOf, type SignedSubmission, signTransaction } from "../../e2e/statements.ts";
import { GENESIS_MS, openTestChain } from "../application/testing.ts";

const EXPIRY_MS = GENESIS_MS + 3_600_000;
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

async function openChain() {
  const chain = await openTestChain();
  const { chainId } = chain.application;
  const { faucet, vendors, operators } = chain.dev;
  const poor = operators[0]!;
  const rich = vendors[0]!.key;
  return {
    ...chain,
    faucet,
    poor,
    rich,
    balance: (key: typeof poor) => getAccount(chain.application.state, addressOf(key)).balance,
    sign: (key: typeof poor, nonce: number, over: object = {}, messages: Message[] = [TICK]) =>
      signTransaction(key, { chainId, nonce, expiryMs: EXPIRY_MS, gasLimit: 10_000, messages, ...over }),
    async run(...submissions: SignedSubmission[]) {
      const { executed, skipped } = await chain.commit(submissions);
      return [
        ...executed.map((entry) => entry.status),
        ...skipped.map(({ verdict }) => [verdict.verdict, verdict.code, verdict.field].join(" ")),
      ];
    },
  };
}

const TICK: Message = { type: "chain.tick", body: {} };

test("a fee is paid for the gas that is used, by the sender, whether it succeeds or fails", async () => {
  const { run, sign, rich, poor, balance, application } = await openChain();
  const before = balance(rich);
  assert.deepEqual(await run(sign(rich, 0, { gasPrice: 3n })), ["ok"]);
  const fee = before - balance(rich);
  assert.ok(fee > 0n && fee % 3n === 0n && fee < 30_000n);
  assert.equal(getAccount(application.state, FEES_ADDRESS).balance, fee);
  assert.deepEqual(await run(sign(rich, 1, { gasLimit: 5 })), [
    "refused transaction.gas-limit transaction.gasLimit",
  ]);
  assert.equal(balance(rich), before - fee);
  assert.deepEqual(await run(sign(poor, 0)), ["not-yet transaction.fee-uncovered transaction.payer"]);
  assert.deepEqual(await run(sign(rich, 2), sign(rich, 1)), [
    "ok",
    "not-yet transaction.nonce-gap transaction.nonce",
  ]);
});

test("another pays as far as its allowance goes, and until it ends", async () => {
  const { run, sign, rich, poor, balance, application } = await openChain();
  const payer = addressOf(rich);
  const spender = addressOf(poor);
  const allow = (limit: bigint, expiryMs: number): Message => ({
    type: "token.allow-fees",
    body: { spender, limit, expiryMs },
  });
  const none = "refused transaction.payer transaction.payer";
  assert.deepEqual(await run(sign(poor, 0, { payer })), [none]);
  assert.deepEqual(await run(sign(rich, 0, {}, [allow(15_000n, application.head.timeMs + 4_500)])), ["ok"]);
  const before = balance(rich);
  assert.deepEqual(await run(sign(poor, 0, { payer })), ["ok"]);
  const used = before - balance(rich);
  assert.equal(balance(poor), 0n);
  assert.equal(getFeeAllowance(application.state, payer, spender)!.limit, 15_000n - used);
  assert.deepEqual(await run(sign(poor, 1, { payer, gasLimit: 15_001 })), [
    "not-yet transaction.payer transaction.payer",
  ]);
  assert.deepEqual(await run(sign(poor, 1, { payer: spender })), [
    "not-yet transaction.fee-uncovered transaction.payer",
  ]);
  assert.deepEqual(await run(sign(poor, 1, { payer })), [none], "the allowance has expired");
  assert.deepEqual(await run(sign(rich, 1, {}, [allow(100_000n, EXPIRY_MS)])), ["ok"]);
  assert.deepEqual(await run(sign(poor, 1, { payer }), sign(rich, 2, {}, [allow(0n, 0)])), ["ok", "ok"]);
  assert.deepEqual(await run(sign(poor, 2, { payer })), [none]);
});

test("messages of a transaction stand and fall together, and the field says which fell", async () => {
  const { application, commit, sign, rich, poor, balance } = await openChain();
  const to = addressOf(poor);
  const transfer = (amount: bigint): Message => ({ type: "token.transfer", body: { to, amount } });
  const signed = sign(rich, 0, {}, [transfer(5n), transfer(1n << 60n), transfer(7n)]);
  const { executed } = await commit([signed]);
  assert.deepEqual(
    executed.map((entry) => entry.status),
    ["token.insufficient-balance"],
  );
  assert.equal(balance(poor), 0n);
  assert.equal(getAccount(application.state, addressOf(rich)).nonce, 1);
});

test("another signature over the same words is the same statement; a high S is none", async () => {
  const chain = await openTestChain();
  const key = keyFromSeed(ALG_ES256, new Uint8Array(32).fill(7));
  const gift: Message = { type: "token.transfer", body: { to: addressOf(key), amount: 10n ** 9n } };
  await chain.commit([chain.transaction(chain.dev.faucet, [gift])]);
  const signed = signTransaction(key, {
    chainId: chain.application.chainId,
    nonce: 0,
    expiryMs: EXPIRY_MS,
    messages: [TICK],
  });
  const s = BigInt(`0x${Buffer.from(signed.statement.subarray(-32)).toString("hex")}`);
  const flipped = signed.statement.slice();
  flipped.set(Buffer.from((P256_ORDER - s).toString(16).padStart(64, "0"), "hex"), flipped.length - 32);
  const [high, again] = [
    { statement: flipped, body: null },
    signTransaction(key, {
      chainId: chain.application.chainId,
      nonce: 0,
      expiryMs: EXPIRY_MS,
      messages: [TICK],
    }),
  ];
  const summary = await chain.commit([high, signed, again]);
  assert.equal(summary.executed.length, 1);
  const codes = summary.skipped.map((entry) => entry.verdict.code);
  assert.deepEqual(codes, ["statement.signature", "transaction.nonce-used"]);
  assert.equal(again.id, signed.id);
});
