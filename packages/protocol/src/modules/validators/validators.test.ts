import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { hashValidators, sortValidators } from "../../core/block/validator-set.ts";
import { toHex } from "../../core/bytes.ts";
import { encode } from "../../core/codec/definition.ts";
import { signStatement } from "../../core/cose.ts";
import { collection } from "../collection/messages.ts";
import { type Body, ModuleHarness, type TestAccount } from "../testing.ts";
import { CHAIN_ID } from "../trace/testing.ts";
import { getValidatorsAt, getValidatorsVersion } from "./validators.ts";

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());

type Change = Body<"validators.change">["changes"][number];

function actionOf(changes: readonly Change[], version: number) {
  return [
    changes.map(({ operator, consensusKey, power }) => [operator, consensusKey, power]),
    version,
  ] as const;
}

/** A change with approvals of four operators unless others are given. */
function change(
  harness: ModuleHarness,
  changes: readonly Change[],
  over: { version?: number; approvals?: readonly Uint8Array[] } = {},
): { status: string; field: string } {
  const version = over.version ?? getValidatorsVersion(harness.state);
  const approvals = over.approvals ?? harness.approve("validators.change", actionOf(changes, version));
  const { status, field } = harness.send(harness.vendors[0]!, "validators.change", {
    changes,
    version,
    approvals,
  });
  return { status, field };
}

function newcomer(harness: ModuleHarness, index = 10): Change {
  const { address } = harness.account(`operator ${index}`);
  return { operator: address, consensusKey: harness.consensusKey(index), power: 1n };
}

const OK = { status: "ok", field: "" };

test("a change acts two heights on, and the set of every height stays known until then", () => {
  const harness = new ModuleHarness(sha256);
  const before = getValidatorsAt(harness.state, 1);
  assert.deepEqual(change(harness, [newcomer(harness)]), OK);
  const { height } = harness;
  assert.deepEqual(getValidatorsAt(harness.state, height), before);
  assert.deepEqual(getValidatorsAt(harness.state, height + 1), before);
  const after = getValidatorsAt(harness.state, height + 2);
  assert.equal(after.length, 8);
  assert.deepEqual(after, sortValidators(harness.crypto, after));
  assert.notDeepEqual(hashValidators(harness.crypto, after), hashValidators(harness.crypto, before));
});

test("changes of consecutive blocks build on each other, and those of one block act together", () => {
  const harness = new ModuleHarness(sha256);
  for (const [version, index] of [10, 11, 12].entries()) {
    const changes = [newcomer(harness, index)];
    // The third change is approved by the eight in force then, of whom it takes five.
    const approvals = harness.approve(
      "validators.change",
      actionOf(changes, version),
      harness.operators.slice(0, 5),
    );
    assert.deepEqual(change(harness, changes, { approvals }), OK);
  }
  const { height } = harness;
  assert.deepEqual(
    [height, height + 1, height + 2].map((at) => getValidatorsAt(harness.state, at).length),
    [8, 9, 10],
  );
  harness.skipBlocks(3);
  const own = harness.operators[1]!;
  const both = harness.block((context, overlay) => {
    const changes = [newcomer(harness, 13)];
    const version = getValidatorsVersion(overlay);
    // Four of seven were enough before; of ten it takes six.
    const approvals = harness.approve(
      "validators.change",
      actionOf(changes, version),
      harness.operators.slice(0, 6),
    );
    return [
      harness.execute(context, overlay, own, "validators.change", { changes, version, approvals }).status,
      harness.execute(context, overlay, own, "validators.rotate-key", {
        consensusKey: harness.consensusKey(99),
      }).status,
    ];
  });
  assert.deepEqual(both, ["ok", "ok"]);
  const next = getValidatorsAt(harness.state, harness.height + 2);
  assert.equal(next.length, 11);
  assert.ok(next.some((entry) => toHex(entry.consensusKey) === toHex(harness.consensusKey(99))));
});

