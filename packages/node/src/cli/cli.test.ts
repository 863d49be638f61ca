import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { formatAmount, parseAmount } from "./amounts.ts";
import { EXIT } from "./exit-codes.ts";
import { sanitize } from "./output.ts";
import { runCommand } from "./run-command.ts";

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-cli-"));
  process.env.LHG_PASSPHRASE = "correct horse";
});

after(async () => {
  delete process.env.LHG_PASSPHRASE;
  await rm(folder, { recursive: true });
});

/** Runs the command as a program would, and gives what it wrote. */
async function run(...args: readonly string[]) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const exitCode = await runCommand([...args, "--data", folder], { stdout, stderr });
  const read = (stream: PassThrough): string => String(stream.read() ?? "");
  return { exitCode, stdout: read(stdout), stderr: read(stderr) };
}

/** A port where nobody listens. */
async function closedUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

const COMMANDS = [
  "dev",
  "init",
  "node",
  "status",
  "keys",
  "keys new",
  "keys list",
  "keys show",
  "keys import",
  "vendor",
  "vendor admit",
  "vendor expel",
  "vendor list",
  "vendor show",
  "device",
  "device register",
  "device list",
  "device show",
  "device revoke",
  "device record",
  "device flush",
  "device fill",
  "send",
  "send transfer",
  "send credit",
  "capture",
  "trace",
  "item",
  "account",
  "receipt",
  "verify",
  "export",
  "backup",
  "restore",
  "signer",
];

test("every command explains itself and ends its help with examples", async () => {
  for (const command of COMMANDS) {
    const { exitCode, stdout } = await run(...command.split(" "), "--help");
    assert.equal(exitCode, EXIT.ok, command);
    assert.match(stdout, new RegExp(`^Usage: lhg ${command}`), command);
    assert.match(stdout, /\n\nExamples:\n(?: {2}.+\n)+$/, command);
  }
});

test("the help of the program names its exit codes", async () => {
  const { exitCode, stdout } = await run("--help");
  assert.equal(exitCode, EXIT.ok);
  for (const code of Object.values(EXIT)) assert.match(stdout, new RegExp(`^ {2}${code}\\s`, "m"));
});

test("wrong use is exit code 2 and one line", async () => {
  const uses = [
    ["nonsense"],
    ["keys"],
    ["keys", "new"],
    ["trace"],
    ["trace", "urn:x:y", "--direction", "sideways"],
    ["status", "--nonsense"],
    ["dev", "--port", "70000"],
    ["export", "everything"],
    ["send", "transfer", "alice", "1,5"],
  ];
  for (const args of uses) {
    const { exitCode, stderr, stdout } = await run(...args);
    assert.equal(exitCode, EXIT.usage, args.join(" "));
    assert.equal(stdout, "", args.join(" "));
    assert.match(stderr, /(?:^|\n)lhg: .+ \(usage\.[a-z-]+\)\n$/, args.join(" "));
  }
});

test("what names no item is said with an example, before any node is asked", async () => {
  for (const command of ["trace", "item"]) {
    assert.match((await run(command, "A00000120")).stderr, /^lhg: item: names no item: .*\(item\.text\)\n$/);
    const { stderr } = await run(command, "(01)09521234543214(21)1");
    assert.match(stderr, /wrong check digit in \(01\).*\(item\.check-digit\)\n$/);
  }
});

test("alone it shows its help, and --version its version", async () => {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  assert.equal(await runCommand([], { stdout, stderr }), EXIT.ok);
  assert.match(String(stdout.read()), /^Usage: lhg/);
  assert.equal(stderr.read(), null);
  const { exitCode, stdout: version } = await run("--version");
  assert.deepEqual([exitCode, /^\d+\.\d+\.\d+\n$/.test(version)], [EXIT.ok, true]);
});

test("a mistyped command is told what it may have meant", async () => {
  assert.match((await run("statuss")).stderr, /status/);
});

test("a node that is not there is exit code 3, in words and in JSON", async () => {
  const url = await closedUrl();
  const asked = await run("export", "blocks", "--url", url);
  assert.deepEqual([asked.exitCode, asked.stdout], [EXIT.unreachable, ""]);
  assert.match(asked.stderr, /^lhg: .+ \(client\.unreachable\)\n$/);
  const { exitCode, stderr } = await run("status", "--url", url, "--json");
  assert.equal(exitCode, EXIT.unreachable);
  assert.equal(JSON.parse(stderr).error.code, "client.unreachable");
});

