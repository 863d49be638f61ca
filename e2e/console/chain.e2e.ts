/** The pages of the chain as an operator uses them: live, on a desk and on a phone, with hostile names, over a node that is killed. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { createClient } from "../../packages/sdk/src/client/client.ts";
import { DESKTOP, findAccessibilityFaults, type OpenPage, PHONE, takeScreenshot } from "../browser.ts";
import { assertFits, findFaults, options, setStage } from "./setup.ts";

const HOSTILE_MODEL = "<img src=x onerror=alert(1)>\u202Egnp.\u0007";
const HOSTILE_READING = `<script>alert(2)</script>\u2066${"x".repeat(10_000)}`;

let device: string;
let capture: string;

const stage = setStage("chain", async () => {
  process.env.LHG_PASSPHRASE = "correct horse battery";
  await stage.lhg("capture", join(stage.data, "example.jsonld"));
  await stage.lhg("keys", "new", "logger");
  await stage.lhg("device", "register", "logger", "--model", HOSTILE_MODEL, "--capability", "temperature");
  await record(
    Array.from({ length: 30 }, (_, i) => measure(Date.now() / 1_000 - 30 + i, 4 + (i % 7) / 10)).flat(),
  );
  const client = createClient({ url: stage.node.url });
  const { items: vendors } = await client.listVendors();
  const owner = vendors.find(({ devices }) => devices > 0)!;
  device = (await client.listDevices(owner.vendor)).items[0]!.device;
  capture = (await client.listStatements({ kind: "capture" })).items[0]!.id;
});

function measure(t: number, v: number): object[] {
  return [
    { n: "temperature", u: "Cel", v, t },
    { n: "tamper", vb: v > 4.5, t },
    { n: "lat", u: "lat", v: 50 + v / 1_000, t },
    { n: "lon", u: "lon", v: 8 + v / 500, t },
  ];
}

async function record(readings: readonly object[]): Promise<void> {
  const path = join(stage.data, "readings.json");
  await writeFile(path, JSON.stringify(readings));
  await stage.lhg("device", "record", "logger", path);
}

async function open(path: string, viewport = DESKTOP): Promise<OpenPage> {
  return stage.open(`/console${path}`, { viewport });
}

async function checkPage({ page, errors }: OpenPage): Promise<void> {
  assert.deepEqual(findFaults(errors), []);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await assertFits(page);
}

function readHeight(page: Page): Promise<number> {
  return page
    .locator(".figure", { hasText: "Height" })
    .locator(".figure-value")
    .textContent()
    .then((text) => Number((text ?? "").replaceAll(",", "")));
}

/** What the tests of this file read of a page: the node's policy forbids to pass code as text. */
interface PageGlobals {
  readonly document: { querySelector(selector: string): { readonly textContent: string } };
}

function waitForHeight(page: Page, above: number): Promise<unknown> {
  return page.waitForFunction((height) => {
    const { document } = globalThis as unknown as PageGlobals;
    return Number(document.querySelector(".figure-value").textContent.replaceAll(",", "")) > height;
  }, above);
}

test("the overview moves without being asked, on a desk and on a phone", options, async () => {
  for (const [name, viewport] of [
    ["overview", DESKTOP],
    ["overview-phone", PHONE],
  ] as const) {
    const opened = await open("/", viewport);
    const { page } = opened;
    await page.locator(".u-over").first().waitFor();
    await page.locator(".rows a", { hasText: "Shipped" }).first().waitFor();
    const before = await readHeight(page);
    await record(measure(Date.now() / 1_000, 4.2));
    await waitForHeight(page, before);
    await page.getByText("Readings").first().waitFor();
    await takeScreenshot(page, name);
    await checkPage(opened);
    await opened.close();
  }
});

