/** A consumer with a thing in the hand: a picture of its code, the code typed, a camera that is refused. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { chromium, type Page } from "playwright-core";
import encodeQR from "qr";
import { DESKTOP, findAccessibilityFaults, openPage, PHONE, takeScreenshot } from "../browser.ts";
import { options, setStage } from "./setup.ts";

const ITEM = "https://id.gs1.org/01/00012345111112/21/1";
const LABEL = "https://trace.example/01/00012345111112/21/1";

const stage = setStage("scan");

const scanPage = (): string => `${stage.node.url}/console/scan`;

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
    const { page, errors, close } = await stage.open(scanPage(), { viewport: PHONE });
    await page.getByRole("heading", { name: "Scan" }).waitFor();
    await takeScreenshot(page, "scan", true);
    assert.deepEqual(await findAccessibilityFaults(page), []);
    await choosePicture(page, await takePhoto(page, { text: LABEL, degrees: 12, blurPx: 1, sidePx: 420 }));
    await page.waitForURL((url) => url.pathname === "/console/items");
    assert.equal(new URL(page.url()).searchParams.get("id"), ITEM);
    assert.equal(new URL(page.url()).origin, stage.node.url);
    assert.deepEqual(errors, []);
    await close();
  },
);

test("turned, blurred and small codes are read from photos", options, async () => {
  const { page, close } = await stage.open(scanPage(), { viewport: DESKTOP });
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
  const { page, close } = await stage.open(scanPage());
  const empty = await takePhoto(page, { text: LABEL, degrees: 0, blurPx: 0, sidePx: 1 });
  await choosePicture(page, empty);
  await page.getByRole("alert").getByText("no QR code could be read").waitFor();
  await choosePicture(page, Buffer.from("no picture"));
  await page.getByRole("alert").getByText("is no picture").waitFor();
  await close();
});

test("typed codes: an element string leads to the item, a foreign address nowhere", options, async () => {
  const { page, errors, close } = await stage.open(scanPage());
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
  const { page, close } = await stage.open(scanPage());
  const proof = `https://other.example/api/v1/statements/${"ab".repeat(32)}/receipt`;
  await page.getByLabel("Code", { exact: true }).fill(proof);
  await page.getByRole("button", { name: "Look it up" }).click();
  await page.getByRole("link", { name: "verifier page" }).click();
  await page.waitForURL((url) => url.pathname === "/verifier.html");
  assert.equal(await page.getByLabel("Address of a proof").inputValue(), proof);
  assert.equal(new URL(page.url()).origin, stage.node.url);
  await close();
});

const CAMERAS: readonly (readonly [name: string, flags: readonly string[], words: string])[] = [
  ["refused", ["--use-fake-device-for-media-stream", "--deny-permission-prompts"], "The camera was refused"],
  ["absent", ["--deny-permission-prompts"], "There is no camera here"],
];

for (const [name, flags, words] of CAMERAS)
  test(`a camera that is ${name} leaves the other ways`, options, async () => {
    const plain = await chromium.launch({
      executablePath: process.env.LHG_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", ...flags],
    });
    const { page, close } = await openPage(plain, scanPage(), { viewport: PHONE, permissions: [] });
    await page.getByRole("button", { name: "Start the camera" }).click();
    await page.getByRole("alert").getByText(words).waitFor();
    await page.getByRole("button", { name: "Start the camera" }).waitFor();
    await takeScreenshot(page, `scan-${name}`);
    assert.deepEqual(await findAccessibilityFaults(page), []);
    await close();
    await plain.close();
  });

test("the camera starts, shows its picture, and is given back", options, async () => {
  const { page, errors, close } = await stage.open(scanPage(), { viewport: PHONE });
  await page.getByRole("button", { name: "Start the camera" }).click();
  await page.getByText("Hold the code into the picture").waitFor();
  await page.getByRole("button", { name: "Stop the camera" }).click();
  await page.getByRole("button", { name: "Start the camera" }).waitFor();
  assert.equal(await page.evaluate("document.querySelector('video').srcObject === null"), true);
  assert.deepEqual(errors, []);
  await close();
});

/** A film of one picture in YUV4MPEG2, as Chromium's false camera plays it. */
function makeFilm(text: string, width = 640, height = 480): Buffer {
  const modules = encodeQR(text, "raw", { ecc: "medium", border: 4 });
  const scale = Math.floor((0.8 * height) / modules.length);
  const [left, top] = [width, height].map((side) => Math.floor((side - scale * modules.length) / 2)) as [
    number,
    number,
  ];
  const luma = Buffer.alloc(width * height, 150);
  for (const [y, line] of modules.entries())
    for (const [x, isDark] of line.entries())
      for (let row = 0; row < scale; row++) {
        const start = (top + y * scale + row) * width + left + x * scale;
        luma.fill(isDark ? 30 : 220, start, start + scale);
      }
  const frame = Buffer.concat([Buffer.from("FRAME\n"), luma, Buffer.alloc((width * height) / 2, 128)]);
  return Buffer.concat([
    Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`),
    frame,
    frame,
  ]);
}

test("a code that the camera sees leads to the item", options, async () => {
  const film = join(stage.data, "film.y4m");
  await writeFile(film, makeFilm(LABEL));
  const filming = await chromium.launch({
    executablePath: process.env.LHG_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-video-capture=${film}`,
    ],
  });
  const { page, errors, close } = await openPage(filming, scanPage(), { viewport: PHONE });
  await page.getByRole("button", { name: "Start the camera" }).click();
  await page.waitForURL((url) => url.pathname === "/console/items");
  assert.equal(new URL(page.url()).searchParams.get("id"), ITEM);
  assert.deepEqual(errors, []);
  await close();
  await filming.close();
});
