import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { findCrashCause } from "./crash-causes.ts";
import { followLines, readEngineLine } from "./engine-log.ts";

test("levels and fields of a line are those of LHG's log; trouble with peers is no error of the node", () => {
  const line = (level: string, module: string): string =>
    JSON.stringify({ _msg: "Said", level, module, ts: "2026-01-01", err: "no", count: 3, deep: { a: [1] } });
  assert.deepEqual(readEngineLine(line("error", "consensus"), false), {
    level: "error",
    message: "Said",
    fields: { module: "consensus", err: "no", count: 3, deep: '{"a":[1]}' },
  });
  assert.equal(readEngineLine(line("error", "p2p"), false).level, "warn");
  assert.equal(readEngineLine(line("debug", "main"), false).level, "debug");
  assert.equal(readEngineLine(line("none", "main"), false).level, "info");
  assert.deepEqual(readEngineLine("panic: oh", true), { level: "error", message: "panic: oh", fields: {} });
});

test("what has the length of a private key does not get into the log, wherever it stands", () => {
  const key = Buffer.alloc(64, 0xa7);
  for (const secret of [key.toString("base64"), key.toString("hex"), key.toString("hex").toUpperCase()])
    for (const text of [
      `panic: ${secret}`,
      JSON.stringify({ _msg: secret }),
      JSON.stringify({ _msg: "a", priv: { k: secret } }),
    ])
      assert.ok(!JSON.stringify(readEngineLine(text, false)).includes(secret.slice(8, 40)), text);
});

test("any line gives a short one", () => {
  const values = fc.oneof(
    fc.string(),
    fc.json().map(String),
    fc.object().map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(values, fc.nat(3), (text, power) => {
      const { message, fields } = readEngineLine(text.repeat(10 ** power).slice(0, 20_000), false);
      assert.ok(message.length <= 2_003);
      assert.ok(Object.keys(fields).length <= 12);
      for (const value of Object.values(fields))
        if (typeof value === "string") assert.ok(value.length <= 2_003);
    }),
  );
});

test("lines are heard whole however they arrive, and one without an end takes no memory", async () => {
  const hearAll = async (chunks: readonly string[]): Promise<string[]> => {
    const stream = new PassThrough();
    const heard: string[] = [];
    followLines(stream, (line) => heard.push(line));
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
    await new Promise((resolve) => stream.once("end", resolve));
    return heard;
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 9 }),
      async (lines, size) => {
        const text = `${lines.join("\n")}\n`;
        const chunks = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
        assert.deepEqual(await hearAll(chunks), lines);
      },
    ),
    { numRuns: 50 },
  );
  const [long, next] = await hearAll([...Array.from({ length: 50 }, () => "x".repeat(1_000)), "\nnext\n"]);
  assert.deepEqual([long!.length, next], [20_000, "next"]);
});

test("why CometBFT ended is said in plain words, by its own words of v0.39.4", () => {
  const said: [line: string, cause: RegExp][] = [
    ["panic: state.AppHash does not match AppHash after replay. Got", /wrong app hash/],
    ["latest CometBFT block (5) LastAppHash (AB) does not match app's AppHash (CD)", /wrong app hash/],
    [
      "ERROR: failed to create node: error during handshake: error on replay: app block height (9) is higher than core (5)",
      /ahead of the engine/,
    ],
    [`\t${"D9".repeat(32)}, expected .`, /ahead of the engine, which has no blocks/],
    [
      "ERROR: error on replay: genesis.mismatch: chain_id: CometBFT's genesis says a",
      /that of another chain/,
    ],
    ["app block height (1) is too far below block store base (50)", /behind the oldest/],
    ["panic: StateBlockHeight (7) > StoreBlockHeight (5)", /heights do not match/],
    ["ERROR: --genesis_hash=AB does not match /x/genesis.json hash: CD", /genesis/],
    ["couldn't read GenesisDoc file: open config/genesis.json: no such file", /genesis/],
    ["listen tcp 127.0.0.1:26657: bind: address already in use", /ports/],
    ["failed to initialize database: resource temporarily unavailable", /same home/],
    ["error signing vote: height regression. Got 5, last height 9", /signed at a later height/],
    ["Error reading PrivValidator state from data/priv_validator_state.json", /memory of what it signed/],
    ["write data/cs.wal/wal: no space left on device", /disk is full/],
    [
      "consensus connection terminated. Did the application crash? Please restart CometBFT",
      /lost the ledger/,
    ],
  ];
  for (const [line, cause] of said)
    assert.match(findCrashCause(["before", line, "after"])?.cause ?? "", cause, line);
  assert.equal(findCrashCause(["panic: something new"]), undefined);
});
