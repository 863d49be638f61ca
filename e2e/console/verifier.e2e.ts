/** The verifier page from a disk: what it says of proofs that hold and of one that was bent, and that it asks nobody. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import encodeQR from "qr";
import { runLhg, startDevNode } from "../../packages/node/e2e/dev-node.ts";
import { DESKTOP, findAccessibilityFaults, type OpenPage, PHONE, takeScreenshot } from "../browser.ts";
import { assertFits, options, setStage } from "./setup.ts";

const ITEM = "urn:epc:id:sgtin:0012345.011111.1";
let receiptFile: string;
let traceFile: string;
let pageFile: string;

const stage = setStage("verifier", async () => {
  [receiptFile, traceFile, pageFile] = ["event.receipt", "journey.trace", "verifier.html"].map((name) =>
    join(stage.data, name),
  ) as [string, string, string];
  const captured = await stage.lhg(
    "capture",
    join(stage.data, "example.jsonld"),
    "--wait",
    "provable",
    "--json",
  );
  const event = /"([0-9a-f]{64}):0"/.exec(captured)?.[0].slice(1, -1);
  assert.ok(event, captured);
  await stage.lhg("receipt", event, "--out", receiptFile);
  await stage.lhg("trace", ITEM, "--out", traceFile);
  await stage.lhg("verifier", "--out", pageFile);
});

/** The page from the disk; every request beside that for the page itself is noted. */
async function openVerifier(viewport = DESKTOP, colorScheme: "light" | "dark" = "light"): Promise<OpenPage> {
  const opened = await stage.open(pathToFileURL(pageFile).href, { viewport, colorScheme });
  opened.page.on("request", (request) => opened.errors.push(`asked for ${request.url()}`));
  return opened;
}

test("the node serves the bytes that the command writes, and tells their hash", options, async () => {
  const file = await readFile(pageFile);
  const served = Buffer.from(await (await fetch(`${stage.node.url}/verifier.html`)).arrayBuffer());
  assert.ok(served.equals(file));
  const sha256 = createHash("sha256").update(file).digest("hex");
  assert.match(
    await (await fetch(`${stage.node.url}/verifier.html.sha256`)).text(),
    new RegExp(`^${sha256} `),
  );
  assert.match(await stage.lhg("verifier", "--hash"), new RegExp(`^${sha256} `));
});

test("the page is built to the same bytes each time", options, async () => {
  const root = join(import.meta.dirname, "../..");
  const [first, second] = await Promise.all(
    ["first", "second"].map(async (name) => {
      const out = join(stage.data, name);
      const args = ["build", "--config", "packages/console/vite.verifier.config.ts", "--outDir", out];
      const vite = join(root, "node_modules/vite/bin/vite.js");
      const { status, stderr } = spawnSync(process.execPath, [vite, ...args, "--logLevel", "error"], {
        cwd: root,
        encoding: "utf8",
      });
      assert.equal(status, 0, stderr);
      return readFile(join(out, "verifier.html"), "utf8");
    }),
  );
  assert.equal(first, second);
  assert.equal(first?.split("__LHG_PINNED_GENESIS__").length, 2);
});

test("a receipt from the API holds, and the page says whose word it is", options, async () => {
  const { page, errors, close } = await openVerifier();
  await page.locator("#file").setInputFiles(receiptFile);
  await page.getByRole("heading", { name: "The proof holds" }).waitFor();
  await page.getByRole("heading", { name: "Only claimed" }).waitFor();
  await page.getByText("Acme Manufacturing").first().waitFor();
  assert.match((await page.locator("#pinned").textContent()) ?? "", /lhg-dev-[0-9a-f]{32}/);
  await takeScreenshot(page, "verifier", true);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  assert.deepEqual(errors, []);
  await close();
});

test("a trace holds and lists its events, also on a phone in the dark", options, async () => {
  const { page, errors, close } = await openVerifier(PHONE, "dark");
  await page.locator("#file").setInputFiles(traceFile);
  await page.getByText("was left out").first().waitFor();
  assert.ok((await page.locator(".event").count()) >= 2);
  await takeScreenshot(page, "verifier-trace-phone", true);
  await assertFits(page);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await page.locator(".event summary").first().click();
  await page.getByText("Recorded by the chain").first().waitFor();
  assert.deepEqual(errors, []);
  await close();
});

test("every bent proof is red", options, async () => {
  const { page, errors, close } = await openVerifier();
  const bytes = await readFile(receiptFile);
  for (const at of [40, bytes.length >> 1, bytes.length - 5]) {
    const bent = Buffer.from(bytes);
    bent[at]! ^= 1;
    await page.locator("#file").setInputFiles({ name: `bent-${at}.receipt`, mimeType: "", buffer: bent });
    await page.getByText(`bent-${at}.receipt`).waitFor();
    await page.getByRole("alert").getByText("Do not rely on this").waitFor();
  }
  await takeScreenshot(page, "verifier-failed", true);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  assert.deepEqual(errors, []);
  await close();
});

