/** The sample world as `npm start` brings it up, walked through in a browser: the story that the documentation shows. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import encodeQR from "qr";
import {
  findAccessibilityFaults,
  NO_BROWSER,
  openPage,
  PHONE,
  startBrowser,
  takeScreenshot,
} from "../browser.ts";

const options = NO_BROWSER === undefined ? {} : { skip: NO_BROWSER };
const LHG = join(import.meta.dirname, "../../packages/node/src/cli/main.ts");
const WORLD = join(import.meta.dirname, "../../examples/world/main.ts");
const DEADLINE_MS = 60_000;
const DESKTOP = { width: 1280, height: 860 };

interface Facts {
  readonly goodPhone: string;
  readonly clonedPhone: string;
  readonly badLot: string;
  readonly recalledPhones: readonly string[];
  readonly devices: readonly { readonly name: string; readonly address: string }[];
}

let data: string;
let node: ChildProcess;
let url: string;
let facts: Facts;
let browser: Browser;
let startedMs: number;

before(async () => {
  if (NO_BROWSER !== undefined) return;
  data = await mkdtemp(join(tmpdir(), "lhg-walk-"));
  browser = await startBrowser();
  startedMs = performance.now();
  const args = ["--max-semi-space-size=4", LHG, "dev", "--data", data, "--port", "0", "--mqtt-port", "0"];
  node = spawn(process.execPath, [...args, "--with", WORLD], { stdio: ["ignore", "pipe", "inherit"] });
  url = await readUrl(node);
});

after(async () => {
  if (NO_BROWSER !== undefined) return;
  await browser.close();
  const exited = once(node, "exit");
  node.kill("SIGTERM");
  await exited;
  await rm(data, { recursive: true, force: true });
});

function readUrl(child: ChildProcess): Promise<string> {
  let output = "";
  return new Promise((resolve, reject) => {
    // Read on to the end: a program whose reader is gone ends.
    child.stdout!.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const found = /console +(http:\/\/127\.0\.0\.1:\d+)\/console\//.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`lhg dev ended with ${code}:\n${output}`)));
  });
}

/** The world writes them once its story is on the chain. */
async function readFacts(): Promise<Facts> {
  const endMs = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      return JSON.parse(await readFile(join(data, "world-facts.json"), "utf8")) as Facts;
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const itemPath = (identity: string): string => `/console/items?id=${encodeURIComponent(identity)}`;

async function readResidentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

test("from the start to a chart that moves", options, async (t) => {
  const { page, errors, close } = await openPage(browser, url, { viewport: DESKTOP });
  await page.locator(".u-over").first().waitFor();
  t.diagnostic(`first chart ${((performance.now() - startedMs) / 1000).toFixed(1)} s after the process`);
  facts = await readFacts();
  t.diagnostic(`story on the chain after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  await page.getByText("Sea Route Logistics").first().waitFor();
  await page.getByRole("heading", { name: "Newest events" }).scrollIntoViewIfNeeded();
  await page.evaluate("scrollTo(0, 0)");
  await takeScreenshot(page, "overview");
  assert.deepEqual(errors, []);
  await close();
});

test("a consumer scans a phone's code and sees its journey proven, back to the ore", options, async (t) => {
  const { page, errors, close } = await openPage(browser, `${url}/console/scan`, { viewport: PHONE });
  await takeScreenshot(page, "scan-phone");
  const code = encodeQR(`${url}${new URL(facts.goodPhone).pathname}`, "gif", { scale: 6 });
  const picture = { name: "code.gif", mimeType: "image/gif", buffer: Buffer.from(code) };
  await page.locator("input[type=file]").first().setInputFiles(picture);
  await page.getByText(/Verified: \d+ events by 6 companies, nothing left out/).waitFor();
  assert.equal(new URL(page.url()).searchParams.get("id"), facts.goodPhone);
  await takeScreenshot(page, "item-phone");
  assert.deepEqual(await findAccessibilityFaults(page), []);
  assert.deepEqual(errors, []);
  await close();
  const wide = await openPage(browser, `${url}${itemPath(facts.goodPhone)}`, { viewport: DESKTOP });
  await wide.page.getByText(/Verified: \d+ events by 6 companies/).waitFor();
  await takeScreenshot(wide.page, "item");
  await wide.close();
  t.diagnostic(`node ${(await readResidentMegabytes(node.pid!)).toFixed(0)} MB resident`);
});

test("a cloned serial is exposed with both places", options, async () => {
  const { page, close } = await openPage(browser, `${url}${itemPath(facts.clonedPhone)}`, {
    viewport: PHONE,
  });
  await page.getByText("A second one may exist").first().waitFor();
  await takeScreenshot(page, "clone-phone", true);
  await close();
});

test("a recall names the phones of the bad lot, and no other", options, async () => {
  const path = `/console/recall?id=${encodeURIComponent(facts.badLot)}`;
  const { page, errors, close } = await openPage(browser, `${url}${path}`, { viewport: DESKTOP });
  await page.getByText("Nothing left out").first().waitFor();
  const serials = facts.recalledPhones.map((phone) => phone.split("/").at(-1)!);
  const text = (await page.locator("main").textContent()) ?? "";
  const shown = new Set([...text.matchAll(/Serial (A\d+)/g)].map(([, serial]) => serial));
  assert.deepEqual([...shown].sort(), [...serials].sort());
  await takeScreenshot(page, "recall");
  assert.deepEqual(await findAccessibilityFaults(page), []);
  assert.deepEqual(errors, []);
  await close();
});

test(
  "the verifier page takes the journey from a file, believes it, and not when a byte is bent",
  options,
  async () => {
    const bundle = await fetch(`${url}/api/v1/items/trace/bundle?id=${encodeURIComponent(facts.goodPhone)}`, {
      headers: { accept: "application/cbor" },
    });
    const bytes = Buffer.from(await bundle.arrayBuffer());
    const file = join(data, "verifier.html");
    await writeFile(file, Buffer.from(await (await fetch(`${url}/verifier.html`)).arrayBuffer()));
    const { page, errors, close } = await openPage(browser, `file://${file}`, { viewport: DESKTOP });
    await page.locator("#file").setInputFiles({ name: "phone.trace", mimeType: "", buffer: bytes });
    await page.getByRole("heading", { name: "The proof holds" }).waitFor();
    await takeScreenshot(page, "verifier");
    const bent = Buffer.from(bytes);
    bent[bytes.length >> 1]! ^= 1;
    await page.locator("#file").setInputFiles({ name: "bent.trace", mimeType: "", buffer: bent });
    await page.getByText("Do not rely on this").waitFor();
    await takeScreenshot(page, "verifier-failed");
    assert.deepEqual(errors, []);
    await close();
  },
);

test("a device's page moves, and shows what it was told and answered", options, async () => {
  const { address } = facts.devices[0]!;
  const { page, errors, close } = await openPage(browser, `${url}/console/devices/${address}`, {
    viewport: DESKTOP,
  });
  await page.locator(".u-over").first().waitFor();
  await page
    .getByRole("row", { name: /identify/ })
    .getByText(/done/)
    .waitFor();
  await takeScreenshot(page, "device");
  assert.deepEqual(errors, []);
  await close();
});

test("a file is registered and found again; a clerk's form stands ready", options, async () => {
  const { page, errors, close } = await openPage(browser, `${url}/console/files`, { viewport: DESKTOP });
  const contract = { name: "contract.pdf", mimeType: "application/pdf", buffer: Buffer.from("the contract") };
  await page.getByLabel("Choose a file").setInputFiles(contract);
  await page.getByRole("button", { name: "Sign and register" }).click();
  await page.getByText("proven in this browser").waitFor();
  await takeScreenshot(page, "files");
  await page.goto(`${url}/console/capture`);
  await page.getByText("What happened?").waitFor();
  await takeScreenshot(page, "capture");
  await page.goto(`${url}/console/scan`);
  await page.getByRole("heading", { name: "Scan" }).first().waitFor();
  await takeScreenshot(page, "scan");
  assert.deepEqual(errors, []);
  await close();
});
