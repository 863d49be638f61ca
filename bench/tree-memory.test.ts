import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { readTreeMemory } from "./tree-memory.ts";

const options = existsSync("/proc/self/smaps") ? {} : { skip: "the system has no /proc/PID/smaps" };
const HOLD = "process.stdin.resume(); console.log('up');";
const PARENT = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(HOLD)}], { stdio: "inherit" });`;

test("a process and what it started count together, what they share once", options, async () => {
  const child = spawn(process.execPath, ["-e", PARENT], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const memory = readTreeMemory(child.pid);
  child.stdin.end();
  await once(child, "exit");
  assert.ok(memory !== undefined);
  assert.equal(memory.processes, 2);
  assert.ok(memory.onceBytes < memory.residentBytes, "both map the code of Node");
  assert.ok(memory.proportionalBytes < memory.residentBytes);
});

test("a process that is gone has none", options, async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  assert.equal(readTreeMemory(child.pid), undefined);
});
