/** Which chain is pinned, until when it is trusted, and how to check the page itself. */
import { LhgError } from "@lhg/protocol/core/errors";
import { verifier } from "../strings/en-verifier.ts";
import { code, element, foreign, listFacts } from "./dom.ts";
import { type Pin, readGenesisFile } from "./pin.ts";
import { showTime } from "./show-time.ts";
import { showFailure } from "./show-verdict.ts";

const { pin: words, self } = verifier;

export function createTrustPanel(options: {
  readonly readOwn: () => Pin | undefined;
  readonly onPin: (pin: Pin | undefined) => void;
}): HTMLElement {
  const facts = element("div", { class: "stack", id: "pinned" });
  const picker = element("input", { id: "genesis", type: "file", class: "visually-hidden" });
  const reset = element("button", { type: "button", class: "button", hidden: true }, words.reset);

  const pinNow = (pin: Pin | undefined, origin: Node | string): void => {
    options.onPin(pin);
    facts.replaceChildren(...(pin === undefined ? [showNothing()] : showPin(pin, origin)));
  };
  const pinOwn = (): void => {
    reset.hidden = true;
    try {
      pinNow(options.readOwn(), words.own);
    } catch (error) {
      options.onPin(undefined);
      facts.replaceChildren(describe(error));
    }
  };
  picker.addEventListener("change", async () => {
    const file = picker.files?.[0];
    picker.value = "";
    if (file === undefined) return;
    try {
      const pin = readGenesisFile(new Uint8Array(await file.arrayBuffer()));
      pinNow(pin, element("span", {}, words.chosen(""), foreign(file.name)));
      reset.hidden = false;
    } catch (error) {
      facts.prepend(describe(error));
    }
  });
  reset.addEventListener("click", pinOwn);
  pinOwn();
  return element(
    "section",
    { class: "panel" },
    element("h2", {}, words.title),
    facts,
    element(
      "div",
      { class: "row" },
      picker,
      element("label", { for: "genesis", class: "button" }, words.choose),
      reset,
    ),
    element("h2", {}, self.title),
    element("p", {}, self.text),
    element("pre", { class: "source", tabindex: "0" }, `${self.commands}\n${self.own}`),
    element("p", { class: "muted" }, self.served),
    element("p", { class: "muted" }, self.offline),
  );
}

function showNothing(): HTMLElement {
  return element("p", { class: "verdict warn" }, verifier.noPin);
}

function showPin(pin: Pin, origin: Node | string): Node[] {
  const isOver = pin.trustedUntilMs < Date.now();
  const rows: readonly (readonly [string, Node])[] = [
    [words.chain, code(pin.chainId)],
    [
      words.validators,
      element("span", {}, code(pin.validatorsHash), ` ${words.validatorsCount(pin.validators)}`),
    ],
    [words.genesis, code(pin.genesisHash)],
    [
      words.until,
      element("span", {}, showTime(pin.trustedUntilMs), isOver ? ` (${words.expired})` : undefined),
    ],
  ];
  return [element("p", { class: "muted" }, origin), listFacts(rows)];
}

function describe(error: unknown): HTMLElement {
  const message = error instanceof Error ? error.message : String(error);
  return showFailure(verifier.unreadable, message, error instanceof LhgError ? error.code : "internal");
}
