import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { getAccount } from "../../core/accounts.ts";
import { SUPPLY_CAP } from "../../core/genesis.ts";
import { StateOverlay } from "../../core/state/overlay.ts";
import { ModuleHarness } from "../testing.ts";
import {
  chargeFee,
  FEES_ADDRESS,
  getCredits,
  getFeeAllowance,
  getSupply,
  spendCredits,
  TREASURY_ADDRESS,
} from "./token.ts";

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());

function openHarness() {
  const harness = new ModuleHarness(sha256);
  const [alice, bob] = harness.vendors as [ModuleHarness["vendors"][0], ModuleHarness["vendors"][0]];
  const balance = (address: Uint8Array): bigint => getAccount(harness.state, address).balance;
  return { harness, alice, bob, balance };
}

test("what genesis allots to nobody stands in the treasury", () => {
  const { harness, alice, balance } = openHarness();
  const { initialSupply, accounts } = harness.genesis;
  assert.equal(getSupply(harness.state), initialSupply);
  const allotted = accounts.reduce((sum, entry) => sum + entry.balance, 0n);
  assert.equal(balance(TREASURY_ADDRESS), initialSupply - allotted);
  assert.equal(balance(alice.address), accounts[0]!.balance);
});

test("a genesis that issues more than the cap, or allots more than it issues, begins no chain", () => {
  assert.throws(
    () => new ModuleHarness(sha256, (genesis) => ({ ...genesis, initialSupply: SUPPLY_CAP + 1n })),
    /more than the cap/,
  );
  assert.throws(
    () => new ModuleHarness(sha256, (genesis) => ({ ...genesis, initialSupply: 1_999_999_999n })),
    /more than it issues/,
  );
  const all = new ModuleHarness(sha256, (genesis) => ({ ...genesis, initialSupply: SUPPLY_CAP }));
  assert.equal(getSupply(all.state), SUPPLY_CAP);
});

test("a transfer moves exactly its amount, to oneself too, and never more than there is", () => {
  const { harness, alice, bob, balance } = openHarness();
  const before = balance(alice.address);
  const send = (to: Uint8Array, amount: bigint) => harness.send(alice, "token.transfer", { to, amount });
  assert.equal(send(bob.address, 7n).status, "ok");
  assert.equal(balance(alice.address), before - 7n);
  assert.equal(send(alice.address, before - 7n).status, "ok");
  assert.equal(balance(alice.address), before - 7n);
  for (const to of [bob.address, alice.address]) {
    const { status, field, notices } = send(to, before - 6n);
    assert.deepEqual([status, field, notices], ["token.insufficient-balance", "amount", []]);
  }
  assert.equal(send(bob.address, before - 7n).status, "ok");
  assert.equal(balance(alice.address), 0n);
  assert.equal(send(bob.address, 1n).status, "token.insufficient-balance");
  assert.equal(send(bob.address, 0n).status, "ok");
});

test("credit is bought at its price, by anyone for a vendor, within bounds", () => {
  const { harness, alice, bob, balance } = openHarness();
  const before = balance(alice.address);
  const had = getCredits(harness.state, bob.address);
  const buy = (credits: number) => {
    const { status, field } = harness.send(alice, "token.buy-credit", { vendor: bob.address, credits });
    return [status, field];
  };
  assert.deepEqual(buy(1_000), ["ok", ""]);
  const { creditPrice } = harness.genesis.parameters;
  assert.equal(balance(alice.address), before - 1_000n * creditPrice);
  assert.equal(balance(FEES_ADDRESS), 1_000n * creditPrice);
  assert.equal(getCredits(harness.state, bob.address), had + 1_000);
  assert.deepEqual(buy(0), ["token.credits-range", "credits"]);
  assert.deepEqual(buy(1e15), ["token.credits-range", "credits"]);
  const stray = harness.send(alice, "token.buy-credit", { vendor: new Uint8Array(20), credits: 1 });
  assert.deepEqual([stray.status, stray.field], ["identity.vendor-unknown", "vendor"]);
  assert.deepEqual(buy(1e12), ["token.insufficient-balance", "amount"]);
  assert.equal(getCredits(harness.state, bob.address), had + 1_000);
});

test("credit is spent down to nothing and not below", () => {
  const { harness, alice } = openHarness();
  const overlay = new StateOverlay(harness.state);
  const had = getCredits(overlay, alice.address);
  spendCredits(overlay, alice.address, had);
  assert.equal(getCredits(overlay, alice.address), 0);
  assert.throws(() => spendCredits(overlay, alice.address, 1), /credit was checked/);
});

test("a fee allowance is used up fee by fee, replaced, and ended by a limit of 0", () => {
  const { harness, alice, bob, balance } = openHarness();
  const allow = (limit: bigint, expiryMs: number) =>
    harness.send(alice, "token.allow-fees", { spender: bob.address, limit, expiryMs }).status;
  assert.equal(allow(100n, 5), "ok");
  const before = balance(alice.address);
  harness.block(({ state }) => chargeFee(state, alice.address, bob.address, 30n, true));
  assert.deepEqual(getFeeAllowance(harness.state, alice.address, bob.address), { limit: 70n, expiryMs: 5 });
  assert.equal(balance(alice.address), before - 30n);
  assert.throws(
    () => harness.block(({ state }) => chargeFee(state, alice.address, bob.address, 71n, true)),
    /allowance was checked/,
  );
  assert.equal(allow(10n, 6), "ok");
  assert.deepEqual(getFeeAllowance(harness.state, alice.address, bob.address), { limit: 10n, expiryMs: 6 });
  assert.equal(allow(0n, 6), "ok");
  assert.equal(getFeeAllowance(harness.state, alice.address, bob.address), undefined);
  assert.equal(getFeeAllowance(harness.state, bob.address, alice.address), undefined);
});
