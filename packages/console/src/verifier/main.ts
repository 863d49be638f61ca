/** The verifier page: takes a proof in any form and says what it proves, against the chain that is pinned in it. */
import { LhgError } from "@lhg/protocol/core/errors";
import { verifyProof } from "@lhg/sdk/verify/verify-proof";
import { startCamera } from "../pages/scan/camera.ts";
import { readImageFile } from "../pages/scan/decode-image.ts";
import { verifier as words } from "../strings/en-verifier.ts";
import { element } from "./dom.ts";
import { type Pin, readOwnPin, trustAt } from "./pin.ts";
import { fetchProof, readProofFile, readProofText } from "./read-proof.ts";
import { showFailure, showVerdict } from "./show-verdict.ts";
import { createTrustPanel } from "./trust-panel.ts";
import "./verifier.css";

let pin: Pin | undefined;

const result = element("div", { id: "result", tabindex: "-1", "aria-live": "polite" });
const address = element("input", {
  id: "address",
  class: "text-input",
  type: "url",
  placeholder: words.addressHint,
  maxlength: "4096",
  autocomplete: "off",
  spellcheck: "false",
});

function show(node: Node): void {
  result.replaceChildren(node);
  result.focus({ preventScroll: true });
  result.scrollIntoView({ block: "start" });
}

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  show(showFailure(words.unreadable, message, error instanceof LhgError ? error.code : "internal"));
}

/** One after the other: a proof that comes while another is read takes its place. */
let turn = 0;
async function check(source: string, read: () => Promise<Uint8Array | undefined>): Promise<void> {
  const own = ++turn;
  show(element("p", { role: "status" }, words.working));
  try {
    const bytes = await read();
    // Lets the browser draw before a long check.
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (own !== turn || bytes === undefined) return;
    if (pin === undefined) throw new LhgError("verifier.unpinned", words.noPin);
    show(showVerdict(verifyProof(bytes, trustAt(pin, Date.now())), source, pin.names));
  } catch (error) {
    if (own === turn) fail(error);
  }
}

/** What a code holds: a proof, or the address of one, which is fetched only when the user says so. */
async function readScanned(text: string): Promise<Uint8Array | undefined> {
  if (!/^https?:/i.test(text)) return readProofText(text);
  address.value = text;
  show(element("p", { role: "status" }, words.scannedAddress));
  address.focus();
  return undefined;
}

async function readFile(file: File): Promise<Uint8Array | undefined> {
  if (!file.type.startsWith("image/")) return readProofFile(file);
  const text = await readImageFile(file);
  if (text === undefined) throw new LhgError("image.no-code", words.noCode, "image");
  return readScanned(text);
}

const checkFile = (file: File): Promise<void> => check(file.name, () => readFile(file));
const checkAddress = (): Promise<void> => check(address.value, () => fetchProof(address.value.trim()));

function createDropPlace(): HTMLElement {
  const picker = element("input", { id: "file", type: "file", class: "visually-hidden" });
  picker.addEventListener("change", () => {
    const file = picker.files?.[0];
    if (file !== undefined) void checkFile(file);
    picker.value = "";
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) void checkFile(file);
  });
  return element(
    "div",
    { class: "drop-place" },
    element("p", { class: "drop-title" }, words.drop),
    picker,
    element("label", { for: "file", class: "button main" }, words.choose),
    element("p", { class: "muted" }, words.fileHint),
    createCamera(),
  );
}

function createCamera(): HTMLElement | undefined {
  if (!("mediaDevices" in navigator)) return undefined;
  const video = element("video", { hidden: true, playsinline: true, muted: true });
  const button = element("button", { type: "button", class: "button" }, words.camera);
  const note = element("p", { role: "status" });
  let stop: (() => void) | undefined;
  const end = (): void => {
    stop?.();
    stop = undefined;
    video.hidden = true;
    button.textContent = words.camera;
  };
  button.addEventListener("click", () => {
    if (stop !== undefined) {
      end();
      return;
    }
    note.textContent = "";
    button.textContent = words.cameraStop;
    stop = startCamera(video, {
      onStart: () => {
        video.hidden = false;
      },
      onText: (text) => {
        end();
        void check(words.camera, () => readScanned(text));
      },
      onProblem: (problem) => {
        end();
        note.textContent = words.cameraErrors[problem];
      },
    });
  });
  return element("div", { class: "camera" }, button, note, video);
}

function createForm(label: string, field: HTMLElement, action: string, run: () => void): HTMLElement {
  const form = element(
    "form",
    {},
    element("label", { for: field.id }, label),
    element("div", { class: "row" }, field, element("button", { type: "submit", class: "button" }, action)),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  return form;
}

function build(): void {
  const pasted = element("textarea", {
    id: "text",
    class: "text-input",
    rows: "3",
    autocomplete: "off",
    spellcheck: "false",
  });
  const page = document.getElementById("page")!;
  page.append(
    element("header", {}, element("h1", {}, words.title), element("p", { class: "muted" }, words.lead)),
    element(
      "main",
      { class: "stack" },
      element(
        "section",
        { class: "panel inputs" },
        createDropPlace(),
        createForm(words.address, address, words.fetch, () => void checkAddress()),
        createForm(words.text, pasted, words.check, () => {
          void check(words.text, async () => readProofText(pasted.value));
        }),
      ),
      result,
      createTrustPanel({
        readOwn: () => readOwnPin(document.getElementById("pin")!.textContent),
        onPin: (next) => {
          pin = next;
          // A verdict under another pin must not stay.
          result.replaceChildren();
        },
      }),
    ),
  );
}

/** A link can bring the address of a proof, `#url=...`, which is fetched at once only from the page's own server. */
function followFragment(): void {
  const given = new URLSearchParams(location.hash.slice(1)).get("url");
  if (given === null || !URL.canParse(given, location.href)) return;
  const url = new URL(given, location.href);
  if (!/^https?:$/.test(url.protocol)) return;
  address.value = url.href;
  if (url.origin === location.origin) void checkAddress();
  else address.focus();
}

build();
followFragment();
window.addEventListener("hashchange", followFragment);