test("something else that answers is no node", async () => {
  const server = createServer((_, response) => response.end("<html>"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const { exitCode, stderr } = await run("status", "--url", `http://127.0.0.1:${port}`);
    assert.equal(exitCode, EXIT.refused);
    assert.match(stderr, /client\.answer/);
  } finally {
    server.close();
  }
});

test("keys are made, listed and shown, encrypted and for their owner alone", async () => {
  const made = await run("keys", "new", "alice", "--alg", "ES256", "--json");
  assert.equal(made.exitCode, EXIT.ok, made.stderr);
  const { address, alg } = JSON.parse(made.stdout);
  assert.match(address, /^[0-9a-f]{40}$/);
  assert.equal(alg, "ES256");
  const listed = await run("keys", "list", "--json");
  assert.deepEqual(
    JSON.parse(listed.stdout).keys.map((key: { name: string; address: string }) => [key.name, key.address]),
    [["alice", address]],
  );
  assert.match((await run("keys", "show", "alice")).stdout, new RegExp(address));
  const again = await run("keys", "new", "alice");
  assert.deepEqual([again.exitCode, /key\.exists/.test(again.stderr)], [EXIT.refused, true]);
  assert.equal((await stat(join(folder, "keys", "alice.json"))).mode & 0o777, 0o600);
  assert.equal((await stat(join(folder, "keys"))).mode & 0o777, 0o700);
  assert.deepEqual(await readdir(join(folder, "keys")), ["alice.json"]);
});

test("a short passphrase makes no key", async () => {
  process.env.LHG_PASSPHRASE = "short";
  try {
    const { exitCode, stderr } = await run("keys", "new", "weak");
    assert.deepEqual([exitCode, /passphrase\.short/.test(stderr)], [EXIT.refused, true]);
    assert.equal((await run("keys", "show", "weak")).exitCode, EXIT.notFound);
  } finally {
    process.env.LHG_PASSPHRASE = "correct horse";
  }
});

test("a key that is not there is exit code 4", async () => {
  const { exitCode, stderr } = await run("keys", "show", "nobody");
  assert.equal(exitCode, EXIT.notFound);
  assert.match(stderr, /key\.not-found/);
  for (const name of ["../alice", "A", ""]) {
    const refused = await run("keys", "show", name);
    assert.deepEqual([refused.exitCode, /key\.name/.test(refused.stderr)], [EXIT.refused, true], name);
  }
});

test("a file that proves nothing is exit code 1, with a verdict in JSON", async () => {
  const file = join(folder, "nonsense.receipt");
  await writeFile(file, "nonsense");
  const trust = ["--chain-id", "test-1", "--validators-hash", "00".repeat(32)];
  const { exitCode, stdout, stderr } = await run("verify", file, ...trust, "--json");
  assert.equal(exitCode, EXIT.refused);
  assert.equal(stderr, "");
  const verdict = JSON.parse(stdout);
  assert.deepEqual([verdict.ok, verdict.code], [false, "proof.kind"]);
  assert.match((await run("verify", file, ...trust)).stdout, /^NOT VALID/);
});

test("verifying without anything to trust, or a missing file, is said so", async () => {
  const file = join(folder, "nonsense.receipt");
  await writeFile(file, "nonsense");
  assert.equal((await run("verify", file)).exitCode, EXIT.usage);
  assert.equal((await run("verify", file, "--chain-id", "test-1")).exitCode, EXIT.usage);
  const missing = await run("verify", join(folder, "none"), "--genesis", join(folder, "none"));
  assert.equal(missing.exitCode, EXIT.notFound);
  assert.match(missing.stderr, /file\.not-found/);
});

test("amounts are exact", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 160_000_000n * 100_000_000n }), (units) => {
      assert.equal(parseAmount(formatAmount(units).replace(" LHG", "")), units);
    }),
  );
  for (const text of ["", "-1", "1e3", "1.123456789", ".5", "01", "1,5", "0x1"])
    assert.throws(() => parseAmount(text), { code: "usage.amount" });
  for (const text of ["160000000.00000001", "9999999999999"])
    assert.throws(() => parseAmount(text), { code: "usage.amount", message: /more than there will ever be/ });
});

test("no text of strangers steers the terminal", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
      assert.doesNotMatch(sanitize(text), /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }),
  );
});
