import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "./run-test-files.ts";

const COMMITTED = join(ROOT, "packages/node/src/consensus/comet/abci/generated");
const WITHOUT_PROTOC =
  spawnSync("protoc", ["--version"]).status === 0
    ? false
    : "protoc is not installed (Debian: protobuf-compiler)";

const readFolder = (folder: string): Map<string, string> =>
  new Map(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );

test("the code of the ABCI messages is what their .proto files give", { skip: WITHOUT_PROTOC }, () => {
  const folder = mkdtempSync(join(tmpdir(), "lhg-abci-generated-"));
  try {
    const script = join(ROOT, "scripts/generate-abci.ts");
    const { status, stderr } = spawnSync(process.execPath, [script, "--to", join(folder, "generated")], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    assert.deepEqual(readFolder(join(folder, "generated")), readFolder(COMMITTED), "npm run generate:abci");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
