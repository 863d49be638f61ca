/** A consumer with a thing in the hand: a picture of its code, the code typed, a camera that is refused. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import encodeQR from "qr";
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
const ITEM = "https://id.gs1.org/01/00012345111112/21/1";
const LABEL = "https://trace.example/01/00012345111112/21/1";
let data: string;
let node: DevNode;
let browser: Browser;

before(async () => {
  if (NO_BROWSER !== undefined) return;
  data = await mkdtemp(join(tmpdir(), "lhg-scan-"));
  node = await startDevNode(data);
  browser = await startBrowser();
});

after(async () => {
  if (NO_BROWSER !== undefined) return;
  await browser.close();
  await node.stop();
  await rm(data, { recursive: true, force: true });
});

const scanPage = (): string => `${node.url}/console/scan`;

/** A picture as a phone takes it: the code turned, blurred and small on a grey, noisy ground; PNG. */
function takePhoto(
  page: Page,
  photo: {
    readonly text: string;
    readonly degrees: number;
    readonly blurPx: number;
    readonly sidePx: number;
  },
): Promise<Buffer> {
  const { text, ...rest } = photo;
  const modules = encodeQR(text, "raw", { ecc: "medium", border: 4 });
  return page
    .evaluate(`(${drawPhoto.toString()})(${JSON.stringify({ modules, width: 1600, height: 1200, ...rest })})`)
    .then((base64) => Buffer.from(String(base64), "base64"));
}

/** Runs in the page. */
function drawPhoto(photo: {
  modules: boolean[][];
  width: number;
  height: number;
  degrees: number;
  blurPx: number;
  sidePx: number;
}): string {
  // biome-ignore lint/suspicious/noExplicitAny: this runs in a browser, whose types this program does not have
  const { document } = globalThis as any;
  const canvas = document.createElement("canvas");
  canvas.width = photo.width;
  canvas.height = photo.height;
  const context = canvas.getContext("2d");
  context.fillStyle = "#b9b4aa";
  context.fillRect(0, 0, photo.width, photo.height);
  let seed = 7;
  for (let i = 0; i < 4000; i++) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    context.fillStyle = `rgba(${seed % 200}, ${seed % 150}, ${seed % 100}, 0.25)`;
    context.fillRect(seed % photo.width, (seed >> 8) % photo.height, 6, 6);
  }
  context.filter = photo.blurPx === 0 ? "none" : `blur(${photo.blurPx}px)`;
  context.translate(photo.width * 0.55, photo.height * 0.48);
  context.rotate((photo.degrees * Math.PI) / 180);
  const size = photo.modules.length;
  const module = photo.sidePx / size;
  const code = document.createElement("canvas");
  code.width = size * 10;
  code.height = size * 10;
  const pen = code.getContext("2d");
  pen.fillStyle = "#f4f2ee";
  pen.fillRect(0, 0, code.width, code.height);
  pen.fillStyle = "#1b1a18";
  for (const [y, line] of photo.modules.entries())
    for (const [x, isDark] of line.entries()) if (isDark) pen.fillRect(x * 10, y * 10, 10, 10);
  context.drawImage(code, (-size * module) / 2, (-size * module) / 2, size * module, size * module);
  return canvas.toDataURL("image/png").split(",")[1];
}

async function choosePicture(page: Page, buffer: Buffer): Promise<void> {
  await page
    .locator('input[type="file"]')
    .setInputFiles({ name: "photo.png", mimeType: "image/png", buffer });
}

test(
  "a picture of a label leads to the item, on whatever domain the label was printed for",
  options,
  async () => {
    const { page, errors, close } = await openPage(browser, scanPage(), { viewport: PHONE });
    await page.getByRole("heading", { name: "Scan" }).waitFor();
    await takeScreenshot(page, "scan", true);
    assert.deepEqual(await findAccessibilityFaults(page), []);
    await choosePicture(page, await takePhoto(page, { text: LABEL, degrees: 12, blurPx: 1, sidePx: 420 }));
    await page.waitForURL((url) => url.pathname === "/console/items");
    assert.equal(new URL(page.url()).searchParams.get("id"), ITEM);
    assert.equal(new URL(page.url()).origin, node.url);
    assert.deepEqual(errors, []);
    await close();
  },
);

