import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type DevNode, runLhg, startDevNode } from "./dev-node.ts";

const OFFLINE = "http://127.0.0.1:9";

let folder: string;
let node: DevNode;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-backup-"));
  node = await startDevNode(join(folder, "first"));
});

after(async () => {
  await node.stop();
  await rm(folder, { recursive: true });
});

interface Status {
  readonly chainId: string;
  readonly height: number;
  readonly appHash: string;
}

async function runJson<T>(
  place: Pick<DevNode, "url" | "dataDirectory">,
  ...args: readonly string[]
): Promise<T> {
  const { code, stdout, stderr } = await runLhg(place, [...args, "--json"]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}

test("a node is backed up, restored elsewhere, sound, and goes on where it ended", async () => {
  const file = join(folder, "chain.lhgbackup");
  const example = join(node.dataDirectory, "example.jsonld");
  await runJson(node, "capture", example, "--wait", "provable");
  const item = "urn:epc:id:sgtin:0012345.011111.1";

  const running = await runLhg(node, ["backup", file]);
  assert.equal(running.code, 1);
  assert.match(running.stderr, /stop the node first.*\(backup\.running\)/);

  assert.equal(await node.stop(), 0);
  const made = await runJson<Status>(node, "backup", file);
  const restored = { url: OFFLINE, dataDirectory: join(folder, "second") };
  const listed = await runJson<{ files: { path: string }[] }>(restored, "restore", file, "--list");
  assert.ok(listed.files.some(({ path }) => path === "ledger/CURRENT"));
  const answer = await runJson<Status>(restored, "restore", file);
  assert.deepEqual([answer.height, answer.appHash], [made.height, made.appHash]);
  const again = await runLhg(restored, ["restore", file]);
  assert.match(again.stderr, /restore\.not-empty/);

  const audit = await runJson<{ ok: boolean; height: number }>(restored, "audit");
  assert.deepEqual([audit.ok, audit.height], [true, made.height]);

  node = await startDevNode(restored.dataDirectory);
  const status = await runJson<Status>(node, "status");
  assert.equal(status.chainId, made.chainId);
  assert.ok(status.height >= made.height);
  const journey = await runJson<{ events: unknown[] }>(node, "trace", item, "--verify");
  assert.ok(journey.events.length > 0);
  // The restored validators agree on blocks after those they had voted for.
  await runJson(node, "send", "transfer", "acme-manufacturing", "1", "--as", "faucet", "--wait", "provable");
  assert.ok((await runJson<Status>(node, "status")).height > made.height);
});