test("a device shows its readings as they arrive, and hostile names stay words", options, async () => {
  for (const [name, viewport] of [
    ["device", DESKTOP],
    ["device-phone", PHONE],
  ] as const) {
    const opened = await open(`/devices/${device}`, viewport);
    const { page } = opened;
    await page.getByRole("heading", { name: "Temperature" }).waitFor();
    assert.match(
      (await page.locator("h1").textContent()) ?? "",
      /<img src=x onerror=alert\(1\)>U\+202Egnp\.U\+0007/,
    );
    const shown = page.locator(".panel", { has: page.getByRole("heading", { name: "Temperature" }) });
    const value = name === "device" ? 17.25 : 18.5;
    await record([
      ...measure(Date.now() / 1_000, value),
      { n: "note", vs: HOSTILE_READING, t: Date.now() / 1_000 },
    ]);
    await shown.locator(".reading-now", { hasText: String(value) }).waitFor();
    await page.getByText("<script>alert(2)</script>").first().waitFor();
    await page.locator(".track polyline").first().waitFor();
    await takeScreenshot(page, name);
    await checkPage(opened);
    await opened.close();
  }
});

test("what a device is told stands on its page, and then what it answered", options, async () => {
  await stage.lhg("command", "send", "logger", "reboot", "--payload", "<b>now</b>");
  const opened = await open(`/devices/${device}`);
  const { page } = opened;
  const row = page.getByRole("row", { name: /reboot/ });
  await row.getByText("no answer yet").waitFor();
  assert.match((await row.textContent()) ?? "", /<b>now<\/b>/);
  await stage.lhg("device", "answer", "logger", "--done");
  await row.getByText("done").waitFor();
  await takeScreenshot(page, "device-commands", true);
  await checkPage(opened);
  await opened.close();
});

test("a vendor commands its device from the page, and sees the device's own answer", options, async () => {
  const opened = await open(`/devices/${device}`);
  const { page } = opened;
  await page.getByText("Send a command").click();
  await page.getByLabel("Command", { exact: true }).fill("identify");
  await page.getByLabel("Content").fill("fast");
  await page.getByRole("button", { name: "Sign and send" }).click();
  const row = page.getByRole("row", { name: /identify/ });
  await row.getByText("no answer yet").waitFor();
  await stage.lhg("device", "answer", "logger", "--refuse", "knows nothing");
  await row.getByText("refused: knows nothing").waitFor();
  await checkPage(opened);
  await opened.close();
});

test("every page of the chain is readable, accessible and fits a phone", options, async () => {
  const vendor = (await createClient({ url: stage.node.url }).getDevice(device)).vendor;
  const pages: readonly (readonly [path: string, word: string])[] = [
    ["/blocks", "Newest first, as they become final."],
    ["/blocks/1", "validators signed it"],
    ["/statements", "Device registration"],
    ["/statements?kind=capture", "Done"],
    [`/statements/${capture}?event=1`, "Packed"],
    ["/vendors", "Nordic Rail"],
    [`/vendors/${vendor}`, "4012345"],
    ["/devices", "onerror"],
    ["/node", "Credits for a reading"],
    ["/search?q=there+is+no+such+vendor", "Nothing was found."],
    ["/blocks/999999999", "no such block"],
    ["/statements/nonsense", "no such statement"],
    ["/nowhere", "Nothing is at this address."],
  ];
  const shots = new Map([
    ["/blocks", "blocks"],
    ["/node", "node"],
    [`/statements/${capture}?event=1`, "statement"],
  ]);
  for (const viewport of [DESKTOP, PHONE])
    for (const [path, word] of pages) {
      const opened = await open(path, viewport);
      await opened.page.getByText(word).first().waitFor();
      assert.match(await opened.page.title(), /· LHG console$/);
      const shot = shots.get(path);
      if (shot !== undefined) await takeScreenshot(opened.page, viewport === PHONE ? `${shot}-phone` : shot);
      await checkPage(opened);
      await opened.close();
    }
});

test("a receipt is checked in the browser; a bent one is refused in words", options, async () => {
  const honest = await open(`/statements/${capture}`);
  await honest.page.getByRole("button", { name: "Check it in this browser" }).click();
  await honest.page.getByText("The receipt holds.").waitFor();
  await takeScreenshot(honest.page, "receipt");
  await checkPage(honest);
  await honest.page.getByRole("link", { name: "Verifier page", exact: true }).click();
  await honest.page.getByRole("heading", { name: "The proof holds" }).waitFor();
  await honest.close();

  const bent = await open(`/statements/${capture}`);
  await bent.page.route("**/receipt", async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    body[body.length - 40]! ^= 1;
    await route.fulfill({ response, body });
  });
  await bent.page.getByRole("button", { name: "Check it in this browser" }).click();
  await bent.page.getByText("The receipt does not hold:").waitFor();
  await checkPage(bent);
  await bent.close();
});

