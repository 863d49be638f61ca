/** What every file of browser tests stands on: a folder, a development node in it, and a browser that opens its pages. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { type DevNode, runLhg, startDevNode } from "../../packages/node/e2e/dev-node.ts";
import { NO_BROWSER, type OpenPage, openPage, startBrowser } from "../browser.ts";

/** For every test of a browser: skipped, with the reason, where there is none. */
export const options = NO_BROWSER === undefined ? {} : { skip: NO_BROWSER };

export interface Stage {
  /** The node's data, and whatever a test puts beside it. */
  readonly data: string;
  readonly node: DevNode;
  readonly browser: Browser;
  /** Opens a path of the node, or any address. */
  open(address: string, options?: BrowserContextOptions): Promise<OpenPage>;
  /** Runs the command against the node; it has to succeed. Returns what it printed. */
  lhg(...args: readonly string[]): Promise<string>;
  /** Starts a node on the same data and port after this one has ended. */
  restartNode(): Promise<void>;
}

/** A stage for the tests of this file: there from the first test on, gone after the last. `prepare` is done before them. */
export function setStage(name: string, prepare?: (stage: Stage) => Promise<void>): Stage {
  let data: string | undefined;
  let node: DevNode | undefined;
  let browser: Browser | undefined;
  const stage: Stage = {
    get data() {
      return present(data);
    },
    get node() {
      return present(node);
    },
    get browser() {
      return present(browser);
    },
    open: (address, context) => openPage(stage.browser, new URL(address, stage.node.url).href, context),
    async lhg(...args) {
      const { code, stdout, stderr } = await runLhg(stage.node, args);
      assert.equal(code, 0, stdout + stderr);
      return stdout;
    },
    async restartNode() {
      node = await startDevNode(stage.data, { port: Number(new URL(stage.node.url).port) });
    },
  };
  before(async () => {
    if (NO_BROWSER !== undefined) return;
    data = await mkdtemp(join(tmpdir(), `lhg-${name}-`));
    node = await startDevNode(data);
    browser = await startBrowser();
    await prepare?.(stage);
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    if (data !== undefined) await rm(data, { recursive: true, force: true });
  });
  return stage;
}

function present<T>(value: T | undefined): T {
  assert.ok(value !== undefined, "the stage is there from the first test on");
  return value;
}

/** Errors other than that what was looked for is not there: that is no fault, but a browser logs it. */
export function findFaults(errors: readonly string[]): string[] {
  return errors.filter((text) => !/status of 40[04]/.test(text));
}

/** Nothing of the page reaches beyond the window's width. */
export async function assertFits(page: Page): Promise<void> {
  const [scrollWidth, innerWidth] = await page.evaluate<[number, number]>(
    "[document.documentElement.scrollWidth, innerWidth]",
  );
  assert.ok(scrollWidth <= innerWidth, `${page.url()} is ${scrollWidth} wide on ${innerWidth}`);
}
