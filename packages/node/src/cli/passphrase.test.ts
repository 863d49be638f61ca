import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { type PassphraseSource, readPassphrase, type Terminal } from "./passphrase.ts";

/** A person who types these lines, one at each prompt. */
function typing(...lines: readonly string[]) {
  const shown: string[] = [];
  const rawModes: boolean[] = [];
  const left = [...lines];
  let isClosed = false;
  const input = Object.assign(new PassThrough(), {
    setRawMode: (isRaw: boolean) => {
      rawModes.push(isRaw);
      return input;
    },
  }) as unknown as Terminal["input"] & PassThrough;
  const terminal: Terminal = {
    input,
    write: (text) => {
      shown.push(text);
      if (text.endsWith(": ")) setImmediate(() => input.write(`${left.shift() ?? ""}\r`));
    },
    close: () => {
      isClosed = true;
    },
  };
  const source: PassphraseSource = { fd: undefined, environment: undefined, openTerminal: () => terminal };
  return { source, shown, rawModes, isClosed: () => isClosed };
}

test("a person is asked without echo, and the terminal is given back", async () => {
  const { source, shown, rawModes, isClosed } = typing("correct horse");
  assert.equal(await readPassphrase(source, "passphrase of alice"), "correct horse");
  assert.deepEqual(shown, ["passphrase of alice: ", "\n"]);
  assert.deepEqual(rawModes, [true, false]);
  assert.ok(isClosed());
});

test("the environment comes before the terminal, and none of both is said so", async () => {
  const openTerminal = (): never => assert.fail("asked the person");
  assert.equal(await readPassphrase({ fd: undefined, environment: "given", openTerminal }, "p"), "given");
  const source = { fd: undefined, environment: undefined, openTerminal: () => undefined };
  await assert.rejects(readPassphrase(source, "p"), { code: "passphrase.missing" });
});

test("a new passphrase has eight characters and is typed twice; an old one may be short", async () => {
  assert.equal(await readPassphrase(typing("eight888", "eight888").source, "p", true), "eight888");
  await assert.rejects(readPassphrase(typing("eight888", "eight889").source, "p", true), {
    code: "passphrase.mismatch",
  });
  await assert.rejects(readPassphrase(typing("seven77").source, "p", true), { code: "passphrase.short" });
  const given = { fd: undefined, environment: "🐎🐎🐎🐎", openTerminal: () => undefined };
  await assert.rejects(readPassphrase(given, "p", true), { code: "passphrase.short" });
  assert.equal(await readPassphrase(given, "p"), "🐎🐎🐎🐎");
});
