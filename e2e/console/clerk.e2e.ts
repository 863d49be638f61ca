/** A vendor's clerk: captures by phone and at a desk, sees it become provable, prints labels; nothing is lost on the way. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { DESKTOP, findAccessibilityFaults, PHONE, takeScreenshot } from "../browser.ts";
import { assertFits, options, setStage } from "./setup.ts";

const stage = setStage("clerk");

const capturePage = (): string => `${stage.node.url}/console/capture`;
const itemOf = (serial: string): string => `(01)00012345111112(21)${serial}`;

async function sign(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Sign and send" }).first().click();
}

async function waitUntilCaptured(page: Page): Promise<void> {
  await page.getByRole("heading", { name: "Captured", exact: true }).waitFor();
}

/** Waits until the key of the first development vendor is chosen and its vendor is known. */
async function waitForVendor(page: Page, name = "Acme Manufacturing"): Promise<void> {
  await page.getByText(`${name} has`).waitFor();
}

test("on a phone: made, seen live, provable, and labels of it printed", options, async () => {
  const { page, errors, close } = await stage.open(capturePage(), { viewport: PHONE });
  await waitForVendor(page);
  await page.getByLabel("Items").fill(`${itemOf("c1")}\n${itemOf("c2")}`);
  await page.getByLabel("Place", { exact: true }).fill("47.37, 8.54");
  await page.getByText("What will be signed: Made, 2 things").waitFor();
  await page.evaluate("scrollTo(0, 0)");
  await takeScreenshot(page, "capture-phone", true);
  await assertFits(page);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await sign(page);
  await waitUntilCaptured(page);
  await page.getByRole("heading", { name: "Captured last" }).waitFor();
  await page.locator(".capture-list").getByText("Came into being").first().waitFor();
  await page.evaluate("scrollTo(0, 0)");
  await takeScreenshot(page, "captured-phone", true);
  assert.deepEqual(await findAccessibilityFaults(page), []);

  const item = await (
    await fetch(
      `${stage.node.url}/api/v1/items?id=${encodeURIComponent("urn:epc:id:sgtin:0012345.011111.c1")}`,
    )
  ).json();
  assert.ok((item as { commissioned: string | null }).commissioned);

  await page.getByRole("link", { name: "Labels" }).click();
  await page.getByRole("img", { name: "QR code of (01) 00012345111112 (21) c1" }).waitFor();
  await page.getByText("Acme Manufacturing").first().waitFor();
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await takeScreenshot(page, "label-phone", true);
  await close();
  assert.deepEqual(errors, []);
});

test(
  "at a desk, in the dark: packed, shipped, received by the partner, who then answers for it",
  options,
  async () => {
    const { page, errors, close } = await stage.open(capturePage(), {
      viewport: DESKTOP,
      colorScheme: "dark",
    });
    await waitForVendor(page);
    const pallet = "urn:epc:id:sscc:0012345.0777777777";
    const choose = (happening: string): Promise<void> =>
      page.getByRole("radio", { name: happening, exact: true }).check({ force: true });
    await choose("Packed");
    await page.getByLabel("Items").fill("urn:epc:id:sgtin:0012345.011111.c1");
    await page.getByLabel("Container").fill(pallet);
    await sign(page);
    await waitUntilCaptured(page);
    await page.getByRole("button", { name: "Capture another" }).click();

    await choose("Shipped to…");
    await page.getByLabel("Items").fill(pallet);
    await page.getByLabel("To whom").selectOption({ label: "Nordic Rail" });
    await page.getByText("What will be signed: Shipped to…, 1 thing").click();
    await page.getByText("possessing_party").waitFor();
    await page.evaluate("scrollTo(0, 0)");
    await takeScreenshot(page, "capture", true);
    assert.deepEqual(await findAccessibilityFaults(page), []);
    await sign(page);
    await waitUntilCaptured(page);
    await page.getByRole("button", { name: "Capture another" }).click();

    await page.getByLabel("Who signs").selectOption({ label: "Nordic Rail (vendor)" });
    await waitForVendor(page, "Nordic Rail");
    await choose("Received");
    await page.getByLabel("Items").fill(pallet);
    await sign(page);
    await waitUntilCaptured(page);
    const vendors = (await (await fetch(`${stage.node.url}/api/v1/vendors`)).json()) as {
      items: { vendor: string; name: string }[];
    };
    const item = (await (
      await fetch(`${stage.node.url}/api/v1/items?id=${encodeURIComponent(pallet)}`)
    ).json()) as { custodian: string };
    assert.equal(vendors.items.find(({ vendor }) => vendor === item.custodian)?.name, "Nordic Rail");
    await close();
    assert.deepEqual(errors, []);
  },
);

