import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import { formatAbciAddress, parseAbciAddress } from "./address.ts";
import { connectRawEngine, startTestServer } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "lhg-abci-"));
after(() => rmSync(folder, { recursive: true }));

const failsWith =
  (code: string, text = "") =>
  (error: unknown) =>
    error instanceof LhgError && error.code === code && error.message.includes(text);

const READ = [
  ["unix:///run/lhg/abci.sock", { path: "/run/lhg/abci.sock" }],
  ["tcp://127.0.0.1:26658", { host: "127.0.0.1", port: 26_658 }],
  ["tcp://[::1]:1", { host: "::1", port: 1 }],
  ["tcp://abci.example:0", { host: "abci.example", port: 0 }],
] as const;

for (const [text, address] of READ)
  test(`${text} is read and written`, () => {
    assert.deepEqual(parseAbciAddress(text), address);
    assert.equal(formatAbciAddress(address), text);
  });

test("TCP without a host is the loopback", () => {
  assert.deepEqual(parseAbciAddress("tcp://:26658"), { host: "127.0.0.1", port: 26_658 });
});

for (const text of [
  "",
  "/run/abci.sock",
  "unix://",
  "unix://abci.sock",
  "unix:/run/abci.sock",
  `unix:///${"x".repeat(107)}`,
  "unix:///a\0b",
  "tcp://127.0.0.1",
  "tcp://127.0.0.1:65536",
  "tcp://127.0.0.1:-1",
  "tcp://::1:26658",
  "tcp://a b:1",
  "grpc://127.0.0.1:26658",
  " tcp://127.0.0.1:26658",
])
  test(`${JSON.stringify(text.slice(0, 40))} is no address, and the error names the setting`, () => {
    assert.throws(() => parseAbciAddress(text, "comet.abci"), failsWith("abci.address", "comet.abci: "));
  });

test("a Unix socket is its owner's alone, and gone after stop", async () => {
  const path = join(folder, "mode.sock");
  const server = await startTestServer({}, { address: { path } });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const engine = await connectRawEngine(server.address);
  engine.send({ case: "flush", value: {} });
  assert.equal((await engine.next()).case, "flush");
  await server.stop();
  assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
});

test("a socket that answers is refused, one of a dead process replaced", async (t) => {
  const path = join(folder, "taken.sock");
  const program = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", program]);
  assert.ok(statSync(path).isSocket());
  const server = await startTestServer({}, { address: { path } });
  t.after(server.stop);
  await assert.rejects(
    startTestServer({}, { address: { path } }),
    failsWith("abci.address-in-use", formatAbciAddress({ path })),
  );
  const engine = await connectRawEngine(server.address);
  engine.send({ case: "flush", value: {} });
  assert.equal((await engine.next()).case, "flush");
});

test("a file in the socket's place is left alone", async () => {
  const path = join(folder, "file");
  writeFileSync(path, "precious");
  await assert.rejects(startTestServer({}, { address: { path } }), failsWith("abci.address", path));
  assert.equal(readFileSync(path, "utf8"), "precious");
});

test("a port that is taken is refused", async (t) => {
  const server = await startTestServer();
  t.after(server.stop);
  await assert.rejects(
    startTestServer({}, { address: server.address }),
    failsWith("abci.address-in-use", formatAbciAddress(server.address)),
  );
});
