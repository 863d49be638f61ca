import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { EXIT } from "../src/cli/exit-codes.ts";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const ITEM = "urn:epc:id:sgtin:0012345.011111.2";

interface Started {
  readonly process: ChildProcess;
  readonly url: string;
  readonly chainId: string;
  readonly vendors: readonly { readonly name: string; readonly prefixes: readonly string[] }[];
}

let folder: string;
let dev: Started;

/** The command by its own name, also where npm runs the tests: its hints say how to type it again. */
function environment(): NodeJS.ProcessEnv {
  const { npm_lifecycle_event: _, ...environment } = process.env;
  return { ...environment, LHG_PASSPHRASE: "correct horse", LHG_DATA: folder, LHG_URL: dev?.url };
}

async function startDev(): Promise<Started> {
  const args = [MAIN, "dev", "--port", "0", "--no-mqtt", "--data", folder, "--json"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  for await (const chunk of child.stdout) {
    text += String(chunk);
    try {
      return { process: child, ...(JSON.parse(text) as Omit<Started, "process">) };
    } catch {
      // Half an answer: the rest comes.
    }
  }
  throw new Error(`lhg dev ended: ${text}`);
}

async function stopDev(): Promise<number | null> {
  const exited = once(dev.process, "exit");
  dev.process.kill("SIGTERM");
  // As npm does: the terminal's signal once more.
  dev.process.kill("SIGTERM");
  const [code] = await exited;
  return code;
}

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: readonly string[]): Promise<Ran> {
  return runPiped("", ...args);
}

/** As `echo TEXT | lhg ...`. */
function runPiped(text: string, ...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { env: environment(), cwd: folder, maxBuffer: 16 << 20 };
    const child = execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : Number(error.code);
      resolve({ exitCode, stdout, stderr });
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(text);
  });
}

async function runJson(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await run(...args, "--json");
  assert.equal(exitCode, EXIT.ok, stderr);
  return JSON.parse(stdout);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-dev-"));
  dev = await startDev();
});

