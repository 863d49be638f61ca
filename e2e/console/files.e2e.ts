/** Anyone with a file: who registered it, registering it, and files larger than memory. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { DESKTOP, findAccessibilityFaults, PHONE, takeScreenshot } from "../browser.ts";
import { assertFits, options, setStage } from "./setup.ts";

const MIB = 1 << 20;
const HOSTILE = "raw data <img src=x onerror=alert(1)> \u202egnp.exe \u0e01\u0e4a\u0e4a\u0e4a";

const stage = setStage("files");

const FILES = "/console/files";
const picture = Buffer.from("a contract, say");

function choose(page: Page, name: string, buffer: Buffer, mimeType = "application/pdf"): Promise<void> {
  return page.getByLabel("Choose a file").setInputFiles({ name, mimeType, buffer });
}

/** Drops a file of `count` MiB that is made in the page of one MiB, so that it takes no memory. */
function dropLarge(page: Page, count: number): Promise<unknown> {
  return page.evaluate(`(() => {
    const piece = new Blob([new Uint8Array(${MIB}).fill(7)]);
    const row = new Blob(Array(64).fill(piece));
    const rest = Array(${count % 64}).fill(piece);
    const file = new File([...Array(${Math.trunc(count / 64)}).fill(row), ...rest], "large.bin");
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(file);
    const place = document.querySelector(".drop-place");
    place.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  })()`);
}

test("a file is registered, and found again with its receipt checked here", options, async () => {
  const { page, errors, close } = await stage.open(FILES, { viewport: DESKTOP });
  await choose(page, "contract.pdf", picture);
  await page.getByText(createHash("sha256").update(picture).digest("hex")).waitFor();
  await page.getByText("Nobody has registered this file").waitFor();
  await page.getByLabel("Note").fill("Signed <b>copy</b>");
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await page.getByRole("button", { name: "Sign and register" }).click();
  await page.getByRole("heading", { name: "Registered", exact: true }).waitFor();
  await page.getByText("receipt checked in this browser").waitFor();
  const waiting = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download the receipt" }).first().click();
  const download = await waiting;
  const receiptFile = join(stage.data, "contract.receipt");
  await download.saveAs(receiptFile);
  assert.ok((await readFile(receiptFile)).length > 500);
  await stage.lhg("verify", receiptFile);

  await page.reload();
  await choose(page, "renamed.pdf", picture);
  await page.getByText("receipt checked in this browser").waitFor();
  await page.getByText("Signed <b>copy</b>").waitFor();
  await page.getByText("Acme Manufacturing").first().waitFor();
  await page.evaluate("scrollTo(0, 0)");
  await takeScreenshot(page, "files", true);
  assert.deepEqual(await findAccessibilityFaults(page), []);

  await page.getByText("has registered this file before").waitFor();
  assert.equal(await page.getByRole("button", { name: "Sign and register" }).isEnabled(), false);
  await page.getByLabel("Who signs").selectOption({ label: "Nordic Rail (vendor)" });
  await page.getByRole("button", { name: "Sign and register" }).click();
  await page.getByRole("heading", { name: "Registered", exact: true }).waitFor();
  await page.getByText("receipt checked in this browser").nth(1).waitFor();
  assert.deepEqual(errors, []);
  await close();
});

test("what the command registered is found on a phone in the dark", options, async () => {
  const file = join(stage.data, "measurements.csv");
  await writeFile(file, "t,v\n1,2\n");
  await stage.lhg("attest", file, "--note", HOSTILE, "--as", "nordic-rail");
  const { page, errors, close } = await stage.open(FILES, {
    viewport: PHONE,
    colorScheme: "dark",
  });
  await page.getByLabel("Choose a file").setInputFiles(file);
  await page.getByText("raw data").waitFor();
  assert.equal(await page.locator("main img").count(), 0);
  await page.getByText("receipt checked in this browser").waitFor();
  await takeScreenshot(page, "files-phone", true);
  await assertFits(page);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  assert.deepEqual(errors, []);
  await close();
});

test("a large file is hashed in a stream, and tells its rate", options, async () => {
  const { page, errors, close } = await stage.open(FILES);
  await page.getByText("Drop a file of any size").waitFor();
  const count = 300;
  await dropLarge(page, count);
  const hash = createHash("sha256");
  const piece = Buffer.alloc(MIB, 7);
  for (let i = 0; i < count; i++) hash.update(piece);
  await page.getByText(hash.digest("hex")).waitFor();
  const told = await page.getByText(/hashed at/).textContent();
  assert.match(told ?? "", /^315 MB, hashed at [0-9.]+ [MG]B\/s$/);
  assert.deepEqual(errors, []);
  await close();
});

test("ten gigabytes begin at once, show how far they are, and can be cancelled", options, async () => {
  const { page, errors, close } = await stage.open(FILES);
  await page.getByText("Drop a file of any size").waitFor();
  await dropLarge(page, 10_240);
  await page.getByText(/^[1-9][0-9.]* MB of 10\.7 GB/).waitFor();
  await takeScreenshot(page, "files-hashing", true);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("heading", { name: "Hashing" }).waitFor({ state: "detached" });
  await choose(page, "next.txt", Buffer.from("next"), "text/plain");
  await page.getByText("Nobody has registered this file").waitFor();
  assert.deepEqual(errors, []);
  await close();
});

test("when the node goes away while registering, what was signed is sent later", options, async () => {
  const { page, close } = await stage.open(FILES);
  const file = Buffer.from("registered while the node was away");
  await choose(page, "away.txt", file, "text/plain");
  await page.getByText("Nobody has registered this file").waitFor();
  await page.route("**/api/v1/statements", (route) => route.abort());
  await page.getByRole("button", { name: "Sign and register" }).click();
  await page.getByText("Nothing is lost").waitFor();
  await page.reload();
  await page.unroute("**/api/v1/statements");
  await page.getByRole("button", { name: "Send again" }).click();
  await page.getByText("It was sent").waitFor();
  await choose(page, "away.txt", file, "text/plain");
  await page.getByText("receipt checked in this browser").waitFor();
  await close();
});
