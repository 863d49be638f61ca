import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { LhgError } from "@lhg/protocol/core/errors";
import { startEngine } from "./start-engine.ts";
import { CRASHES_MAX } from "./supervisor.ts";
import { atEnd, makeFolder, until, writeProgram } from "./testing.ts";

const PANIC = "panic: state (8) and store (0) height mismatch, stores were left in an inconsistent state";

/** A program in the place of cometbft that dies with these words as long as its home has a state. */
async function start(t: TestContext, words: string, given: { readonly hasBlocks?: boolean } = {}) {
  const home = await makeFolder(t);
  const data = join(home, "data");
  await mkdir(join(data, "state.db"), { recursive: true });
  await mkdir(join(data, "cs.wal"));
  await writeFile(join(data, "priv_validator_state.json"), "signed");
  const binary = await writeProgram(
    join(home, "cometbft"),
    `const { existsSync } = require("node:fs");
if (existsSync("data/state.db")) { console.error(${JSON.stringify(words)}); process.exit(2); }
setInterval(() => {}, 1000);`,
  );
  const fatal: LhgError[] = [];
  const told: string[] = [];
  const engine = startEngine({
    binary,
    home,
    rpc: "tcp://127.0.0.1:1",
    log: (_, __, message) => told.push(message),
    onState: () => {},
    onFatal: (error) => fatal.push(error),
    isAnswering: async () => false,
    clock: {
      nowMs: () => performance.now(),
      after: (delayMs, task) => {
        const timer = setTimeout(task, delayMs / 50);
        return () => clearTimeout(timer);
      },
    },
    hasBlocks: () => given.hasBlocks === true,
  });
  atEnd(t, engine.stop);
  return { data, fatal, told, engine };
}

test("killed between a snapshot and its first block, CometBFT begins anew with what it signed", async (t) => {
  const { data, fatal, told, engine } = await start(t, PANIC);
  await until(async () => !(await readdir(data)).includes("state.db"));
  assert.deepEqual(await readdir(data), ["priv_validator_state.json"]);
  await until(() => told.filter((line) => /is starting/.test(line)).length > CRASHES_MAX);
  assert.deepEqual(fatal, []);
  await engine.stop();
});

test("of another death, or where the ledger has blocks, nothing is deleted", async (t) => {
  const others = [
    await start(t, PANIC, { hasBlocks: true }),
    await start(
      t,
      "panic: state (8) and store (7) height mismatch, stores were left in an inconsistent state",
    ),
  ];
  for (const { data, fatal } of others) {
    await until(() => fatal.length > 0);
    assert.equal(fatal[0]!.code, "engine.crashed");
    assert.equal((await readdir(data)).length, 3);
  }
});
