import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { brotliCompressSync } from "node:zlib";
import { type Api, createApi } from "./server.ts";
import { startTestApi } from "./testing.ts";

let folder: string;
let api: Api;
let url: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-pages-"));
  const assets = join(folder, "console", "assets");
  await mkdir(assets, { recursive: true });
  await mkdir(join(folder, "docs"));
  await writeFile(join(folder, "console", "index.html"), "<!doctype html><title>console</title>");
  await writeFile(join(assets, "main-abc.js"), "export {};");
  await writeFile(join(assets, "main-abc.js.br"), brotliCompressSync("export {};"));
  await writeFile(join(folder, "docs", "index.html"), "<!doctype html><title>docs</title>");
  await writeFile(join(folder, "secret.txt"), "secret");
  const { api: plain, service } = await startTestApi();
  await plain.stop();
  api = createApi({
    service,
    config: { host: "127.0.0.1", port: 0, publicUrl: undefined },
    logger: { error: () => {} },
    pages: {
      consoleDirectory: join(folder, "console"),
      docsDirectory: join(folder, "docs"),
      verifierPage: "<!doctype html><title>verifier</title>",
    },
    developmentKeys: { keys: { chainId: "lhg-test-00", keys: [] }, token: undefined },
  });
  url = await api.start();
});

after(async () => {
  await api.stop();
  await rm(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}${path}`, { headers, redirect: "manual" });

test("the console answers at every address below its own, under a policy that lets no foreign script run", async () => {
  for (const path of ["/console/", "/console/items?id=x", "/console/statements/00"]) {
    const answer = await get(path);
    assert.match(await answer.text(), /<title>console/, path);
    const policy = answer.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'; script-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal(answer.headers.get("cache-control"), "no-cache");
  }
  assert.equal((await get("/")).headers.get("location"), "/console/");
});

test("assets are kept for good and sent compressed; one that is gone is said to be gone", async () => {
  const asset = await get("/console/assets/main-abc.js", { "accept-encoding": "br" });
  assert.equal(await asset.text(), "export {};");
  assert.match(asset.headers.get("cache-control") ?? "", /immutable/);
  const gone = await get("/console/assets/main-old.js");
  assert.deepEqual([gone.status, ((await gone.json()) as { code: string }).code], [404, "route.not-found"]);
});

test("no path leads out of the folders", async () => {
  for (const path of [
    "/console/..%2fsecret.txt",
    "/console/%2e%2e/secret.txt",
    "/docs/..%2f..%2fsecret.txt",
    "/docs/%2e%2e%2fsecret.txt",
    "/console/assets/..%5c..%5csecret.txt",
  ])
    assert.doesNotMatch(await (await get(path)).text(), /^secret$/, path);
});

test("the verifier page comes with the hash that the node tells", async () => {
  const page = await get("/verifier.html");
  const sha256 = page.headers.get("lhg-sha256")!;
  assert.match(await page.text(), /<title>verifier/);
  assert.equal(await (await get("/verifier.html.sha256")).text(), `${sha256}  verifier.html\n`);
});

test("a Digital Link leads to its item, a malformed one is told why, and other paths are nothing", async () => {
  const link = await get("/01/09521234543213/21/1?unknown=1");
  assert.equal(link.status, 302);
  const target = new URL(link.headers.get("location")!, url);
  assert.deepEqual(
    [target.origin, target.pathname, target.searchParams.get("id")],
    [url, "/console/items", "https://id.gs1.org/01/09521234543213/21/1"],
  );
  const bad = await get("/01/09521234543214");
  assert.deepEqual([bad.status, ((await bad.json()) as { code: string }).code], [400, "identity.gs1"]);
  assert.equal((await get("/99/1")).status, 404);
  assert.equal((await get("//evil.example/01/09521234543213")).status, 404);
});

test("development keys are for programs on this machine that come by themselves", async () => {
  assert.equal((await get("/api/v1/development/keys")).status, 200);
  for (const header of ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
    assert.equal((await get("/api/v1/development/keys", { [header]: "203.0.113.9" })).status, 403, header);
});

test("where others can reach the node, development keys need the token that it gave its own programs", async () => {
  const { api: plain, service } = await startTestApi();
  await plain.stop();
  const guarded = createApi({
    service,
    config: { host: "127.0.0.1", port: 0, publicUrl: "https://node.example.com" },
    logger: { error: () => {} },
    developmentKeys: { keys: { chainId: "lhg-test-00", keys: [] }, token: "secret" },
  });
  const at = await guarded.start();
  const ask = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${at}/api/v1/development/keys`, { headers })).status;
  try {
    assert.deepEqual(
      [
        await ask({}),
        await ask({ authorization: "Bearer wrong" }),
        await ask({ authorization: "Bearer secret" }),
      ],
      [403, 403, 200],
    );
  } finally {
    await guarded.stop();
  }
});
