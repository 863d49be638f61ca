/** The item page and the recall in a real browser, before an honest node and before one that lies. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { type DevNode, startDevNode } from "../../packages/node/e2e/dev-node.ts";
import { decode } from "../../packages/protocol/src/core/codec/definition.ts";
import { encodeTraceBundle, traceBundle } from "../../packages/protocol/src/modules/trace/trace-bundle.ts";
import { createClient } from "../../packages/sdk/src/client/client.ts";
import {
  DESKTOP,
  findAccessibilityFaults,
  NO_BROWSER,
  type OpenPage,
  openPage,
  PHONE,
  startBrowser,
  takeScreenshot,
} from "../browser.ts";
import { createTeller, STORY, seeClone, tellStory } from "./item-story.ts";

const options = NO_BROWSER === undefined ? {} : { skip: NO_BROWSER };
const BUNDLES = "**/api/v1/items/trace/bundle*";
let data: string;
let node: DevNode;
let browser: Browser;
/** Of the item that is seen once more afterwards. */
let bundleBefore: Uint8Array;

before(async () => {
  if (NO_BROWSER !== undefined) return;
  data = await mkdtemp(join(tmpdir(), "lhg-item-"));
  node = await startDevNode(data);
  browser = await startBrowser();
  const teller = await createTeller(node.url);
  await tellStory(teller);
  bundleBefore = (await createClient({ url: node.url }).getTraceBundle(STORY.cloned, ASKED)).bytes;
  await seeClone(teller);
});

after(async () => {
  if (NO_BROWSER !== undefined) return;
  await browser.close();
  await node.stop();
  await rm(data, { recursive: true, force: true });
});

/** As the item page asks. */
const ASKED = { direction: "both", maxEvents: 1_000, observations: "show" } as const;

function addressOf(path: string, id: string): string {
  return `${node.url}/console${path}?id=${encodeURIComponent(id)}`;
}

function open(id: string, viewport = DESKTOP): Promise<OpenPage> {
  return openPage(browser, addressOf("/items", id), { viewport });
}

async function readVerdict(page: Page): Promise<{ tone: string | null; text: string }> {
  const verdict = page.locator("[data-verdict]:not([data-verdict=plain])").first();
  await verdict.waitFor();
  return { tone: await verdict.getAttribute("data-verdict"), text: (await verdict.textContent()) ?? "" };
}

function measureWidth(page: Page): Promise<number> {
  return page.locator("html").evaluate(({ scrollWidth }) => scrollWidth);
}

/** Opens an item through a node whose proofs somebody changes on the way. */
async function openThrough(
  id: string,
  change: (bundle: Uint8Array) => Uint8Array,
  viewport = DESKTOP,
): Promise<OpenPage> {
  const opened = await openPage(browser, `${node.url}/console/items`, { viewport });
  await opened.page.route(BUNDLES, async (route) => {
    const response = await route.fetch();
    const body = Buffer.from(change(new Uint8Array(await response.body())));
    await route.fulfill({ response, body });
  });
  await opened.page.goto(addressOf("/items", id));
  return opened;
}

test("an honest journey is verified, on a desktop and on a phone", options, async () => {
  for (const [viewport, name] of [
    [DESKTOP, "item"],
    [PHONE, "item-phone"],
  ] as const) {
    const { page, errors, close } = await open(STORY.good, viewport);
    const { tone, text } = await readVerdict(page);
    assert.equal(tone, "good", text);
    assert.match(text, /Verified: 7 events by 2 companies, nothing left out/);
    await page.getByRole("heading", { name: "Aurora One, 128 GB" }).waitFor();
    await page.locator(".timeline").getByText("Nordic Rail").first().waitFor();
    await page.locator(".land").first().waitFor({ state: "attached" });
    assert.equal(await page.getByText("name not proven").count(), 0);
    assert.deepEqual(await findAccessibilityFaults(page), []);
    await takeScreenshot(page, name, true);
    await page.emulateMedia({ colorScheme: "dark" });
    assert.deepEqual(await findAccessibilityFaults(page), []);
    await takeScreenshot(page, `${name}-dark`, true);
    const width = await measureWidth(page);
    assert.ok(width <= viewport.width, `the page is ${width} wide`);
    assert.deepEqual(errors, []);
    await close();
  }
});