test("labels print on paper, several on a page, without the frame", options, async () => {
  const ids = Array.from({ length: 12 }, (_, i) => `id=${encodeURIComponent(itemIdOf(`l${i}`))}`).join("&");
  const { page, errors, close } = await stage.open(`/console/labels?${ids}`);
  await page.getByRole("img", { name: "QR code of (01) 00012345111112 (21) l11" }).waitFor();
  await page.getByLabel("Name on the label").fill("Coffee 250 g <b>bold</b>");
  await takeScreenshot(page, "label", true);
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.getByRole("button", { name: "Print 12 labels" }).isVisible(), false);
  assert.equal(await page.getByRole("navigation").isVisible(), false);
  await takeScreenshot(page, "label-print", true);
  const printed = await page.locator(".item-label .qr").first().screenshot();
  const pdf = await page.pdf({ format: "A4" });
  const pages = pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length;
  assert.equal(pages, 1);
  await page.emulateMedia({ media: "screen" });
  await page.goto(`${stage.node.url}/console/scan`);
  await page
    .getByLabel("Choose a picture")
    .setInputFiles({ name: "label.png", mimeType: "image/png", buffer: printed });
  await page.waitForURL((url) => url.pathname === "/console/items");
  assert.equal(new URL(page.url()).searchParams.get("id"), itemIdOf("l0"));
  assert.deepEqual(errors, []);
  await close();
});

const itemIdOf = (serial: string): string => `https://id.gs1.org/01/00012345111112/21/${serial}`;

test(
  "what is wrong is said beside its field, and a foreign prefix before it is paid for",
  options,
  async () => {
    const { page, close } = await stage.open(capturePage(), { viewport: PHONE });
    await waitForVendor(page);
    await sign(page);
    await page.getByText("Name at least one item").waitFor();
    assert.equal(await page.getByLabel("Items").getAttribute("aria-invalid"), "true");
    assert.equal(await page.evaluate("document.activeElement.id"), "capture-items");
    await page.getByLabel("Items").fill("(01)00012345111113(21)1");
    await sign(page);
    await page.getByText("Line 1").waitFor();
    await page.getByLabel("Items").fill("urn:epc:id:sgtin:9506000.011111.1");
    await page.getByLabel("Place", { exact: true }).fill("somewhere nice");
    await sign(page);
    await page.getByText("must be an ASCII URI").waitFor();
    await page.getByLabel("Place", { exact: true }).fill("");
    await sign(page);
    await page.getByText("under another company's prefix").waitFor();
    await page.evaluate("scrollTo(0, 0)");
    await takeScreenshot(page, "capture-wrong-phone", true);
    assert.deepEqual(await findAccessibilityFaults(page), []);
    await close();
  },
);

test("a document of another program is captured as it is", options, async () => {
  const { page, errors, close } = await stage.open(capturePage());
  await waitForVendor(page);
  const file = page.getByLabel("Choose a document");
  await file.setInputFiles({ name: "broken.jsonld", mimeType: "", buffer: Buffer.from("{") });
  await page.getByRole("alert").waitFor();
  await file.setInputFiles(join(stage.data, "example.jsonld"));
  await page.getByText("3 events").waitFor();
  await page.getByRole("button", { name: "Sign and send" }).last().click();
  await waitUntilCaptured(page);
  assert.deepEqual(errors, []);
  await close();
});

test("the draft survives a reload; no key is kept", options, async () => {
  const { page, close } = await stage.open(capturePage());
  await waitForVendor(page);
  await page.getByLabel("Items").fill("<img src=x onerror=alert(1)>");
  await page.reload();
  assert.equal(await page.getByLabel("Items").inputValue(), "<img src=x onerror=alert(1)>");
  const keys = (await (await fetch(`${stage.node.url}/api/v1/development/keys`)).json()) as {
    keys: { seed: string }[];
  };
  const kept = String(
    await page.evaluate("JSON.stringify([...Object.values(sessionStorage), ...Object.values(localStorage)])"),
  );
  for (const { seed } of keys.keys) assert.equal(kept.includes(seed), false);
  await close();
});

test(
  "when the node goes away, what was signed is kept over a reload and sent once it is back",
  options,
  async () => {
    const { page, close } = await stage.open(capturePage());
    await waitForVendor(page);
    const id = "urn:epc:id:sgtin:0012345.011111.away";
    await page.getByLabel("Items").fill(id);
    await page.route("**/api/v1/statements", (route) => route.abort());
    await sign(page);
    await page.getByText("Nothing is lost").waitFor();
    await page.getByText("it is not known that a node has it").waitFor();
    await page.evaluate("scrollTo(0, 0)");
    await takeScreenshot(page, "capture-unsent", true);
    assert.deepEqual(await findAccessibilityFaults(page), []);
    await page.reload();
    await page.getByText("it is not known that a node has it").waitFor();
    assert.equal(await page.getByLabel("Items").inputValue(), id);
    await page.unroute("**/api/v1/statements");
    await page.getByRole("button", { name: "Send again" }).click();
    await waitUntilCaptured(page);
    const item = await fetch(`${stage.node.url}/api/v1/items?id=${encodeURIComponent(id)}`);
    assert.equal(item.status, 200);
    await close();
  },
);

