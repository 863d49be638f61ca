import assert from "node:assert/strict";
import { test } from "node:test";
import { getAccount } from "@lhg/protocol/core/accounts";
import { hashValidators } from "@lhg/protocol/core/block/validator-set";
import { toHex } from "@lhg/protocol/core/bytes";
import { getSupply } from "@lhg/protocol/modules/token/token";
import { sodiumCrypto } from "../crypto/sodium.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { addressOf, GENESIS_MS, openTestChain } from "./testing.ts";

const transfer = (to: Uint8Array, amount: bigint) =>
  ({ type: "token.transfer", body: { to, amount } }) as const;

test("a transfer moves tokens, pays its fee and leaves the supply as it was", async () => {
  const chain = await openTestChain();
  const { faucet, vendors } = chain.dev;
  const to = addressOf(vendors[0]!.key);
  const before = getAccount(chain.application.state, to).balance;
  const summary = await chain.commit([chain.transaction(faucet, [transfer(to, 5n)])]);
  assert.deepEqual(
    summary.executed.map((entry) => entry.status),
    ["ok"],
  );
  assert.equal(getAccount(chain.application.state, to).balance, before + 5n);
  assert.equal(getAccount(chain.application.state, addressOf(faucet)).nonce, 1);
  assert.equal(getSupply(chain.application.state), chain.dev.genesis.initialSupply);
});

test("what is inadmissible leaves no trace; what fails leaves its fee, nonce and outcome", async () => {
  const chain = await openTestChain();
  const { faucet, vendors } = chain.dev;
  const to = addressOf(vendors[0]!.key);
  const refused = [
    chain.transaction(faucet, [transfer(to, 1n)], { nonce: 1 }),
    chain.transaction(faucet, [transfer(to, 1n)], { nonce: 0, chainId: "another-chain" }),
    chain.transaction(faucet, [transfer(to, 1n)], { nonce: 0, expiryMs: GENESIS_MS }),
    chain.transaction(faucet, [transfer(to, 1n)], { nonce: 0, gasPrice: 0n }),
    chain.transaction(faucet, [transfer(to, 1n)], { nonce: 0, payer: to }),
  ];
  const appHash = toHex(chain.application.head.appHash);
  const skipped = await chain.commit(refused);
  assert.deepEqual(
    skipped.skipped.map((entry) => entry.verdict.code),
    [
      "transaction.nonce-gap",
      "statement.chain",
      "statement.expired",
      "transaction.gas-price",
      "transaction.payer",
    ],
  );
  assert.equal(toHex(chain.application.head.appHash), appHash);

  const huge = transfer(to, 1n << 60n);
  const failed = await chain.commit([chain.transaction(faucet, [transfer(to, 1n), huge], { nonce: 0 })]);
  assert.deepEqual(
    failed.executed.map((entry) => entry.status),
    ["token.insufficient-balance"],
  );
  assert.equal(getAccount(chain.application.state, addressOf(faucet)).nonce, 1);
  const replay = await chain.commit([chain.transaction(faucet, [transfer(to, 1n)], { nonce: 0 })]);
  assert.deepEqual(
    replay.skipped.map((entry) => entry.verdict.code),
    ["transaction.nonce-used"],
  );
});

test("empty blocks change nothing, and a chain opened again goes on where it stood", async () => {
  const store = createMemoryStore();
  const chain = await openTestChain({ store });
  const { faucet, vendors } = chain.dev;
  await chain.commit([chain.transaction(faucet, [transfer(addressOf(vendors[0]!.key), 7n)])]);
  const { appHash } = chain.application.head;
  assert.equal(chain.application.tip.isUnproven, true);
  await chain.commit([]);
  assert.equal(chain.application.tip.isUnproven, false);
  assert.deepEqual(chain.application.head.appHash, appHash);
  const again = await openTestChain({ store, dev: chain.dev });
  assert.deepEqual(again.application.head, chain.application.head);
  assert.deepEqual(again.application.tip, chain.application.tip);
  const other = await openTestChain();
  await assert.rejects(openTestChain({ store, dev: other.dev }), { code: "genesis.mismatch" });
});

test("the validators of genesis stand in CometBFT's order under CometBFT's hash", async () => {
  const chain = await openTestChain();
  const { tip } = chain.application;
  assert.deepEqual(tip.base.validatorsHash, hashValidators(sodiumCrypto, tip.validators));
  assert.equal(tip.validators.length, 7);
});
