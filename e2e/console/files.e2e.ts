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

test("a file is registered, and found again with its entry proven here", options, async () => {
  const { page, errors, close } = await stage.open(FILES, { viewport: DESKTOP });
  await choose(page, "contract.pdf", picture);
  await page.getByText(createHash("sha256").update(picture).digest("hex")).waitFor();
  await page.getByText("Nobody had registered this file: that is proven").waitFor();
  await page.getByLabel("Note").fill("Signed <b>copy</b>");
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await page.getByRole("button", { name: "Sign and register" }).click();
  await page.getByRole("heading", { name: "Registered", exact: true }).waitFor();
  await page.getByText("proven in this browser").waitFor();
  const waiting = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download the receipt" }).first().click();
  const download = await waiting;
  const receiptFile = join(stage.data, "contract.receipt");
  await download.saveAs(receiptFile);
  assert.ok((await readFile(receiptFile)).length > 500);
  await stage.lhg("verify", receiptFile);

  await page.reload();
  await choose(page, "renamed.pdf", picture);
  await page.getByText("proven in this browser").waitFor();
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
  await page.getByText("proven in this browser").nth(1).waitFor();
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
  await page.getByText("proven in this browser").waitFor();
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
  await page.getByText("Nobody had registered this file: that is proven").waitFor();
  assert.deepEqual(errors, []);
  await close();
});

test("when the node goes away while registering, what was signed is sent later", options, async () => {
  const { page, close } = await stage.open(FILES);
  const file = Buffer.from("registered while the node was away");
  await choose(page, "away.txt", file, "text/plain");
  await page.getByText("Nobody had registered this file: that is proven").waitFor();
  await page.route("**/api/v1/statements", (route) => route.abort());
  await page.getByRole("button", { name: "Sign and register" }).click();
  await page.getByText("Nothing is lost").waitFor();
  await page.reload();
  await page.unroute("**/api/v1/statements");
  await page.getByRole("button", { name: "Send again" }).click();
  await page.getByText("It was sent").waitFor();
  await choose(page, "away.txt", file, "text/plain");
  await page.getByText("proven in this browser").waitFor();
  await close();
});

const LISTS = "**/api/v1/attestations/**";
interface Answer {
  digest: string;
  total: number;
  items: { timeMs: number }[];
  proof?: unknown;
}

/** Opens the page before a node whose answers about files somebody changes on the way. */
async function openThrough(change: (answer: Answer, isProof: boolean) => Answer | undefined): Promise<Page> {
  const { page } = await stage.open(FILES);
  await page.route(LISTS, async (route) => {
    const isProof = new URL(route.request().url()).searchParams.get("proof") === "true";
    const response = await route.fetch();
    const changed = change((await response.json()) as Answer, isProof);
    if (changed !== undefined) return route.fulfill({ response, json: changed });
    const problem = { type: "about:blank", code: "proof.not-yet", detail: "none", field: "height" };
    await route.fulfill({ status: 409, contentType: "application/problem+json", json: problem });
  });
  return page;
}

/** What the list of a file says once it is judged; nothing in it is green. */
async function expectRefusal(page: Page, file: Buffer, text: string | RegExp): Promise<void> {
  await choose(page, "file.bin", file);
  await page.getByText(text).first().waitFor();
  assert.equal(await page.getByText("proven in this browser").count(), 0);
  assert.equal(await page.getByText("that is proven").count(), 0);
}

