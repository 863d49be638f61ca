import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import { encode } from "@lhg/protocol/core/codec/definition";
import { genesis } from "@lhg/protocol/core/genesis";
import { GENESIS_MS } from "../application/testing.ts";
import { openSampleWorld } from "../queries/testing.ts";
import { runCommand } from "./run-command.ts";

const DAY_MS = 24 * 3_600_000;

/** Verifies a receipt of a chain that is so many days old by the clock of this machine. */
async function verifyAfter(t: TestContext, days: number, ...options: readonly string[]): Promise<boolean> {
  const { chain, ask, ids } = await openSampleWorld();
  const folder = await mkdtemp(join(tmpdir(), "lhg-trust-"));
  const [receiptFile, genesisFile] = [join(folder, "a.receipt"), join(folder, "genesis")];
  await writeFile(receiptFile, (await ask("getReceipt", { id: ids.packing })).bytes);
  await writeFile(genesisFile, encode(genesis, chain.dev.genesis));
  t.mock.timers.enable({ apis: ["Date"], now: GENESIS_MS + days * DAY_MS });
  const stdout = new PassThrough();
  const args = ["verify", receiptFile, "--genesis", genesisFile, "--data", folder, "--json", ...options];
  try {
    assert.equal(await runCommand(args, { stdout, stderr: new PassThrough() }), 0);
  } finally {
    t.mock.timers.reset();
    await rm(folder, { recursive: true });
  }
  const verdict = JSON.parse(String(stdout.read())) as {
    isWithinTrust: boolean;
    problems: { what: string }[];
  };
  assert.equal(
    verdict.problems.some(({ what }) => what === "trust.unconfirmed"),
    !verdict.isWithinTrust,
  );
  return verdict.isWithinTrust;
}

test("the validators of a genesis are trusted for 180 days, or for as long as one says", async (t) => {
  assert.equal(await verifyAfter(t, 179), true);
  assert.equal(await verifyAfter(t, 181), false);
  assert.equal(await verifyAfter(t, 181, "--trust-days", "365"), true);
  assert.equal(await verifyAfter(t, 3, "--trust-days", "2"), false);
});