test("a flipped byte is red, wherever it is", options, async () => {
  const bundle = (await createClient({ url: node.url }).getTraceBundle(STORY.good, ASKED)).bytes;
  const { page, close } = await openPage(browser, `${node.url}/console/items`);
  for (const part of [0.05, 0.3, 0.55, 0.8, 0.97]) {
    const at = Math.floor(bundle.length * part);
    await page.route(BUNDLES, (route) =>
      route.fulfill({
        contentType: "application/cbor",
        body: Buffer.from(bundle.with(at, bundle[at]! ^ 1)),
      }),
    );
    await page.goto(addressOf("/items", STORY.good));
    const { tone, text } = await readVerdict(page);
    assert.equal(tone, "bad", `byte ${at}: ${text}`);
    assert.match(text, /Not verified/);
    assert.equal(await page.locator(".timeline").count(), 0);
    await page.unroute(BUNDLES);
  }
  await close();
});

test("a changed event is named in words", options, async () => {
  const bend = (bytes: Uint8Array): Uint8Array => {
    const bundle = decode(traceBundle, bytes);
    const text = (slice: Uint8Array): string => new TextDecoder().decode(slice);
    const events = bundle.events.map((event) =>
      text(event.slice).includes("unpacking")
        ? { ...event, slice: new TextEncoder().encode(text(event.slice).replace("geo:52", "geo:48")) }
        : event,
    );
    return encodeTraceBundle({ ...bundle, events });
  };
  const { page, close } = await openThrough(STORY.good, bend, PHONE);
  const { tone, text } = await readVerdict(page);
  assert.equal(tone, "bad");
  assert.match(text, /What an event says was changed|entry does not belong/);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await takeScreenshot(page, "item-failed", true);
  await close();
});

test("a hidden event is red, whether it is cut out or the state is an old one", options, async () => {
  const hide = (bytes: Uint8Array): Uint8Array => {
    const bundle = decode(traceBundle, bytes);
    return encodeTraceBundle({
      ...bundle,
      items: bundle.items.map((item) =>
        item.identity === STORY.cloned ? { ...item, observations: [] } : item,
      ),
    });
  };
  const cut = await openThrough(STORY.cloned, hide);
  const found = await readVerdict(cut.page);
  assert.equal(found.tone, "bad");
  assert.match(found.text, /missing/);
  await cut.close();
  const old = await openThrough(STORY.cloned, () => bundleBefore);
  const judged = await readVerdict(old.page);
  assert.equal(judged.tone, "bad");
  assert.match(judged.text, /old state/);
  await old.close();
});