test("turned, blurred and small codes are read from photos", options, async () => {
  const { page, close } = await openPage(browser, scanPage(), { viewport: DESKTOP });
  await page.getByRole("heading", { name: "Scan" }).waitFor();
  const photos = [
    { degrees: 0, blurPx: 0, sidePx: 900 },
    { degrees: 45, blurPx: 0, sidePx: 500 },
    { degrees: 90, blurPx: 1, sidePx: 400 },
    { degrees: 180, blurPx: 2, sidePx: 500 },
    { degrees: 263, blurPx: 1.5, sidePx: 300 },
    { degrees: 10, blurPx: 0, sidePx: 160 },
    { degrees: 30, blurPx: 3, sidePx: 700 },
  ];
  for (const photo of photos) {
    const buffer = await takePhoto(page, { text: LABEL, ...photo });
    await choosePicture(page, buffer);
    await page
      .waitForURL((url) => url.pathname === "/console/items", { timeout: 15_000 })
      .catch(() => assert.fail(`not read: ${JSON.stringify(photo)}`));
    await page.goBack();
  }
  await close();
});

test("a picture without a code, and a file that is no picture, say so", options, async () => {
  const { page, close } = await openPage(browser, scanPage());
  const empty = await takePhoto(page, { text: LABEL, degrees: 0, blurPx: 0, sidePx: 1 });
  await choosePicture(page, empty);
  await page.getByRole("alert").getByText("no QR code could be read").waitFor();
  await choosePicture(page, Buffer.from("no picture"));
  await page.getByRole("alert").getByText("is no picture").waitFor();
  await close();
});

test("typed codes: an element string leads to the item, a foreign address nowhere", options, async () => {
  const { page, errors, close } = await openPage(browser, scanPage());
  const type = async (text: string): Promise<void> => {
    await page.getByLabel("Code", { exact: true }).fill(text);
    await page.getByRole("button", { name: "Look it up" }).click();
  };
  await type("https://evil.example/<img src=x onerror=alert(1)>?x=1");
  await page.getByText("It is no code of an item").or(page.getByText("This page does not open it")).waitFor();
  await type("https://evil.example/login");
  await page.getByText("This page does not open it").waitFor();
  assert.equal(new URL(page.url()).pathname, "/console/scan");
  assert.equal(await page.locator('a[href*="evil.example/login"]').count(), 0);
  await type("javascript:alert(1)");
  await page.getByText("It is no code of an item").waitFor();
  await type("(01)00012345111113(21)1");
  await page.getByText("check digit").waitFor();
  await type("(01)00012345111112(21)1");
  await page.waitForURL((url) => url.pathname === "/console/items");
  assert.equal(new URL(page.url()).searchParams.get("id"), ITEM);
  assert.deepEqual(errors, []);
  await close();
});

test("a proof's address opens the verifier page of this node with it", options, async () => {
  const { page, close } = await openPage(browser, scanPage());
  const proof = `https://other.example/api/v1/statements/${"ab".repeat(32)}/receipt`;
  await page.getByLabel("Code", { exact: true }).fill(proof);
  await page.getByRole("button", { name: "Look it up" }).click();
  await page.getByRole("link", { name: "verifier page" }).click();
  await page.waitForURL((url) => url.pathname === "/verifier.html");
  assert.equal(await page.getByLabel("Address of a proof").inputValue(), proof);
  assert.equal(new URL(page.url()).origin, node.url);
  await close();
});

test("a camera that is refused leaves the other ways", options, async () => {
  const plain = await chromium.launch({
    executablePath: process.env.LHG_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--deny-permission-prompts"],
  });
  const { page, close } = await openPage(plain, scanPage(), { viewport: PHONE, permissions: [] });
  await page.getByRole("button", { name: "Start the camera" }).click();
  await page.getByRole("alert").getByText("Choose a picture, or type the code").waitFor();
  await page.getByRole("button", { name: "Start the camera" }).waitFor();
  await takeScreenshot(page, "scan-refused");
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await close();
  await plain.close();
});

test("the camera starts, shows its picture, and is given back", options, async () => {
  const { page, errors, close } = await openPage(browser, scanPage(), { viewport: PHONE });
  await page.getByRole("button", { name: "Start the camera" }).click();
  await page.getByText("Hold the code into the picture").waitFor();
  await page.getByRole("button", { name: "Stop the camera" }).click();
  await page.getByRole("button", { name: "Start the camera" }).waitFor();
  assert.equal(await page.evaluate("document.querySelector('video').srcObject === null"), true);
  assert.deepEqual(errors, []);
  await close();
});