test("the search opens what is named exactly, whatever names it", options, async () => {
  const client = createClient({ url: stage.node.url });
  const { hash } = await client.getBlock(1);
  const event = await client.getEvent(`${capture}:0`);
  const cases: readonly (readonly [query: string, path: RegExp])[] = [
    [hash, /\/blocks\/1$/],
    [capture, /\/statements\/[0-9a-f]{64}$/],
    [`${capture}:2`, /\/statements\/[0-9a-f]{64}\?event=2$/],
    [event.hash, /\/statements\/[0-9a-f]{64}\?event=0$/],
    [device, /\/devices\//],
    [event.vendor, /\/vendors\//],
    ["urn:epc:id:sgtin:0012345.011111.1", /\/items\?id=/],
    ["(01)00012345111112(21)1", /\/items\?id=/],
  ];
  for (const [query, path] of cases) {
    const { page, close } = await open("/");
    await page.getByRole("searchbox").fill(query);
    await page.keyboard.press("Enter");
    await page.waitForURL(path);
    await close();
  }
});

test(
  "the search finds items by a part of what stands on them, and offers a block beside",
  options,
  async () => {
    const { page, errors, close } = await open("/search?q=1");
    await page.getByRole("link", { name: "1", exact: true }).waitFor();
    await page.getByRole("link", { name: "Serial 1 · 00012345111112" }).waitFor();
    await page.getByText(/in the newest [0-9,]+ events only/).waitFor();
    assert.deepEqual(await findAccessibilityFaults(page), []);
    await page.goto(`${stage.node.url}/console/search?q=12345111112`);
    await page.getByRole("link", { name: "Serial 1 · 00012345111112" }).waitFor();
    assert.deepEqual(findFaults(errors), []);
    await close();
  },
);

test("a GTIN without serial names a kind of product, and its known items are offered", options, async () => {
  const { page, errors, close } = await open("/items?id=(01)00012345111112");
  await page.getByText("This number names the kind of product").waitFor();
  assert.equal(await page.getByText("Nobody has recorded").count(), 0);
  assert.equal(await page.locator(".note.warn, .note.bad").count(), 0);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await page.getByRole("link", { name: "Serial 1 · 00012345111112" }).click();
  await page.waitForURL(/%2F21%2F1$/);
  await page.goto(`${stage.node.url}/console/recall?id=(01)00012345111112`);
  await page.getByText("This number names the kind of product").waitFor();
  await page.getByRole("link", { name: "Serial 1 · 00012345111112" }).click();
  await page.waitForURL(/\/recall\?id=.*%2F21%2F1$/);
  assert.deepEqual(findFaults(errors), []);
  await close();
});

test(
  "recalls and items offer what to choose, and a text that names nothing is answered with an example",
  options,
  async () => {
    const { page, errors, close } = await open("/recall");
    await page.getByRole("link", { name: "Serial 1 · 00012345111112" }).click();
    await page.waitForURL(/\/recall\?id=.*%2F21%2F1$/);
    for (const path of ["/items", "/recall"]) {
      await page.goto(`${stage.node.url}/console${path}?id=A00000120`);
      await page.getByRole("alert").getByText("(01)09506000134352(21)7").waitFor();
      await page.goto(`${stage.node.url}/console${path}?id=(01)00012345111113(21)1`);
      await page.getByRole("alert").getByText("wrong check digit").waitFor();
    }
    assert.deepEqual(findFaults(errors), []);
    await close();
  },
);

test(
  "a node that is killed and started again: a banner, then the page goes on by itself",
  options,
  async () => {
    const { page, close } = await open("/");
    await page.getByText("Acme Manufacturing").first().waitFor();
    const gone = new Promise((resolve) => stage.node.process.once("exit", resolve));
    stage.node.process.kill("SIGKILL");
    await gone;
    await page.getByText("The node can't be reached").waitFor();
    assert.ok(await page.getByText("Acme Manufacturing").first().isVisible(), "what was loaded stays");
    await takeScreenshot(page, "node-away");
    await stage.restartNode();
    await page.getByText("The node can't be reached").waitFor({ state: "detached" });
    const before = await readHeight(page);
    await record(measure(Date.now() / 1_000, 5.5));
    await waitForHeight(page, before);
    await close();
  },
);