test("what is no proof at all is said to be none", options, async () => {
  const { page, errors, close } = await openVerifier();
  const given: readonly (readonly [name: string, bytes: Buffer])[] = [
    ["empty", Buffer.alloc(0)],
    ["zeros", Buffer.alloc(1_000)],
    ["trace-start", Buffer.from("88".padEnd(64, "f"), "hex")],
    ["text", Buffer.from("<script>alert(1)</script>")],
    ["json", Buffer.from('{"bytes": "8701"}')],
    ["deep", Buffer.alloc(100_000, 0x81)],
    ["bidi", Buffer.from("\u202e evil")],
  ];
  for (const [name, buffer] of given) {
    await page.locator("#file").setInputFiles({ name, mimeType: "", buffer });
    await page
      .getByRole("alert")
      .filter({ hasText: /Do not rely on this|could not be checked/ })
      .waitFor();
    // Gone before the next is read, so that each is seen by itself.
    await page.evaluate("document.getElementById('result').replaceChildren()");
  }
  assert.deepEqual(errors, []);
  await close();
});

test("the proof of a value, as the API answers it, says what the state holds", options, async () => {
  const { page, close } = await openVerifier();
  const vendors = (await (await fetch(`${stage.node.url}/api/v1/vendors`)).json()) as {
    items: { vendor: string }[];
  };
  const answer = await fetch(`${stage.node.url}/api/v1/vendors/${vendors.items[0]!.vendor}?proof=true`);
  await page.getByLabel("Or paste it").fill(await answer.text());
  await page.getByRole("button", { name: "Check", exact: true }).click();
  await page.getByRole("heading", { name: "The proof holds" }).waitFor();
  await page.getByText("the state holds exactly this under this key").first().waitFor();
  await page.getByText("State value", { exact: true }).waitFor();
  await takeScreenshot(page, "verifier-value", true);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await close();
});

test("proofs come as text, as a picture of a code, and by address from another server", options, async () => {
  const { page, close } = await stage.open(pathToFileURL(pageFile).href);
  const receipt = await readFile(receiptFile);
  const holds = page.getByRole("heading", { name: "The proof holds" });

  await page.getByLabel("Or paste it").fill(receipt.toString("base64"));
  await page.getByRole("button", { name: "Check", exact: true }).click();
  await holds.waitFor();

  await page.getByLabel("Or paste it").fill("neither $ nor");
  await page.getByRole("button", { name: "Check", exact: true }).click();
  await page.getByRole("alert").getByText("neither hexadecimal nor base64").waitFor();

  const address = `${stage.node.url}/api/v1/items/trace/bundle?id=${encodeURIComponent(ITEM)}`;
  const gif = Buffer.from(encodeQR(address, "gif", { scale: 6 }));
  await page.locator("#file").setInputFiles({ name: "code.gif", mimeType: "image/gif", buffer: gif });
  await page.getByText("The code holds an address").waitFor();
  await page.getByRole("button", { name: "Fetch and check" }).click();
  await holds.waitFor();

  await page.getByLabel("Address of a proof").fill(`${stage.node.url}/api/v1/status`);
  await page.getByRole("button", { name: "Fetch and check" }).click();
  await page.getByRole("alert").getByText("Download the proof").waitFor();
  await close();
});

test("a proof of another chain is red, and holds once that chain is pinned", options, async () => {
  const other = await mkdtemp(join(tmpdir(), "lhg-verifier-other-"));
  const otherNode = await startDevNode(other);
  const otherPage = join(other, "verifier.html");
  const genesisFile = join(stage.data, "genesis.json");
  const chain = await (await fetch(`${stage.node.url}/api/v1/chain`)).text();
  await writeFile(genesisFile, chain);
  assert.equal((await runLhg(otherNode, ["verifier", "--out", otherPage])).code, 0);
  await otherNode.stop();
  const { page, close } = await stage.open(pathToFileURL(otherPage).href);
  await page.locator("#file").setInputFiles(receiptFile);
  await page.getByRole("alert").getByText("Do not rely on this").waitFor();
  await page.locator("#genesis").setInputFiles(genesisFile);
  await page.getByText("Chosen by you").waitFor();
  await page.locator("#file").setInputFiles(receiptFile);
  await page.getByRole("heading", { name: "The proof holds" }).waitFor();
  await close();
  await rm(other, { recursive: true, force: true });
});
