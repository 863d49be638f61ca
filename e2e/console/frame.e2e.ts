/** The console's frame in a real browser, as somebody sees it who opens it for the first time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { DESKTOP, findAccessibilityFaults, PHONE, takeScreenshot } from "../browser.ts";
import { findFaults, options, setStage } from "./setup.ts";

const FIRST_VIEW_BYTES_MAX = 250 * 1024;

const stage = setStage("frame");

function readFocus(page: Page): Promise<string> {
  return page.evaluate<string>(
    '[document.activeElement.tagName, document.activeElement.textContent.trim()].join(" ")',
  );
}

test("the console opens at the node's address and shows the height", options, async () => {
  const { page, errors, close } = await stage.open("/", { viewport: DESKTOP });
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/console/");
  assert.equal(await page.title(), "Overview · LHG console");
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  assert.deepEqual(findFaults(errors), []);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await close();
});

test("the first view is light: every byte of it, as it was sent", options, async (t) => {
  const { page, close } = await stage.open("about:blank", { viewport: PHONE });
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  let bytes = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await page.goto(`${stage.node.url}/console/`);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  const interactiveMs = await page.evaluate(() => performance.now());
  await page.locator(".u-over").first().waitFor();
  t.diagnostic(`${(bytes / 1024).toFixed(1)} KiB in all, heading after ${interactiveMs.toFixed(0)} ms`);
  assert.ok(bytes > 50_000, "the scripts are among what was counted");
  assert.ok(bytes <= FIRST_VIEW_BYTES_MAX, `${bytes} bytes`);
  await close();
});

test("going to another page names it: title, focus, place in the menu", options, async () => {
  const { page, errors, close } = await stage.open("/console/", { viewport: DESKTOP });
  const menu = page.getByRole("navigation", { name: "Menu" });
  await menu.getByRole("link", { name: "Blocks" }).click();
  await page.getByRole("heading", { level: 1, name: "Blocks" }).waitFor();
  await page.locator("h1:focus").waitFor();
  assert.equal(await readFocus(page), "H1 Blocks");
  assert.equal(await page.title(), "Blocks · LHG console");
  assert.equal(await menu.locator("[aria-current=page]").textContent(), "Blocks");
  await page.goBack();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await page.locator("h1:focus", { hasText: "Overview" }).waitFor();
  assert.equal(await page.title(), "Overview · LHG console");
  assert.deepEqual(findFaults(errors), []);
  await close();
});

test("by keys alone: past the menu, through the menu, into the search", options, async () => {
  const { page, close } = await stage.open("/console/", { viewport: DESKTOP });
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await readFocus(page), "A Skip to content");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  const isInside = await page.evaluate('document.querySelector("main").contains(document.activeElement)');
  assert.equal(isInside, true, "the next stop is in the page");
  await page.getByRole("searchbox").focus();
  await page.keyboard.type("Acme");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Acme Manufacturing" }).waitFor();
  await close();
});

test("on a phone a bar leads to the main pages and a sheet to the rest", options, async () => {
  const { page, errors, close } = await stage.open("/", { viewport: PHONE });
  const more = page.getByRole("button", { name: "More" });
  const sheet = page.getByRole("dialog");
  await more.click();
  await sheet.getByRole("link", { name: "Node" }).waitFor();
  await takeScreenshot(page, "frame-phone");
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "hidden" });
  await more.and(page.locator(":focus")).waitFor();
  await more.click();
  await sheet.getByRole("link", { name: "Node" }).click();
  await page.getByRole("heading", { level: 1, name: "Node" }).waitFor();
  await sheet.waitFor({ state: "hidden" });
  assert.deepEqual(findFaults(errors), []);
  await close();
});

test("the appearance is chosen and kept", options, async () => {
  const { page, close } = await stage.open("/", { viewport: DESKTOP });
  const readGround = (): Promise<string> => page.evaluate("getComputedStyle(document.body).backgroundColor");
  const bright = await readGround();
  await page.getByRole("button", { name: /Appearance: As the system/ }).click();
  await page.getByRole("button", { name: /Appearance: Light/ }).click();
  await page.getByRole("button", { name: /Appearance: Dark/ }).waitFor();
  const dark = await readGround();
  assert.notEqual(dark, bright);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await page.reload();
  await page.getByRole("button", { name: /Appearance: Dark/ }).waitFor();
  assert.equal(await readGround(), dark);
  await close();
});

test(
  "a page whose code cannot be loaded says so and offers to load it again; the others go on",
  options,
  async () => {
    const { page, close } = await stage.open("/", { viewport: DESKTOP });
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.route(/\/assets\/vendors-.*\.js$/, (route) => route.abort());
    const menu = page.getByRole("navigation", { name: "Menu" });
    await menu.getByRole("link", { name: "Vendors" }).click();
    await page.getByRole("heading", { name: "This page could not be loaded" }).waitFor();
    await menu.getByRole("link", { name: "Blocks" }).click();
    await page.getByRole("heading", { level: 1, name: "Blocks" }).waitFor();
    await page.unroute(/\/assets\/vendors-.*\.js$/);
    await menu.getByRole("link", { name: "Vendors" }).click();
    await page.getByRole("button", { name: "Load the console again" }).click();
    await page.getByRole("heading", { level: 1, name: "Vendors" }).waitFor();
    await close();
  },
);
