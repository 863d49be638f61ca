/** The vectors and the worked examples are what the writer writes: nobody edited them, and no format changed unseen. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("the writer writes these files again", () => {
  const script = fileURLToPath(new URL("../write-vectors.ts", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});
