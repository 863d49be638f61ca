import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fromHex } from "@lhg/protocol/core/bytes";
import { prepareStatement } from "@lhg/protocol/statements";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { formatExample, makeExample } from "./bytes.ts";

test("the worked example of the README is what the device kit signs, and a statement that a node reads", async () => {
  const readme = await readFile(new URL("./README.md", import.meta.url), "utf8");
  const [, printed] = /^```text\n([\s\S]*?)\n```$/m.exec(readme) ?? [];
  assert.equal(printed, formatExample());
  const bytes = new Map(makeExample());
  const prepared = prepareStatement(nodeCrypto, { statement: fromHex(bytes.get("statement")!), body: null });
  assert.deepEqual(prepared.id, fromHex(bytes.get("statement id")!));
});
