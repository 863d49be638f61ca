/** The item page and the recall in a real browser, before an honest node and before one that lies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { decode } from "../../packages/protocol/src/core/codec/definition.ts";
import { encodeTraceBundle, traceBundle } from "../../packages/protocol/src/modules/trace/trace-bundle.ts";
import { createClient } from "../../packages/sdk/src/client/client.ts";
import { DESKTOP, findAccessibilityFaults, type OpenPage, PHONE, takeScreenshot } from "../browser.ts";
import { addStep, BIG_LOT_PHONES, createTeller, STORY, seeClone, tellStory } from "./item-story.ts";
import { assertFits, options, setStage } from "./setup.ts";

/** Steps of which all is shown. */
const UNFOLDED = ".timeline > li > details[open]";
const BUNDLES = "**/api/v1/items/trace/bundle*";
const DAY_MS = 24 * 3_600_000;
/** Of the item that is seen once more afterwards. */
let bundleBefore: Uint8Array;

const stage = setStage("item", async () => {
  const teller = await createTeller(stage.node.url);
  await tellStory(teller);
  bundleBefore = (await createClient({ url: stage.node.url }).getTraceBundle(STORY.cloned, ASKED)).bytes;
  await seeClone(teller);
});

/** As the item page asks. */
const ASKED = { direction: "both", maxEvents: 1_000, observations: "show" } as const;

function addressOf(path: string, id: string): string {
  return `${stage.node.url}/console${path}?id=${encodeURIComponent(id)}`;
}

function open(id: string, viewport = DESKTOP): Promise<OpenPage> {
  return stage.open(addressOf("/items", id), { viewport });
}

async function readVerdict(page: Page): Promise<{ tone: string | null; text: string }> {
  const verdict = page.locator("[data-verdict]:not([data-verdict=plain])").first();
  await verdict.waitFor();
  return { tone: await verdict.getAttribute("data-verdict"), text: (await verdict.textContent()) ?? "" };
}

/** Opens an item through a node whose proofs somebody changes on the way. */
async function openThrough(
  id: string,
  change: (bundle: Uint8Array) => Uint8Array,
  viewport = DESKTOP,
): Promise<OpenPage> {
  const opened = await stage.open("/console/items", { viewport });
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
    assert.equal(await page.locator(UNFOLDED).count(), 0);
    assert.deepEqual(await findAccessibilityFaults(page), []);
    await takeScreenshot(page, name, true);
    await page.emulateMedia({ colorScheme: "dark" });
    assert.deepEqual(await findAccessibilityFaults(page), []);
    await takeScreenshot(page, `${name}-dark`, true);
    await assertFits(page);
    assert.deepEqual(errors, []);
    await close();
  }
});

test("the proof that is saved holds without the console", options, async () => {
  const { page, close } = await open(STORY.good);
  await readVerdict(page);
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save the proof" }).click();
  const saved = await saving;
  assert.match(saved.suggestedFilename(), /\.trace$/);
  await stage.lhg("verify", await saved.path());
  const step = page.locator(".timeline > li").first();
  await step.getByText("Details", { exact: true }).click();
  const receiving = page.waitForEvent("download");
  await step.getByRole("button", { name: "Save receipt" }).click();
  await stage.lhg("verify", await (await receiving).path());
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await close();
});