test("where nothing more can be kept it says so before it signs, and drops nothing", options, async () => {
  const { page, close } = await stage.open(capturePage());
  await waitForVendor(page);
  await page.evaluate(`new Promise((resolve, reject) => {
    const opening = indexedDB.open("lhg-outbox", 1);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("unsent", "readwrite");
      for (let i = 0; i < 20; i++) {
        const id = String(i).padStart(64, "0");
        transaction.objectStore("unsent").add({ id, kind: "attestation", title: "file " + i, bytes: "00" });
      }
      transaction.oncomplete = () => resolve(undefined);
    };
  })`);
  await page.reload();
  await waitForVendor(page);
  let submissions = 0;
  await page.route("**/api/v1/statements", async (route) => {
    submissions += 1;
    await route.abort();
  });
  const id = "urn:epc:id:sgtin:0012345.011111.full";
  await page.getByLabel("Items").fill(id);
  await sign(page);
  await page.getByText("outbox.full").waitFor();
  assert.equal(await page.getByLabel("Items").inputValue(), id);
  assert.equal(submissions, 0);
  await page.goto(`${stage.node.url}/console/files`);
  await page.getByText("file 0", { exact: true }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Send again" }).count(), 20);
  await close();
});

test("a browser that keeps nothing is told of before anything is signed", options, async () => {
  const { page, close } = await stage.open("about:blank");
  await page.addInitScript("Object.defineProperty(window, 'indexedDB', { value: undefined })");
  await page.goto(capturePage());
  await waitForVendor(page);
  await page.getByText("This browser keeps nothing over a reload").waitFor();
  await page.getByLabel("Items").fill("urn:epc:id:sgtin:0012345.011111.private");
  await sign(page);
  await waitUntilCaptured(page);
  await close();
});

test(
  "when only the answer is lost, sending again finds it there and captures nothing twice",
  options,
  async () => {
    const { page, close } = await stage.open(capturePage());
    await waitForVendor(page);
    const id = "urn:epc:id:sgtin:0012345.011111.twice";
    await page.getByLabel("Items").fill(id);
    await page.route("**/api/v1/statements", async (route) => {
      await route.fetch();
      await route.abort();
    });
    await sign(page);
    await page.getByText("Nothing is lost").waitFor();
    await page.unroute("**/api/v1/statements");
    await page.getByRole("button", { name: "Send again" }).click();
    await waitUntilCaptured(page);
    const { items } = (await (
      await fetch(`${stage.node.url}/api/v1/items/events?id=${encodeURIComponent(id)}`)
    ).json()) as { items: unknown[] };
    assert.equal(items.length, 1);
    await close();
  },
);

test("a node that is gone before anything is signed is said so, until it is back", options, async () => {
  const { page, close } = await stage.open(capturePage());
  await waitForVendor(page);
  const id = "urn:epc:id:sgtin:0012345.011111.gone";
  await page.getByLabel("Items").fill(id);
  await stage.node.stop();
  await sign(page);
  const refusal = page.getByText("Nothing was signed yet");
  await refusal.waitFor();
  assert.equal(await page.getByText("offered again").count(), 0);
  await stage.restartNode();
  await refusal.waitFor({ state: "detached" });
  assert.equal(await page.getByLabel("Items").inputValue(), id);
  await sign(page);
  await waitUntilCaptured(page);
  await close();
});

test("without credit it says what to do, and keeps what was entered", options, async () => {
  const { page, close } = await stage.open(capturePage(), { viewport: PHONE });
  await waitForVendor(page);
  const id = "urn:epc:id:sgtin:0012345.011111.poor";
  await page.getByLabel("Items").fill(id);
  const problem = {
    id: "ab".repeat(32),
    state: "not-yet",
    code: "credit.insufficient",
    detail: "covers 0 of 120 credits",
    field: "capture",
  };
  await page.route("**/api/v1/statements", (route) =>
    route.fulfill({ status: 409, contentType: "application/problem+json", body: JSON.stringify(problem) }),
  );
  await sign(page);
  await page.getByRole("alert").getByText("lhg send credit").waitFor();
  assert.equal(await page.getByLabel("Items").inputValue(), id);
  assert.equal(await page.getByRole("button", { name: "Send again" }).count(), 0);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await close();
});

test("where no development keys are given out, a key file of one's own signs", options, async () => {
  process.env.LHG_PASSPHRASE = "correct horse";
  await stage.lhg("keys", "new", "own");
  const { page, close } = await stage.open("/console/");
  await page.route("**/api/v1/development/keys", (route) =>
    route.fulfill({ status: 404, contentType: "application/problem+json", body: "{}" }),
  );
  await page.goto(capturePage());
  await page.getByText("gives out no development keys").waitFor();
  await page.getByLabel("Key file").setInputFiles(join(stage.data, "keys/own.json"));
  await page.getByLabel("Passphrase").fill("wrong");
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.getByRole("alert").getByText("passphrase is wrong").waitFor();
  await page.getByLabel("Passphrase").fill("correct horse");
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.getByText("reload it, and it is forgotten").waitFor();
  await page.getByLabel("Signs for").waitFor();
  await page.evaluate("scrollTo(0, 0)");
  await takeScreenshot(page, "capture-own-key", true);
  await page.reload();
  await page.getByText("gives out no development keys").waitFor();
  await close();
});