test("a node that lies about who registered a file is never green", options, async () => {
  const first = Buffer.from("registered by a company");
  const other = Buffer.from("registered by nobody");
  const file = join(stage.data, "first.txt");
  await writeFile(file, first);
  await stage.lhg("attest", file, "--note", "true note", "--as", "nordic-rail");
  const url = new URL(
    `/api/v1/attestations/${createHash("sha256").update(first).digest("hex")}`,
    stage.node.url,
  );
  const ask = async (query: string): Promise<Answer> =>
    (await fetch(`${url}${query}`)).json() as Promise<Answer>;
  let real: Answer;
  do real = await ask("?proof=true");
  while (real.total === 0);

  // Another file's registration, though that one was found to hold in this very page before.
  let isLying = false;
  const lent = await openThrough((answer) => (isLying ? { ...real, digest: answer.digest } : answer));
  await choose(lent, "first.txt", first);
  await lent.getByText("proven in this browser").waitFor();
  isLying = true;
  await expectRefusal(lent, other, /proves the value of another key/);
  await lent.close();

  // What the node writes beside the proof is not shown at all.
  const bent = await openThrough((answer) => ({
    ...answer,
    items: answer.items.map((item) => ({
      ...item,
      timeMs: Date.UTC(2009, 0, 3),
      height: 1,
      note: "false note",
    })),
  }));
  await choose(bent, "first.txt", first);
  await bent.getByText("proven in this browser").waitFor();
  await bent.getByText("true note").waitFor();
  assert.equal(await bent.getByText("false note").count(), 0);
  const times = await bent
    .locator(".registration time")
    .evaluateAll((all) => all.map((one) => one.getAttribute("datetime")));
  assert.deepEqual(times, [new Date(real.items[0]?.timeMs ?? 0).toISOString()]);
  await bent.close();

  // An entry hidden: the proven number stays, or its proof is missing.
  const hidden = await openThrough((answer) => ({ ...answer, total: 0, items: [] }));
  await expectRefusal(hidden, first, /the node leaves it out \(proof.missing\)/);
  await hidden.close();
  const empty = await openThrough(({ proof: _, ...answer }) => ({ ...answer, total: 0, items: [] }));
  await expectRefusal(empty, first, /nothing of the node's answer is shown/);
  await empty.close();

  // Without any proof the word of the node is marked as such.
  const early = await openThrough((answer, isProof) =>
    isProof ? undefined : { ...answer, total: 0, items: [] },
  );
  await expectRefusal(early, other, /That is not proven/);
  await early.close();
});

test("the name of who registered a file is the proven one, or marked", options, async () => {
  const content = Buffer.from("registered under a name");
  const file = join(stage.data, "named.txt");
  await writeFile(file, content);
  await stage.lhg("attest", file, "--as", "nordic-rail");
  for (const keepsProof of [true, false]) {
    const { page, close } = await stage.open(FILES);
    await page.route("**/api/v1/vendors**", async (route) => {
      const response = await route.fetch();
      await route.fulfill({
        response,
        body: (await response.text()).replaceAll("Nordic Rail", "Court of Justice"),
      });
    });
    await page.route("**/api/v1/vendors/*", async (route) => {
      const response = await route.fetch();
      const { proof, ...vendor } = (await response.json()) as Record<string, unknown>;
      await route.fulfill({
        response,
        json: { ...vendor, name: "Court of Justice", ...(keepsProof ? { proof } : {}) },
      });
    });
    await choose(page, "named.txt", content);
    await page.getByText("proven in this browser").waitFor();
    const entry = page.locator(".registration");
    await entry.getByText(keepsProof ? "Nordic Rail" : "name not proven").waitFor();
    if (keepsProof) assert.equal(await entry.getByText("Court of Justice").count(), 0);
    await close();
  }
});

test("when the validators are no longer trusted, a registration is amber", options, async () => {
  const content = Buffer.from("registered long ago");
  const file = join(stage.data, "old.txt");
  await writeFile(file, content);
  await stage.lhg("attest", file, "--as", "nordic-rail");
  const { page, close } = await stage.open(FILES);
  await page.clock.setFixedTime(Date.now() + 181 * 24 * 3_600_000);
  await choose(page, "old.txt", content);
  await page.getByText("unconfirmed since").waitFor();
  await page.locator(".badge.warn").getByText("proven in this browser").waitFor();
  assert.equal(await page.locator(".badge.good").count(), 0);
  await close();
});