test("a proof withheld is red, and a node that is gone is not", options, async () => {
  const { page, close } = await openPage(browser, `${node.url}/console/items`);
  await page.route(BUNDLES, (route) =>
    route.fulfill({
      status: 500,
      contentType: "application/problem+json",
      body: JSON.stringify({ code: "node.internal", detail: "not today" }),
    }),
  );
  await page.goto(addressOf("/items", STORY.good));
  const { tone, text } = await readVerdict(page);
  assert.equal(tone, "bad");
  assert.match(text, /gives no proof/);
  await page.unroute(BUNDLES);
  await page.route("**/api/**", (route) => route.abort());
  await page.goto(addressOf("/items", STORY.good));
  const gone = await readVerdict(page);
  assert.equal(gone.tone, "warn");
  assert.match(gone.text, /can't be reached/);
  await close();
});

test("a node that shows another chain is said loudly, and the reader decides", options, async () => {
  const { page, close } = await open(STORY.good);
  await readVerdict(page);
  await page.evaluate(() => {
    const pin = JSON.parse(localStorage.getItem("lhg-pin") ?? "{}") as { chainId: string };
    localStorage.setItem("lhg-pin", JSON.stringify({ ...pin, chainId: `other-${"0".repeat(32)}` }));
  });
  await page.reload();
  const { tone, text } = await readVerdict(page);
  assert.equal(tone, "bad");
  assert.match(text, /another chain than the one this browser knows/);
  await page.getByRole("button", { name: "Know the new chain" }).click();
  await page.locator("[data-verdict=good]").waitFor();
  await close();
});

test("a cloned serial is exposed with both places", options, async () => {
  const { page, close } = await open(STORY.cloned, PHONE);
  const { tone } = await readVerdict(page);
  assert.equal(tone, "warn");
  const warning = page.locator("[data-clone]");
  await warning.waitFor();
  const text = (await warning.textContent()) ?? "";
  assert.match(text, /A second one may exist/);
  assert.match(text, /52\.52° N/);
  assert.match(text, /37\.81° S/);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await takeScreenshot(page, "item-cloned", true);
  await close();
});

test("hostile words are shown as words", options, async () => {
  const { page, errors, close } = await open(STORY.hostile, PHONE);
  await readVerdict(page);
  await page.getByText("<img src=x").first().waitFor();
  assert.equal(await page.evaluate(() => "hacked" in globalThis), false);
  assert.equal(await page.locator('a[href^="javascript"]').count(), 0);
  const width = await measureWidth(page);
  assert.ok(width <= PHONE.width, `the page is ${width} wide`);
  assert.deepEqual(errors, []);
  await close();
});

test("an item that nobody recorded is proven to be absent; a malformed one is said so", options, async () => {
  const { page, close } = await open(STORY.unknown);
  const { tone, text } = await readVerdict(page);
  assert.equal(tone, "warn");
  assert.match(text, /Nobody has recorded this item/);
  await page.goto(addressOf("/items", "urn:epc:id:sgtin:nonsense"));
  await page.getByText("This is no item identity").waitFor();
  await close();
});

test("a recall finds exactly the items of the bad lot", options, async () => {
  for (const [viewport, name] of [
    [DESKTOP, "recall"],
    [PHONE, "recall-phone"],
  ] as const) {
    const { page, errors, close } = await openPage(browser, addressOf("/recall", STORY.badLot), { viewport });
    const { tone, text } = await readVerdict(page);
    assert.equal(tone, "good", text);
    await page.getByRole("heading", { name: "4 items are affected" }).waitFor();
    const found = await page
      .locator(".recall .table .item-link")
      .evaluateAll((links) => links.map((link) => link.getAttribute("title")));
    assert.deepEqual(found.toSorted(), [...STORY.recalled].toSorted());
    assert.equal((await page.getByText("1 sold").count()) > 0, true);
    await page.locator(".groups").getByText("Nordic Rail").first().waitFor();
    await page.locator(".land").first().waitFor({ state: "attached" });
    assert.deepEqual(await findAccessibilityFaults(page), []);
    await takeScreenshot(page, name, true);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save as CSV" }).click();
    assert.match((await download).suggestedFilename(), /recall\.csv$/);
    assert.deepEqual(errors, []);
    await close();
  }
});

test("from a phone back to its lot", options, async () => {
  const { page, close } = await openPage(browser, `${addressOf("/recall", STORY.good)}&direction=back`);
  await readVerdict(page);
  await page.getByRole("heading", { name: "1 origin to look at" }).waitFor();
  await page.getByRole("link", { name: /LOT-8/ }).waitFor();
  await close();
});

test("a journey of 20 steps is checked in the browser", options, async () => {
  const { page, close } = await open(STORY.long);
  await readVerdict(page);
  const tookMs: number[] = [];
  for (let round = 0; round < 3; round++) {
    await page.reload();
    await readVerdict(page);
    tookMs.push(Number(await page.locator("[data-took-ms]").getAttribute("data-took-ms")));
  }
  assert.equal(await page.locator(".timeline > li").count(), 20);
  console.log(`20 steps in ${tookMs.map((ms) => `${ms} ms`).join(", ")} (a fresh worker each time)`);
  await close();
});
