/** Gaps of a device's stream: seen on the chain, and filled from what the device keeps by `lhg device fill`. */
import assert from "node:assert/strict";
import { copyFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { createClient } from "@lhg/sdk/client/client";
import { createDevice } from "@lhg/sdk/device/device";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { type DevNode, runLhg, startDevNode } from "./dev-node.ts";

process.env.LHG_PASSPHRASE = "correct horse battery";
let folder: string;
let node: DevNode;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-fill-"));
  node = await startDevNode(folder);
});

after(async () => {
  await node.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Said {
  readonly error: { readonly code: string; readonly message: string };
  readonly address: string;
  readonly filled: number;
  readonly gaps: number;
  readonly left: number;
}

async function run(at: DevNode, ...args: readonly string[]): Promise<{ code: number | null; said: Said }> {
  const { code, stdout, stderr } = await runLhg(at, [...args, "--json"]);
  return { code, said: JSON.parse(stdout === "" ? (stderr.trim().split("\n").at(-1) ?? "") : stdout) };
}

test("a gap is filled from what is kept; what is not kept is said, and the gap remains", async () => {
  const pack = join(folder, "pack.json");
  await writeFile(pack, '[{"n":"urn:dev:mac:1:t","u":"Cel","v":21.5}]');
  const { said: key } = await run(node, "keys", "new", "sensor");
  assert.equal((await run(node, "device", "register", "sensor", "--model", "T")).code, 0);
  assert.equal((await run(node, "device", "record", "sensor", pack)).code, 0);
  assert.equal((await run(node, "device", "fill", "sensor")).said.gaps, 0);
  // Signed while the node is away.
  const away = { ...node, url: "http://127.0.0.1:1" };
  assert.equal((await run(away, "device", "record", "sensor", pack, pack, pack)).code, 3);

  const client = createClient({ url: node.url });
  const statePath = join(folder, "devices", `${key.address}-0.state`);
  const copyPath = join(folder, "copy.state");
  await copyFile(statePath, copyPath);
  const device = await createDevice({
    signer: {
      publicKey: { alg: ALG_EDDSA, bytes: new Uint8Array(32) },
      sign: () => assert.fail("signs nothing"),
    },
    chainId: (await client.getStatus()).chainId,
    address: fromHex(key.address, "address"),
    // A copy, since a process holds the memory that it opens until it ends.
    store: createFileStore(copyPath),
  });
  const newest = device.state.kept.at(-1)!;
  assert.equal(newest.seq, 4);
  await client.submit(newest.bytes);
  await client.waitFor(toHex(newest.id));
  const gapsOf = async () =>
    (await client.getStream(key.address, 0)).gaps.map(({ from, to }) => [from, to] as const);
  assert.deepEqual(await gapsOf(), [[2, 3]]);

  await rename(statePath, `${statePath}.aside`);
  const forgotten = await run(node, "device", "fill", "sensor");
  assert.deepEqual([forgotten.code, forgotten.said.error.code], [1, "device.forgotten"]);
  assert.match(forgotten.said.error.message, /collections 2 to 3/);
  assert.deepEqual(await gapsOf(), [[2, 3]]);
  await rename(`${statePath}.aside`, statePath);

  const { code, said } = await run(node, "device", "fill", "sensor");
  assert.deepEqual([code, said.gaps, said.filled, said.left], [0, 1, 2, 0], JSON.stringify(said));
  assert.deepEqual(await gapsOf(), []);
  const stream = await client.getStream(key.address, 0);
  assert.deepEqual([stream.headSeq, stream.collections], [4, 4]);
  // What waits is the same and already there.
  assert.equal((await run(node, "device", "flush", "sensor")).code, 0);
  assert.equal((await client.getStream(key.address, 0)).collections, 4);
});