test("a flipped byte is red, wherever it is", options, async () => {
  const bundle = (await createClient({ url: stage.node.url }).getTraceBundle(STORY.good, ASKED)).bytes;
  const { page, close } = await stage.open("/console/items");
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
  assert.match(text, /What an event says is not what was signed/);
  assert.match(text, /The fault lies in this step.*Unpacked/);
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
  const { page, close } = await stage.open("/console/items");
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

test("what was verified stays when the node goes, and is said to be from before", options, async () => {
  const { page, close } = await open(STORY.good, PHONE);
  assert.equal((await readVerdict(page)).tone, "good");
  await page.route("**/api/**", (route) => route.abort());
  await page.getByRole("button", { name: "Check again" }).click();
  await page.getByText("What you see was verified before").waitFor();
  assert.equal(await page.locator("[data-verdict=good]").count(), 1);
  assert.ok((await page.locator(".timeline > li").count()) > 0);
  await page.unroute("**/api/**");
  await page.getByText("What you see was verified before").waitFor({ state: "detached" });
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

test("validators are trusted for a time, which a proof that holds renews", options, async () => {
  const { page, close } = await stage.open("/console/items", { viewport: DESKTOP });
  const startMs = Date.now();
  const lookAfter = async (days: number): Promise<boolean> => {
    await page.clock.setFixedTime(startMs + days * DAY_MS);
    await page.goto(addressOf("/items", STORY.good));
    const { tone, text } = await readVerdict(page);
    const isConfirmed = !text.includes("unconfirmed since");
    if (!isConfirmed) assert.equal(tone, "warn");
    return isConfirmed;
  };
  const readKept = () =>
    page.evaluate<{ name: string; value: { timeMs: number; validatorsHash: string } }>(`(() => {
      const name = Object.keys(localStorage).find((name) => name.startsWith("lhg-newest-validators-"));
      return { name, value: JSON.parse(localStorage.getItem(name) ?? "null") };
    })()`);
  const setKept = (name: string, value: unknown) =>
    page.evaluate(`localStorage.setItem(${JSON.stringify(name)}, ${JSON.stringify(JSON.stringify(value))})`);
  assert.equal(await lookAfter(0), true);
  const { name, value } = await readKept();
  assert.ok(Math.abs(value.timeMs - startMs) < DAY_MS);
  assert.equal(await lookAfter(179), true);
  assert.equal(await lookAfter(181), false);
  // As if this browser had come by in between, and what was kept then counts.
  await setKept(name, { ...value, timeMs: startMs + 100 * DAY_MS });
  assert.equal(await lookAfter(181), true);
  assert.equal(await lookAfter(281), false);
  // Validators of whom the chain never had any lead nowhere.
  await setKept(name, { timeMs: startMs + 200 * DAY_MS, validatorsHash: "00".repeat(32) });
  await page.goto(addressOf("/items", STORY.good));
  assert.equal((await readVerdict(page)).tone, "bad");
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
  assert.equal(await page.locator(UNFOLDED).count(), 1, "the step to mind, and no other");
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
  await assertFits(page);
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

test("a journey of 20 steps is checked in the browser", options, async () => {
  const { page, close } = await open(STORY.long);
  await readVerdict(page);
  assert.equal(await page.locator(".timeline > li").count(), 20);
  const tookMs: number[] = [];
  for (let round = 0; round < 3; round++) {
    await page.reload();
    await readVerdict(page);
    tookMs.push(Number(await page.locator("[data-took-ms]").getAttribute("data-took-ms")));
  }
  console.log(`20 steps in ${tookMs.map((ms) => `${ms} ms`).join(", ")} (a fresh worker each time)`);
  await close();
});

test("what was declared in error is struck through", options, async () => {
  const { page, close } = await open(STORY.retracted, PHONE);
  const { tone, text } = await readVerdict(page);
  assert.equal(tone, "good", text);
  assert.equal(await page.locator(".timeline s").allTextContents().then(String), "Inspected");
  await page.getByText("declared in error by its author").waitFor();
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await close();
});

test("a company's name is the proven one, whatever the node writes beside it", options, async () => {
  const { page, close } = await stage.open("/console/items");
  const rename = async (keepsProof: boolean): Promise<void> => {
    await page.route("**/api/v1/vendors/*", async (route) => {
      const response = await route.fetch();
      const { proof, ...vendor } = (await response.json()) as Record<string, unknown>;
      await route.fulfill({
        response,
        json: { ...vendor, name: "Somebody Famous", ...(keepsProof ? { proof } : {}) },
      });
    });
  };
  await rename(true);
  await page.goto(addressOf("/items", STORY.good));
  await readVerdict(page);
  await page.locator(".timeline").getByText("Nordic Rail").first().waitFor();
  assert.equal(await page.getByText("Somebody Famous").count(), 0);
  await page.unroute("**/api/v1/vendors/*");
  await rename(false);
  await page.goto(addressOf("/items", STORY.good));
  await page.locator(".timeline").getByText("name not proven").first().waitFor();
  await close();
});

test("a step that comes in is shown by itself", options, async () => {
  const { page, close } = await open(STORY.long);
  await readVerdict(page);
  const before = await page.locator(".timeline > li").count();
  await addStep(await createTeller(stage.node.url));
  await page.locator(".timeline > li").nth(before).waitFor();
  await page.getByRole("heading", { name: "Stored" }).waitFor();
  await close();
});

test("a recall finds exactly the items of the bad lot", options, async () => {
  for (const [viewport, name] of [
    [DESKTOP, "recall"],
    [PHONE, "recall-phone"],
  ] as const) {
    const { page, errors, close } = await stage.open(addressOf("/recall", STORY.badLot), { viewport });
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

test(
  "a recall of thousands is checked and listed in pages; a journey too long is amber",
  options,
  async () => {
    const { page, close } = await stage.open(addressOf("/recall", STORY.bigLot), { viewport: PHONE });
    await page.getByRole("heading", { name: "3,000 items are affected" }).waitFor({ timeout: 60_000 });
    assert.equal((await readVerdict(page)).tone, "good");
    console.log(
      `${BIG_LOT_PHONES} items checked in ${await page.locator("[data-took-ms]").getAttribute("data-took-ms")} ms`,
    );
    assert.equal(await page.locator(".table tbody tr").count(), 50);
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("51 to 100 of 3,000").waitFor();
    await page.goto(addressOf("/items", STORY.busy));
    const { tone, text } = await readVerdict(page);
    assert.equal(tone, "warn");
    assert.match(text, /Verified in part: 1,000 events by 1 company/);
    assert.match(text, /longer than 1,000 events/);
    console.log(
      `1,000 events checked in ${await page.locator("[data-took-ms]").getAttribute("data-took-ms")} ms`,
    );
    await close();
  },
);

test("from a phone back to its lot", options, async () => {
  const { page, close } = await stage.open(`${addressOf("/recall", STORY.good)}&direction=back`);
  await readVerdict(page);
  await page.getByRole("heading", { name: "1 origin to look at" }).waitFor();
  await page.getByRole("link", { name: /LOT-8/ }).waitFor();
  await close();
});
