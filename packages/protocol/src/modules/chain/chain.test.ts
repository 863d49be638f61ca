import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { nextDueMs } from "../../core/agenda.ts";
import { DEFAULT_PARAMETERS, getParameters, type Parameters } from "../../core/parameters.ts";
import { ModuleHarness } from "../testing.ts";
import { getParameterVersion, getProtocolVersionAt, withParameter } from "./chain.ts";

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());

function setParameter(
  harness: ModuleHarness,
  name: string,
  value: bigint,
  over: { activateAtMs?: number; version?: number; approvals?: readonly Uint8Array[] } = {},
) {
  const { activateAtMs = 0, version = getParameterVersion(harness.state) } = over;
  const approvals =
    over.approvals ?? harness.approve("chain.set-parameter", [name, value, activateAtMs, version]);
  const body = { name, value, activateAtMs, version, approvals };
  const { status, field } = harness.send(harness.vendors[0]!, "chain.set-parameter", body);
  return { status, field };
}

const OK = { status: "ok", field: "" };

test("a parameter changes with the first block at or after its time, and not before", () => {
  const harness = new ModuleHarness(sha256);
  const { gasPerByte } = DEFAULT_PARAMETERS;
  const held = () => getParameters(harness.state).gasPerByte;
  assert.deepEqual(setParameter(harness, "gasPerByte", 9n), OK);
  assert.equal(held(), gasPerByte);
  harness.skipBlocks(1);
  assert.equal(held(), 9);
  const activateAtMs = harness.timeMs + 10_000;
  assert.deepEqual(setParameter(harness, "gasPerByte", 11n, { activateAtMs }), OK);
  assert.equal(nextDueMs(harness.state), activateAtMs);
  while (harness.timeMs + 1_000 < activateAtMs) {
    harness.skipBlocks(1);
    assert.equal(held(), 9);
  }
  assert.equal(harness.send(harness.operators[0]!, "chain.tick", {}).status, "ok");
  assert.equal(held(), 11);
  assert.equal(nextDueMs(harness.state), undefined);
});

test("changes that are due together run in the order of their times, equal ones in that of their approval", () => {
  const harness = new ModuleHarness(sha256);
  const base = harness.timeMs + 60_000;
  for (const [value, activateAtMs] of [
    [5n, base + 2],
    [6n, base + 1],
    [7n, base + 2],
  ] as const)
    assert.deepEqual(setParameter(harness, "gasPerByte", value, { activateAtMs }), OK);
  harness.block(() => {}, 120_000);
  assert.equal(getParameters(harness.state).gasPerByte, 7);
});

test("more due actions than one block runs go on in the next", () => {
  const harness = new ModuleHarness(sha256);
  const activateAtMs = harness.timeMs + 10_000_000;
  for (let value = 1n; value <= 1_002n; value++)
    assert.deepEqual(setParameter(harness, "gasPerByte", value, { activateAtMs }), OK);
  harness.block(() => {}, 20_000_000);
  assert.equal(getParameters(harness.state).gasPerByte, 1_000);
  harness.skipBlocks(1);
  assert.equal(getParameters(harness.state).gasPerByte, 1_002);
});

test("every refusal has its status and field", () => {
  const harness = new ModuleHarness(sha256);
  const refuse = (found: { status: string; field: string }, status: string, field: string) =>
    assert.deepEqual(found, { status, field });
  refuse(setParameter(harness, "gasPerByte", 1n, { version: 3 }), "approval.version", "version");
  refuse(setParameter(harness, "gasPerByte", 1n, { approvals: [] }), "approval.too-few", "approvals");
  refuse(setParameter(harness, "gasPerBit", 1n), "parameter.unknown", "name");
  refuse(setParameter(harness, "__proto__", 1n), "parameter.unknown", "name");
  refuse(setParameter(harness, "gasPerByte", 1n << 60n), "parameter.range", "value");
  assert.equal(getParameterVersion(harness.state), 0);
  assert.equal(nextDueMs(harness.state), undefined);
  const approvals = harness.approve("chain.set-parameter", ["gasPerByte", 9n, 0, 0]);
  assert.deepEqual(setParameter(harness, "gasPerByte", 9n, { approvals }), OK);
  refuse(setParameter(harness, "gasPerByte", 9n, { approvals, version: 0 }), "approval.version", "version");
  refuse(
    setParameter(harness, "gasPerByte", 9n, { approvals, version: 1 }),
    "approval.invalid",
    "approvals[0]",
  );
});

test("an upgrade is approved for the next version, at least two heights ahead", () => {
  const harness = new ModuleHarness(sha256);
  const schedule = (protocolVersion: number, fromHeight: number, approvals?: readonly Uint8Array[]) => {
    const version = getParameterVersion(harness.state);
    const { status, field } = harness.send(harness.vendors[0]!, "chain.schedule-upgrade", {
      protocolVersion,
      fromHeight,
      version,
      approvals:
        approvals ?? harness.approve("chain.schedule-upgrade", [protocolVersion, fromHeight, version]),
    });
    return { status, field };
  };
  assert.deepEqual(schedule(2, 100, []), { status: "approval.too-few", field: "approvals" });
  assert.deepEqual(schedule(3, 100), { status: "parameter.range", field: "protocolVersion" });
  assert.deepEqual(schedule(2, harness.height + 2), { status: "agenda.past", field: "fromHeight" });
  const fromHeight = harness.height + 3;
  assert.deepEqual(schedule(2, fromHeight), OK);
  assert.equal(getProtocolVersionAt(harness.state, fromHeight - 1), 1);
  assert.equal(getProtocolVersionAt(harness.state, fromHeight), 2);
});

test("no vote can stop the chain", () => {
  const harness = new ModuleHarness(sha256);
  for (const name of [
    "blockStatementsMax",
    "blockSizeBytesMax",
    "transactionSizeBytesMax",
    "transactionLifetimeMsMax",
  ])
    assert.deepEqual(setParameter(harness, name, 0n), { status: "parameter.range", field: "value" });
});

test("numbers stay numbers and amounts stay bigints", () => {
  for (const name of Object.keys(DEFAULT_PARAMETERS) as (keyof Parameters)[]) {
    const current = DEFAULT_PARAMETERS[name];
    const changed = withParameter(DEFAULT_PARAMETERS, { name, value: BigInt(current) + 1n });
    if (changed === undefined) continue;
    assert.equal(typeof changed[name], typeof current);
    assert.equal(BigInt(changed[name]), BigInt(current) + 1n);
  }
  assert.equal(withParameter(DEFAULT_PARAMETERS, { name: "gasPerByte", value: 1n << 63n }), undefined);
});
