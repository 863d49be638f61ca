import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parse as parseToml } from "smol-toml";
import { type CometStateSync, formatCometConfig, planCometConfig } from "./comet-config.ts";
import { replaceStateSync, writeStateSync } from "./state-sync-config.ts";
import { makeFolder, planHome } from "./testing.ts";

/** Without prototypes that differ. */
const parse = (text: string): Record<string, unknown> => JSON.parse(JSON.stringify(parseToml(text)));

const PLAN: CometStateSync = {
  rpcServers: ["http://127.0.0.1:26657", "http://[::1]:26657"],
  trustHeight: 12n,
  trustHash: new Uint8Array(32).fill(0xab),
  trustPeriodMs: 1_000,
};

test("the table takes the place of the one before, and nothing else changes", async (t) => {
  const text = formatCometConfig(planCometConfig(planHome(await makeFolder(t))));
  const plain = parse(text);
  const once = replaceStateSync(text, PLAN);
  assert.deepEqual(parse(once), {
    ...plain,
    statesync: {
      enable: true,
      rpc_servers: PLAN.rpcServers.join(","),
      trust_height: 12,
      trust_hash: "ab".repeat(32),
      trust_period: "1000ms",
    },
  });
  const twice = replaceStateSync(once, { ...PLAN, trustHeight: 13n });
  assert.deepEqual(parse(twice), {
    ...plain,
    statesync: { ...(parse(once).statesync as object), trust_height: 13 },
  });
  assert.deepEqual(parse(replaceStateSync(twice, undefined)), plain);
  const between = `a = 1\n[statesync]\nenable = false\n# mine\n[consensus]\nb = 2\n`;
  assert.equal(replaceStateSync(between, undefined), "a = 1\n[consensus]\nb = 2\n");
});

test("what CometBFT would not start with is not written", async (t) => {
  const home = await makeFolder(t);
  const path = join(home, "config", "config.toml");
  await assert.rejects(writeStateSync(home, PLAN), { code: "engine.home" });
  await mkdir(join(home, "config"));
  await writeFile(path, "a = 1\n");
  const refused = (over: Partial<CometStateSync>, field: string): Promise<void> =>
    assert.rejects(writeStateSync(home, { ...PLAN, ...over }), { code: "engine.state-sync", field });
  await refused({ rpcServers: [] }, "rpcServers");
  await refused({ rpcServers: ["http://a:1", "http://a:1"] }, "rpcServers");
  for (const server of [
    "127.0.0.1:26657",
    "http://a:1,http://b:1",
    'http://a"b',
    "http://u:p@a:1",
    "http://a b",
  ])
    await refused({ rpcServers: ["http://a:1", server] }, "rpcServers[1]");
  await refused({ trustHeight: 0n }, "trustHeight");
  await refused({ trustHash: new Uint8Array(20) }, "trustHash");
  await refused({ trustPeriodMs: 0 }, "trustPeriodMs");
  assert.equal(await readFile(path, "utf8"), "a = 1\n");
  await writeStateSync(home, PLAN);
  await writeStateSync(home, undefined);
  assert.deepEqual(parse(await readFile(path, "utf8")), { a: 1 });
});
