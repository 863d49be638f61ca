/**
 * Starts chain and sample world once, in a folder that is thrown away, until the story is told: every file they load then stands
 * in the compile cache without its types, and the first real start is as fast and as small as every later one. A thread that meets one
 * file without it loads the compiler that strips types, 25 MB and more (measured).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ROOT } from "./run-test-files.ts";

const WAIT_MS_MAX = 30_000;
const LOOK_EVERY_MS = 200;
const END_MS_MAX = 5_000;
const ERROR_TAIL = 400;

const folder = await mkdtemp(join(tmpdir(), "lhg-warm-"));
try {
  const program = ["packages/node/src/cli/main.ts", "dev", "--no-mqtt", "--data", folder, "--port", "0"];
  const child = spawn(process.execPath, [...program, "--with", "examples/world/main.ts"], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-ERROR_TAIL);
  });
  const ended = once(child, "close");
  const told = join(folder, "world-facts.json");
  for (let waitedMs = 0; waitedMs < WAIT_MS_MAX && child.exitCode === null; waitedMs += LOOK_EVERY_MS) {
    await delay(LOOK_EVERY_MS);
    if (existsSync(told)) break;
  }
  if (!existsSync(told)) {
    console.log("warm cache: the sample world did not come up; the first start will be slower");
    console.log(errors.trim());
  }
  child.kill("SIGTERM");
  const impatience = setTimeout(() => child.kill("SIGKILL"), END_MS_MAX);
  await ended;
  clearTimeout(impatience);
} finally {
  await rm(folder, { recursive: true, force: true });
}
