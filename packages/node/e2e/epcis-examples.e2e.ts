/**
 * GS1's published EPCIS examples through the command, as a vendor's clerk would: every event is then found by id,
 * hash, item, class, business step, time and read point; traced; and its receipt verified offline.
 */
import assert from "node:assert/strict";
import { existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type DevNode, runLhg, startDevNode } from "./dev-node.ts";

const EXAMPLES = join(import.meta.dirname, "../../../../shared/vectors/epcis/JSON");
const skip = existsSync(EXAMPLES) ? false : "GS1's examples are not here";

interface Capture {
  readonly file: string;
  readonly events: readonly { readonly id: string; readonly hash: string }[];
}
interface EventView {
  readonly id: string;
  readonly eventTimeMs: number;
  readonly bizStep?: string;
  readonly readPoint?: string;
  readonly duplicateOf?: string;
  readonly items: readonly { readonly identity: string }[];
}

let folder: string;
let node: DevNode;
let captures: readonly Capture[] = [];
const events = new Map<string, EventView>();

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "lhg-examples-"));
  node = await startDevNode(join(folder, "data"));
});
after(async () => {
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
  const response = await fetch(`${node.url}/api/v1${path}?${new URLSearchParams(query)}`);
  const body = await response.text();
  assert.equal(response.status, 200, `${path} ${JSON.stringify(query)}: ${body}`);
  return JSON.parse(body) as T;
}

/** Every page of a list. */
async function listIds(query: Record<string, string>): Promise<Set<string>> {
  const ids = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await get<{ items: EventView[]; next?: string }>("/events", {
      ...query,
      limit: "200",
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const { id } of page.items) ids.add(id);
    cursor = page.next;
  } while (cursor !== undefined);
  return ids;
}

test("all documents are captured", { skip }, async () => {
  const files = globSync("**/*.jsonld", { cwd: EXAMPLES }).sort();
  assert.equal(files.length, 47);
  const result = await runLhg(node, [
    "capture",
    ...files.map((file) => join(EXAMPLES, file)),
    "--wait",
    "provable",
    "--json",
  ]);
  assert.equal(result.code, 0, result.stderr);
  const answer = JSON.parse(result.stdout) as { captures: Capture[]; failed: number };
  assert.equal(answer.failed, 0);
  assert.equal(answer.captures.length, 47);
  captures = answer.captures;
});

test("every event is found by its id and by its hash", { skip }, async () => {
  for (const { events: captured } of captures)
    for (const { id, hash } of captured) {
      const view = await get<EventView>(`/events/${id}`);
      events.set(id, view);
      if (view.duplicateOf === undefined)
        assert.ok((await listIds({ alias: hash })).has(id), `${id} by ${hash}`);
    }
  assert.ok(events.size >= 55, `${events.size} events`);
});

test("every event is found by item, class, business step, time and read point", { skip }, async () => {
  for (const [id, { items, bizStep, readPoint, eventTimeMs, duplicateOf }] of events) {
    if (duplicateOf !== undefined) continue;
    for (const { identity } of items)
      assert.ok((await listIds({ item: identity })).has(id), `${id} by ${identity}`);
    if (bizStep !== undefined) assert.ok((await listIds({ bizStep })).has(id), `${id} by ${bizStep}`);
    if (readPoint !== undefined) assert.ok((await listIds({ readPoint })).has(id), `${id} by ${readPoint}`);
    const range = { fromMs: String(eventTimeMs), untilMs: String(eventTimeMs + 1) };
    assert.ok((await listIds(range)).has(id), `${id} by time`);
  }
});

test("every item traces to all its events, and the trace verifies", { skip }, async () => {
  const identities = new Set(
    [...events.values()].flatMap((event) => event.items.map((item) => item.identity)),
  );
  assert.ok(identities.size >= 40, `${identities.size} items`);
  for (const identity of identities) {
    const result = await runLhg(node, ["trace", identity, "--direction", "both", "--verify", "--json"]);
    assert.equal(result.code, 0, `${identity}: ${result.stdout}${result.stderr}`);
  }
});

test("every event's receipt verifies offline", { skip }, async () => {
  const genesis = join(folder, "data", "dev-keys.json");
  assert.ok(existsSync(genesis));
  const offline = { ...node, url: "http://127.0.0.1:1" };
  for (const id of events.keys()) {
    const file = join(folder, `${id.replace(":", "-")}.cbor`);
    const fetched = await runLhg(node, ["receipt", id, "--out", file]);
    assert.equal(fetched.code, 0, fetched.stderr);
    const verified = await runLhg(offline, ["verify", file, "--json"]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    assert.equal((JSON.parse(verified.stdout) as { ok: boolean }).ok, true);
  }
});

test("the chain that the node kept is the one its blocks make", { skip }, async () => {
  assert.equal(await node.stop(), 0);
  const result = await runLhg(node, ["audit", "--json"]);
  assert.equal(result.code, 0, result.stdout + result.stderr);
  assert.equal((JSON.parse(result.stdout) as { ok: boolean }).ok, true);
});
