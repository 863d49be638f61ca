import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type Body, ModuleHarness } from "../testing.ts";
import { getGroup, getGroupOf, getGroupSummary } from "./groups.ts";

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());

type GroupMessage = "groups.create" | "groups.move" | "groups.merge";

function openHarness() {
  const harness = new ModuleHarness(sha256);
  const [first, second] = harness.vendors.map(({ address }) => address) as [Uint8Array, Uint8Array];
  /** Sends with approvals of exactly this, unless others are given. */
  function send<T extends GroupMessage>(type: T, body: Omit<Body<T>, "version" | "approvals">, over = {}) {
    const { version } = getGroupSummary(harness.state)!;
    const fields = [...Object.values(body), version];
    const full = { ...body, version, approvals: harness.approve(type, fields as never), ...over };
    const { status, field } = harness.send(harness.vendors[0]!, type, full as never);
    return { status, field };
  }
  return { harness, first, second, send };
}

const OK = { status: "ok", field: "" };

test("genesis puts vendors into groups, each into one", () => {
  const { harness, first } = openHarness();
  assert.equal(getGroupOf(harness.state, first), 0);
  assert.deepEqual(getGroup(harness.state, 0), { name: "all", members: 2, mergedInto: null });
  assert.equal(getGroupOf(harness.state, harness.operators[0]!.address), undefined);
  assert.throws(
    () =>
      new ModuleHarness(sha256, (genesis) => ({
        ...genesis,
        groups: [...genesis.groups, { name: "again", vendors: [genesis.vendors[0]!.account] }],
      })),
    /two groups/,
  );
});

test("a group is split, its members are moved, groups are merged, and all of it is logged", () => {
  const { harness, first, second, send } = openHarness();
  const logged = () => getGroupSummary(harness.state)!.log.size;
  assert.equal(logged(), 2);
  assert.deepEqual(send("groups.create", { name: "north", vendors: [second] }), OK);
  assert.deepEqual([getGroupOf(harness.state, first), getGroupOf(harness.state, second)], [0, 1]);
  assert.deepEqual(
    [0, 1].map((group) => getGroup(harness.state, group)!.members),
    [1, 1],
  );
  assert.equal(logged(), 3);
  assert.deepEqual(send("groups.move", { to: 1, vendors: [first, second] }), OK);
  assert.deepEqual([getGroupOf(harness.state, first), getGroupOf(harness.state, second)], [1, 1]);
  assert.deepEqual(
    [0, 1].map((group) => getGroup(harness.state, group)!.members),
    [0, 2],
  );
  assert.equal(logged(), 4, "who stays is not logged");
  assert.deepEqual(send("groups.merge", { from: 1, to: 0 }), OK);
  assert.deepEqual([getGroupOf(harness.state, first), getGroupOf(harness.state, second)], [0, 0]);
  assert.equal(logged(), 5);
  assert.equal(getGroup(harness.state, 0)!.members, 2);
  assert.deepEqual(getGroup(harness.state, 1), { name: "north", members: 0, mergedInto: 0 });
  assert.deepEqual(send("groups.create", { name: "south", vendors: [first] }), OK);
  assert.deepEqual([getGroupOf(harness.state, first), getGroupOf(harness.state, second)], [2, 0]);
});

test("every refusal has its status and field, and changes nothing", () => {
  const { harness, first, second, send } = openHarness();
  send("groups.create", { name: "north", vendors: [second] });
  send("groups.merge", { from: 1, to: 0 });
  const before = getGroupSummary(harness.state);
  const stranger = harness.operators[0]!.address;
  const refused: [{ status: string; field: string }, string, string][] = [
    [send("groups.create", { name: "x", vendors: [first] }, { version: 9 }), "approval.version", "version"],
    [
      send("groups.create", { name: "x", vendors: [first] }, { approvals: [] }),
      "approval.too-few",
      "approvals",
    ],
    [
      send("groups.create", { name: "x", vendors: [first, stranger] }),
      "groups.partition-unknown",
      "vendors[1]",
    ],
    [send("groups.move", { to: 7, vendors: [first] }), "groups.unknown", "to"],
    [send("groups.move", { to: 1, vendors: [first] }), "groups.unknown", "to"],
    [send("groups.move", { to: 0, vendors: [stranger] }), "groups.partition-unknown", "vendors[0]"],
    [send("groups.merge", { from: 1, to: 0 }), "groups.unknown", "from"],
    [send("groups.merge", { from: 0, to: 1 }), "groups.unknown", "to"],
    [send("groups.merge", { from: 0, to: 0 }), "groups.unknown", "to"],
  ];
  for (const [found, status, field] of refused) assert.deepEqual(found, { status, field });
  assert.deepEqual(getGroupSummary(harness.state), before);
});

test("approvals of one grouping are worth nothing for the next", () => {
  const { harness, second, send } = openHarness();
  const approvals = harness.approve("groups.create", ["north", [second], 0]);
  const again = { name: "north", vendors: [second] };
  assert.deepEqual(send("groups.create", again, { approvals, version: 0 }), OK);
  assert.deepEqual(send("groups.create", again, { approvals, version: 0 }), {
    status: "approval.version",
    field: "version",
  });
  assert.deepEqual(send("groups.create", again, { approvals }), {
    status: "approval.invalid",
    field: "approvals[0]",
  });
});