test("every refused change has its status and field", () => {
  const harness = new ModuleHarness(sha256);
  const added = newcomer(harness);
  const [first, second] = harness.genesis.validators as [Change, Change];
  const cases: [readonly Change[], string, string][] = [
    [[added, added], "validators.duplicate", "changes[1].operator"],
    [[{ ...added, power: 0n }], "validators.unknown", "changes[0].operator"],
    [harness.genesis.validators.map((entry) => ({ ...entry, power: 0n })), "validators.empty", "changes"],
    [[{ ...added, consensusKey: second.consensusKey }], "validators.key", "changes"],
    [[{ ...added, power: 1n << 60n }], "validators.power", "changes"],
    [[first, added, { ...first, operator: second.operator }], "validators.key", "changes"],
  ];
  for (const [changes, status, field] of cases) assert.deepEqual(change(harness, changes), { status, field });
  assert.deepEqual(change(harness, [added], { version: 5 }), {
    status: "approval.version",
    field: "version",
  });
  assert.equal(getValidatorsVersion(harness.state), 0);
  const outsider = harness.send(harness.vendors[0]!, "validators.rotate-key", {
    consensusKey: added.consensusKey,
  });
  assert.deepEqual([outsider.status, outsider.field], ["validators.unknown", "sender"]);
  const taken = harness.send(harness.operators[0]!, "validators.rotate-key", {
    consensusKey: second.consensusKey,
  });
  assert.equal(taken.status, "validators.key");
});

test("an operator changes its key once a day", () => {
  const harness = new ModuleHarness(sha256);
  const rotate = (index: number) => {
    const consensusKey = harness.consensusKey(index);
    const { status, field } = harness.send(harness.operators[0]!, "validators.rotate-key", { consensusKey });
    return { status, field };
  };
  assert.deepEqual(rotate(50), OK);
  assert.deepEqual(rotate(51), { status: "validators.rotation-early", field: "consensusKey" });
  harness.block(() => {}, 86_400_000);
  assert.deepEqual(rotate(51), OK);
});

test("no more than 256 validators", () => {
  const harness = new ModuleHarness(sha256);
  let index = 100;
  const many = (count: number): Change[] => Array.from({ length: count }, () => newcomer(harness, index++));
  for (const count of [64, 64, 64, 57]) {
    const changes = many(count);
    const version = getValidatorsVersion(harness.state);
    const size = getValidatorsAt(harness.state, harness.height + 1).length;
    const by = Array.from({ length: Math.floor(size / 2) + 1 }, (_, i) =>
      i < 7 ? harness.operators[i]! : harness.account(`operator ${93 + i}`),
    );
    const approvals = harness.approve("validators.change", actionOf(changes, version), by);
    assert.deepEqual(change(harness, changes, { approvals }), OK);
    harness.skipBlocks(2);
  }
  assert.equal(getValidatorsAt(harness.state, harness.height + 1).length, 256);
  const changes = many(1);
  const by = Array.from({ length: 129 }, (_, i) =>
    i < 7 ? harness.operators[i]! : harness.account(`operator ${93 + i}`),
  );
  const version = getValidatorsVersion(harness.state);
  const approvals = harness.approve("validators.change", actionOf(changes, version), by);
  assert.equal(change(harness, changes, { approvals }).status, "validators.power");
});

test("approvals that don't count, each with its field", () => {
  const harness = new ModuleHarness(sha256);
  const changes = [newcomer(harness)];
  const action = actionOf(changes, 0);
  const [, , , , fifth] = harness.operators;
  const three = harness.approve("validators.change", action, harness.operators.slice(0, 3));
  const attempt = (fourth: readonly Uint8Array[]) =>
    change(harness, changes, { approvals: [...three, ...fourth] });
  const by = (account: TestAccount, over = {}, name = "validators.change", body: typeof action = action) =>
    harness.approve(name, body, [account], over);
  const invalid = { status: "approval.invalid", field: "approvals[3]" };
  assert.deepEqual(attempt([]), { status: "approval.too-few", field: "approvals" });
  assert.deepEqual(attempt([three[0]!]), { status: "approval.too-few", field: "approvals" });
  assert.deepEqual(attempt(by(fifth!, { chainId: "test-99999999" })), invalid);
  assert.deepEqual(
    attempt(by(fifth!, { expiryMs: harness.timeMs + 1_000 })),
    invalid,
    "chain time is the expiry",
  );
  assert.deepEqual(attempt(by(fifth!, {}, "identity.expel-vendor")), invalid);
  assert.deepEqual(attempt(by(fifth!, {}, "validators.change", actionOf(changes, 1))), invalid);
  assert.deepEqual(attempt(by(harness.vendors[0]!)), invalid);
  const [broken] = by(fifth!);
  broken![broken!.length - 1]! ^= 1;
  assert.deepEqual(attempt([broken!]), invalid);
  assert.deepEqual(attempt([Uint8Array.of(0xff)]), invalid);
  // Another signed document never passes for an approval, though its words were the same.
  const posing = signStatement(
    fifth!.signer,
    "collection",
    encode(collection, {
      chainId: CHAIN_ID,
      device: fifth!.address,
      stream: 0,
      seq: 1,
      prevId: new Uint8Array(32),
      readings: [{ n: "a", vb: true }],
    }),
  );
  assert.ok(posing.length <= 512);
  assert.deepEqual(attempt([posing]), invalid);
  assert.deepEqual(attempt(by(fifth!)), OK);
});

