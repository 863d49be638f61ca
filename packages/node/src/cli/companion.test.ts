import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import { checkCompanion, startCompanion } from "./companion.ts";
import { createOutput } from "./output.ts";

let folder: string;
let programs = 0;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-companion-"));
});
after(() => rm(folder, { recursive: true, force: true }));

/** A program beside a node, and what is said on the terminal until a text has come. */
async function start(source: string) {
  const program = join(folder, `program-${programs++}.mjs`);
  await writeFile(program, source);
  const stderr = new PassThrough({ encoding: "utf8" });
  let said = "";
  stderr.on("data", (text: string) => {
    said += text;
  });
  const output = createOutput({ stdout: new PassThrough(), stderr }, false);
  const companion = startCompanion({ program, url: "http://127.0.0.1:1", data: folder, output });
  const waitFor = async (text: string): Promise<void> => {
    while (!said.includes(text)) await once(stderr, "data");
  };
  return { companion, waitFor, read: () => said };
}

test("a program beside the node is told where it is, and its lines are seen", async () => {
  const { companion, waitFor } = await start(
    "console.log(process.env.LHG_URL, process.env.LHG_DATA); console.error('trouble'); setInterval(() => {}, 1000);",
  );
  await waitFor(`http://127.0.0.1:1 ${folder}`);
  await waitFor("trouble");
  await companion.stop();
});

test("a program that fails is told of, with its code", async () => {
  const { companion, waitFor } = await start("process.exit(3);");
  await waitFor("ended with 3; the node goes on without it");
  await companion.stop();
});

test("a program that is asked to end is not complained about", async () => {
  const { companion, waitFor, read } = await start(
    "process.on('SIGTERM', () => process.exit(0)); console.log('ready'); setInterval(() => {}, 1000);",
  );
  await waitFor("ready");
  await companion.stop();
  assert.doesNotMatch(read(), /warning/);
});

test("what a program says can't steer the terminal", async () => {
  const { companion, waitFor, read } = await start(
    "console.log('\\u001b[2Jcleared'); setInterval(() => {}, 1000);",
  );
  await waitFor("cleared");
  assert.ok(!read().includes("\u001b"));
  await companion.stop();
});

test("a program that is not there is refused before anything starts", async () => {
  await assert.rejects(checkCompanion(join(folder, "nothing.ts")), (error: LhgError) => {
    assert.ok(error instanceof LhgError);
    assert.equal(error.code, "usage.with");
    return true;
  });
});
