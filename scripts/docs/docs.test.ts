import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../run-test-files.ts";
import { describeCommands } from "./cli-reference.ts";
import { describeConfiguration } from "./configuration-reference.ts";
import { layOutPage } from "./layout.ts";
import { PAGES } from "./navigation.ts";
import { renderMarkdown } from "./render-markdown.ts";
import { findBrokenLinks, renderPages } from "./site.ts";

const pages = renderPages();
const NO_PICTURES = { readDrawing: () => undefined, hasImage: () => false };

test("every page of docs stands in the contents, and every entry has its page", () => {
  const files = globSync("**/*.md", { cwd: join(ROOT, "docs") }).map((path) => path.replace(/\.md$/, ""));
  assert.deepEqual(files.sort(), [...PAGES].sort());
});

test("links between pages lead to pages and headings that are there", () => {
  assert.deepEqual(findBrokenLinks(pages), []);
});

test("docs/cli.md says what the commands say; node scripts/write-cli-docs.ts writes it", () => {
  assert.equal(readFileSync(join(ROOT, "docs", "cli.md"), "utf8"), describeCommands());
});

test("docs/configuration.md says what the settings are; node scripts/write-configuration-docs.ts writes it", () => {
  assert.equal(readFileSync(join(ROOT, "docs", "configuration.md"), "utf8"), describeConfiguration());
});

test("pages run no script, style nothing inline and load nothing from elsewhere", () => {
  for (const page of PAGES) {
    const html = layOutPage(page, pages);
    assert.doesNotMatch(html, /<script|<iframe|<object|<style|\sstyle=|\son[a-z]+=|javascript:/i, page);
    assert.doesNotMatch(html, /\s(?:src|srcset|xlink:href)="(?:https?:)?\/\//i, page);
  }
});

test("every page has one title, a language, a way past the contents, and named drawings", () => {
  for (const page of PAGES) {
    const html = layOutPage(page, pages);
    assert.equal(html.match(/<h1 /g)?.length, 1, page);
    assert.match(html, /<html lang="en">[\s\S]*<a class="skip" href="#content">[\s\S]*<main id="content"/);
    for (const [drawing] of html.matchAll(/<svg [^>]*>/g))
      assert.match(drawing, /role="img" aria-label="[^"]/);
  }
});

test("raw HTML and hostile links in markdown stay text", () => {
  const text =
    "# A\n\n<script>alert(1)</script>\n\n<img src=x onerror=alert(1)> [x](javascript:alert(1)) ![y](https://a.example/b.png)\n\n## A\n\n[up](#a) [b](#a-1)";
  const { html, links, ids } = renderMarkdown("p", text, NO_PICTURES);
  assert.doesNotMatch(html, /<script|<img|href="javascript/i);
  assert.deepEqual([...ids], ["a", "a-1"]);
  assert.deepEqual(
    links.map(({ anchor }) => anchor),
    ["a", "a-1"],
  );
});

test("a broken link is found", () => {
  const broken = renderMarkdown(
    "index",
    "# A\n\n[x](nowhere.md) [y](#z) ![d](pictures/no.svg) ![e](no.png)",
    NO_PICTURES,
  );
  assert.deepEqual(findBrokenLinks(new Map([["index", broken]])), [
    "index: no page nowhere",
    "index: no heading index#z",
    "index: no picture pictures/no.svg",
    "index: no picture no.png",
  ]);
});
