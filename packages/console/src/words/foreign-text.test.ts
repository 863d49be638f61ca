import assert from "node:assert/strict";
import { test } from "node:test";
import { clampText, revealHidden, toPlainText } from "./foreign-text.ts";

const show = (text: string): string =>
  revealHidden(text)
    .map((piece) => (piece.isHidden ? `[${piece.text}]` : piece.text))
    .join("");

test("what turns, hides or breaks a line is shown by its number", () => {
  assert.equal(show("a\u202egnp.exe"), "a[U+202E]gnp.exe");
  assert.equal(show("\u2066x\u2069\u0007\n"), "[U+2066]x[U+2069][U+0007][U+000A]");
  assert.equal(show("\u{e0041}\ufeff\ud800"), "[U+E0041][U+FEFF][U+D800]");
});

test("letters, joiners and emoji stay as they are", () => {
  for (const text of ["Ünïcode 日本語 עברית", "👩‍👩‍👧", "می‌خواهم", "<img src=x onerror=alert(1)>"])
    assert.equal(show(text), text);
});

test("a cut never leaves half a character", () => {
  assert.equal(clampText("ab😀", 3), "ab");
  assert.equal(clampText("ab😀", 4), "ab😀");
});

test("where no elements can stand the same rule holds, and a cut is marked", () => {
  assert.equal(toPlainText("a\u202eb\n"), "aU+202EbU+000A");
  assert.equal(toPlainText("a\tb\u202e\n", 160, /[\n\t]/), "a\tbU+202E\n");
  assert.equal(toPlainText("abcdef", 3), "abc…");
});
