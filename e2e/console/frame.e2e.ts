/** The console's frame in a real browser, as somebody sees it who opens it for the first time. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { type DevNode, startDevNode } from "../../packages/node/e2e/dev-node.ts";
import {
  DESKTOP,
  findAccessibilityFaults,
  NO_BROWSER,
  openPage,
  PHONE,
  startBrowser,
  takeScreenshot,
} from "../browser.ts";

const options = NO_BROWSER === undefined ? {} : { skip: NO_BROWSER };
let data: string;
let node: DevNode;
let browser: Browser;

before(async () => {
  if (NO_BROWSER !== undefined) return;
  data = await mkdtemp(join(tmpdir(), "lhg-console-"));
  node = await startDevNode(data);
  browser = await startBrowser();
});

after(async () => {
  if (NO_BROWSER !== undefined) return;
  await browser.close();
  await node.stop();
  await rm(data, { recursive: true, force: true });
});

test("the console opens at the node's address and shows the height", options, async () => {
  const { page, errors, close } = await openPage(browser, node.url, { viewport: DESKTOP });
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/console/");
  assert.deepEqual(errors, []);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await close();
});

test("on a phone the menu folds and opens", options, async () => {
  const { page, errors, close } = await openPage(browser, node.url, { viewport: PHONE });
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByRole("navigation").getByRole("link", { name: "Overview" }).waitFor();
  await takeScreenshot(page, "frame-phone");
  assert.deepEqual(errors, []);
  await close();
});