test("an approval is used once, by the operator's key of now, while it is in force", () => {
  const harness = new ModuleHarness(sha256);
  const changes = [newcomer(harness)];
  const approvals = harness.approve("validators.change", actionOf(changes, 0));
  assert.deepEqual(change(harness, changes, { version: 0, approvals }), OK);
  assert.deepEqual(change(harness, changes, { version: 0, approvals }), {
    status: "approval.version",
    field: "version",
  });
  assert.deepEqual(change(harness, changes, { version: 1, approvals }), {
    status: "approval.invalid",
    field: "approvals[0]",
  });

  const [first] = harness.operators;
  const fresh = harness.account("fresh key");
  harness.send(first!, "identity.rotate-key", { key: fresh.signer.publicKey });
  const next = [newcomer(harness, 11)];
  const withKey = (signer: TestAccount) =>
    harness.approve("validators.change", actionOf(next, 1), [signer, ...harness.operators.slice(1, 5)]);
  assert.deepEqual(change(harness, next, { approvals: withKey(first!) }), {
    status: "approval.invalid",
    field: "approvals[0]",
  });

  // A newcomer counts from its height on, and one taken out until its own.
  const late = harness.account("operator 10");
  const out = [{ ...harness.genesis.validators[6]!, power: 0n }];
  const eighth = harness.approve("validators.change", actionOf(out, 1), [
    ...harness.operators.slice(1, 5),
    late,
  ]);
  assert.equal(harness.height >= 3, true);
  assert.deepEqual(change(harness, out, { approvals: eighth }), OK);
  harness.skipBlocks(1);
  const gone = harness.approve("validators.change", actionOf(next, 2), harness.operators.slice(3));
  assert.deepEqual(change(harness, next, { approvals: gone }), {
    status: "approval.invalid",
    field: "approvals[3]",
  });
});

test("whatever is changed, the set stays sorted, distinct and within its bounds", () => {
  const step = fc.record({
    index: fc.integer({ min: 0, max: 9 }),
    key: fc.integer({ min: 0, max: 12 }),
    power: fc.constantFrom(0n, 1n, 2n, 1n << 58n, 1n << 63n),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
      const harness = new ModuleHarness(sha256);
      for (const { index, key, power } of steps) {
        const { address } = harness.account(`operator ${index}`);
        const version = getValidatorsVersion(harness.state);
        const set = getValidatorsAt(harness.state, harness.height + 1);
        const changes = [{ operator: address, consensusKey: harness.consensusKey(key), power }];
        const by = Array.from({ length: 10 }, (_, i) => harness.account(`operator ${i}`)).filter(
          ({ address }) => set.some((entry) => toHex(entry.operator) === toHex(address)),
        );
        change(harness, changes, {
          version,
          approvals: harness.approve("validators.change", actionOf(changes, version), by),
        });
        for (const offset of [0, 1, 2]) {
          const at = getValidatorsAt(harness.state, harness.height + offset);
          assert.ok(at.length > 0 && at.every((entry) => entry.power > 0n));
          assert.deepEqual(at, sortValidators(harness.crypto, at));
          assert.equal(new Set(at.map((entry) => toHex(entry.consensusKey))).size, at.length);
          assert.equal(new Set(at.map((entry) => toHex(entry.operator))).size, at.length);
        }
      }
    }),
    { numRuns: 25 },
  );
});