after(async () => {
  dev.process.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

test("the keys of the development chain are for their owner alone", async () => {
  assert.equal((await stat(join(folder, "dev-keys.json"))).mode & 0o777, 0o600);
  const { keys } = await runJson("keys", "list");
  assert.equal(keys.filter(({ name }: { name: string }) => name.startsWith("operator-")).length, 7);
});

test("it names its vendors with their prefixes, what credit is, and says when it has stopped", async () => {
  const own = await mkdtemp(join(tmpdir(), "lhg-dev-words-"));
  try {
    const child = spawn(process.execPath, [MAIN, "dev", "--port", "0", "--no-mqtt", "--data", own], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += String(chunk);
    });
    const exited = once(child, "exit");
    let text = "";
    for await (const chunk of child.stdout) {
      text += String(chunk);
      if (text.includes("Ctrl-C ends it")) child.kill("SIGINT");
    }
    assert.equal((await exited)[0], 0);
    for (const { name, prefixes } of dev.vendors)
      assert.match(text, new RegExp(`${name} .*${prefixes.join(", ")}`));
    assert.match(text, /Credit pays for captures and readings/);
    assert.match(said, /stopped\n$/);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
});

test("the three commands that it prints work, and their proofs hold offline", async () => {
  assert.equal((await runJson("status")).chainId, dev.chainId);
  const { captures, failed } = await runJson("capture", "example.jsonld");
  assert.equal(failed, 0);
  const trace = await runJson("trace", ITEM, "--verify", "--out", "journey.trace");
  assert.equal(trace.isComplete, true);
  assert.deepEqual(
    trace.events.map(({ event }: { event: { bizStep: string } }) => event.bizStep.split("-").at(-1)),
    ["commissioning", "packing", "shipping"],
  );
  assert.deepEqual([trace.isCut, trace.question.item, trace.question.depth], [false, trace.identity, null]);
  await runJson("receipt", captures[0].events[1].id, "--out", "event.receipt");
  for (const file of ["journey.trace", "event.receipt"]) {
    const { exitCode, stdout } = await run("verify", file, "--url", "http://127.0.0.1:1");
    assert.equal(exitCode, EXIT.ok);
    assert.match(stdout, /^VALID/);
  }
  const receipt = await readFile(join(folder, "event.receipt"));
  receipt[200]! ^= 1;
  await writeFile(join(folder, "forged.receipt"), receipt);
  assert.equal((await run("verify", "forged.receipt")).exitCode, EXIT.refused);
});

test("a trace of a part of the journey claims no more than that part", async () => {
  const asked = ["--depth", "0", "--from", "2026-01-05T09:30:00Z", "--direction", "back"];
  const whole = await run("trace", ITEM, "--verify");
  assert.match(whole.stdout, /No event that the chain had recorded of these items by then was left out/);
  assert.doesNotMatch(whole.stdout, /is cut/);
  const part = await run("trace", ITEM, ...asked, "--verify", "--out", "part.trace");
  const verified = await run("verify", "part.trace");
  for (const { stdout } of [part, verified]) {
    assert.doesNotMatch(stdout, /of these items by then/);
    assert.match(
      stdout,
      /origins only, depth 0, from 2026-01-05T09:30:00.000Z until the end, observations shown/,
    );
    assert.match(
      stdout,
      /This answer is cut: .*depth 0.*, events before 2026-01-05T09:30:00.000Z .*are not part/,
    );
  }
  const verdict = await runJson("verify", "part.trace");
  assert.deepEqual([verdict.isComplete, verdict.isCut, verdict.cuts.length], [true, true, 3]);
  assert.equal(verdict.question.direction, "back");
});

test("a bad document among good ones fails alone, with its JSON path", async () => {
  await writeFile(join(folder, "bad.jsonld"), '{"type":"EPCISDocument"}');
  const { exitCode, stdout } = await run("capture", "bad.jsonld", "example.jsonld", "--json");
  assert.equal(exitCode, EXIT.refused);
  const { captures, failed } = JSON.parse(stdout);
  assert.equal(failed, 1);
  assert.match(captures[0].error.field, /^\$/);
  assert.match(captures[1].events[0].duplicateOf, /^[0-9a-f]{64}:0$/);
});

test("a device is registered and its readings are recorded once", async () => {
  await runJson("keys", "new", "sensor");
  const { device } = await runJson("device", "register", "sensor", "--model", "T-1");
  await writeFile(join(folder, "readings.json"), '[{"n":"urn:dev:mac:1","u":"Cel","v":21.5}]');
  assert.equal((await runJson("device", "record", "sensor", "readings.json", "readings.json")).recorded, 2);
  assert.equal((await runJson("device", "record", "sensor", "readings.json")).seq, 3);
  const shown = await runJson("device", "show", device);
  assert.deepEqual([shown.stream.headSeq, shown.stream.gaps], [3, []]);
});

test("readings recorded while the node is down are kept, and sent once it is back", async () => {
  const readings = '[{"n":"urn:dev:mac:2","u":"Cel","v":3.5}]';
  await runJson("keys", "new", "outpost");
  const { device } = await runJson("device", "register", "outpost", "--model", "T-2");
  assert.equal(await stopDev(), 0);
  const bad = await runPiped('[{"n":"urn:dev:mac:2","v":"warm"}]', "device", "record", "outpost", "-");
  assert.equal(bad.exitCode, EXIT.refused);
  assert.match(bad.stderr, /senml|json|decimal/);
  const first = await runPiped(readings, "device", "record", "outpost", "-");
  assert.deepEqual([first.exitCode, first.stdout], [EXIT.unreachable, ""]);
  assert.match(first.stderr, /Kept: 1 collection waits; .*: lhg device flush outpost \(device\.kept\)\n$/);
  const second = await runPiped(readings, "device", "record", "outpost", "-", "--json");
  assert.match(JSON.parse(second.stderr).error.message, /^Kept: 2 collections wait; they are sent/);
  const early = await run("device", "flush", "outpost");
  assert.deepEqual([early.exitCode, /Kept: 2 collections/.test(early.stderr)], [EXIT.unreachable, true]);
  const stranger = await runPiped(readings, "device", "record", "acme-manufacturing", "-");
  assert.deepEqual(
    [stranger.exitCode, /client\.unreachable/.test(stranger.stderr)],
    [EXIT.unreachable, true],
  );
  dev = await startDev();
  const flushed = await run("device", "flush", "outpost");
  assert.match(flushed.stdout, /^Sent 2 collections up to number 2/, flushed.stderr);
  assert.equal((await run("device", "flush", "outpost")).stdout, "Nothing waits.\n");
  assert.equal((await runJson("device", "record", "outpost", "readings.json")).seq, 3);
  const { stream } = await runJson("device", "show", device);
  assert.deepEqual([stream.headSeq, stream.readings, stream.gaps], [3, 3, []]);
});

test("a revoked device records no more from the next block on", async () => {
  const { fromHeight, height } = await runJson("device", "revoke", "outpost");
  assert.equal(fromHeight, height + 1);
  const late = await run("device", "record", "outpost", "readings.json");
  assert.equal(late.exitCode, EXIT.refused);
  assert.match(
    late.stderr,
    /Kept: 1 collection, of which the chain takes none in this stream \(device\.revoked\)/,
  );
});

test("a vendor is admitted by the validators, and what is not covered is refused", async () => {
  await runJson("keys", "new", "alice");
  await runJson("vendor", "admit", "alice", "--name", "Alice Foods", "--prefix", "4099999");
  assert.deepEqual((await runJson("vendor", "show", "alice")).prefixes, ["4099999"]);
  const poor = await run("capture", "example.jsonld", "--vendor", "alice", "--json");
  assert.equal(poor.exitCode, EXIT.refused);
  assert.equal(JSON.parse(poor.stdout).captures[0].error.code, "credit.insufficient");
  const broke = await run("send", "transfer", "sensor", "1", "--as", "alice", "--json");
  assert.equal(JSON.parse(broke.stderr).error.code, "transaction.fee-uncovered");
  await runJson("send", "transfer", "alice", "10.5");
  const taken = await run("vendor", "admit", "alice", "--name", "Alice", "--prefix", "0012345", "--json");
  assert.equal(taken.exitCode, EXIT.refused);
  assert.equal(JSON.parse(taken.stderr).error.code, "identity.prefix-taken");
  const example = await readFile(join(folder, "example.jsonld"), "utf8");
  await writeFile(join(folder, "alices.jsonld"), example.replaceAll("0012345", "4099999"));
  const others = await run("capture", "alices.jsonld");
  assert.equal(others.exitCode, EXIT.refused);
  assert.match(others.stdout, /belongs to Alice Foods .*--vendor \(capture\.other-holder\)/);
  const faucet = await run("capture", "alices.jsonld", "--vendor", "faucet");
  assert.match(faucet.stderr, /Signing as faucet, a development key/);
  await runJson("vendor", "expel", "alice");
  assert.equal((await run("vendor", "show", "ff".repeat(20))).exitCode, EXIT.notFound);
});

test("the example of the sdk's README sends", async () => {
  const readme = await readFile(join(ROOT, "packages/sdk/README.md"), "utf8");
  const [, code] = /^## Send$[\s\S]*?^```ts\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  const args = ["--input-type=module-typescript", "--eval", code!];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: environment(), cwd: ROOT });
  assert.match(stdout, /state: 'provable'[\s\S]*status: 'ok'/);
  assert.equal((await runJson("account", "07".repeat(20))).balance, "150000000");
});

test("accounts and items are shown, and an event's receipt is found by its hash", async () => {
  const { accounts } = await runJson("account");
  const named = (name: string) => accounts.find((account: { name: string }) => account.name === name);
  assert.ok(BigInt(named("faucet").balance) > 0n);
  assert.ok((await runJson("account", "faucet")).nonce > 0);
  assert.match((await run("account", named("alice").address)).stdout, /balance +\d+(?:\.\d+)? LHG/);
  const { stdout } = await run("item", ITEM);
  assert.match(stdout, /custodian +Acme Manufacturing \([0-9a-f]{40}\)/);
  assert.match(stdout, /is in +https:\/\/id\.gs1\.org\/00\//);
  const item = await runJson("item", ITEM);
  assert.equal((await runJson("item", item.containers[0].identity)).contains.length, 3);
  assert.equal((await run("item", "urn:example:nothing:1")).exitCode, EXIT.notFound);
  const { events } = await runJson("trace", ITEM, "--verify");
  const receipt = await runJson("receipt", events[0].event.hash);
  assert.deepEqual([receipt.id, receipt.event], [events[0].capture, events[0].event.index]);
  assert.equal(receipt.file, `${receipt.id.slice(0, 16)}-${receipt.event}.receipt`);
  assert.equal((await run("receipt", "urn:uuid:none")).exitCode, EXIT.notFound);
});

test("exports are lines of JSON, all pages of them", async () => {
  const { stdout } = await run("export", "blocks");
  const heights = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).height);
  assert.deepEqual(
    heights,
    heights.map((_, i) => heights[0] - i),
  );
  const { count } = await runJson("export", "events", "--out", "events.jsonl");
  assert.equal((await readFile(join(folder, "events.jsonl"), "utf8")).trimEnd().split("\n").length, count);
});

test("a signal ends it cleanly, and the next start continues the chain", async () => {
  const { height } = await runJson("status");
  assert.equal(await stopDev(), 0);
  const { chainId } = dev;
  dev = await startDev();
  assert.equal(dev.chainId, chainId);
  assert.ok((await runJson("status")).height >= height);
  assert.equal((await runJson("trace", ITEM, "--verify")).isComplete, true);
});
