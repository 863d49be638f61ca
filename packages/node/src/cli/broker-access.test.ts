import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findUrlProblem, readBrokerAccess } from "./broker-access.ts";

test("a password in the URL is refused, and the option for it named but not the password", () => {
  for (const url of ["mqtts://cold:s3cret@broker.example", "mqtts://:s3cret@broker.example"]) {
    const problem = findUrlProblem(url, ["mqtt", "mqtts"]) ?? "";
    assert.match(problem, /--password-file/);
    assert.doesNotMatch(problem, /s3cret/);
  }
  assert.match(findUrlProblem("http://broker.example", ["mqtt", "mqtts"])!, /mqtt:\/\/ or mqtts:\/\//);
  assert.match(findUrlProblem("broker", ["mqtt"])!, /must be a URL/);
  assert.equal(findUrlProblem("mqtts://broker.example:8883", ["mqtt", "mqtts"]), undefined);
});

test("the password is the first line of its file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lhg-broker-"));
  try {
    const path = join(folder, "secret");
    await writeFile(path, "pass word\r\nsomething else\n");
    const access = await readBrokerAccess({ username: "cold", passwordFile: path });
    assert.deepEqual(access, { userName: "cold", password: "pass word", ca: undefined });
    await assert.rejects(readBrokerAccess({ passwordFile: join(folder, "none") }), { code: "ENOENT" });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
