/** The console's pages in a real browser, each time in a fresh profile: nothing is cached. */
import type { Browser, BrowserContext, CDPSession, Page } from "playwright-core";
import { DESKTOP } from "../e2e/browser.ts";
import { DEFAULT_TRACE_QUERY } from "../packages/protocol/src/modules/trace/trace-query.ts";

/** A chart that was drawn is drawn again at once for its size and its first figures; after that it moves. */
const PICTURES_MIN = 4;
/**
 * Runs before the page's own scripts. `drawn` and `moved`: when a chart had its first pixels, and when it had shown so
 * many pictures, in milliseconds since 1970, for the clock of the page is not ours. `longEnd`: when the last task of more than 50 ms
 * was over, and `titled`: when the page had its heading; in milliseconds since the navigation.
 */
const WATCH = `
const seen = { longEnd: 0 };
globalThis.benchSeen = seen;
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) seen.longEnd = startTime + duration;
}).observe({ type: "longtask", buffered: true });
let shown;
let pictures = 0;
const look = () => {
  if (seen.titled === undefined && document.querySelector("h1") !== null) seen.titled = performance.now();
  const canvas = document.querySelector(".uplot canvas");
  if (canvas !== null && canvas.width > 0) {
    const picture = canvas.toDataURL();
    if (picture !== shown && isDrawn(canvas)) {
      shown = picture;
      seen.drawn ??= Date.now();
      if (++pictures === ${PICTURES_MIN}) {
        seen.moved = Date.now();
        return;
      }
    }
  }
  requestAnimationFrame(look);
};
const isDrawn = (canvas) =>
  canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte !== 0);
requestAnimationFrame(look);
`;
/** As WATCH without the chart: reading its pixels would delay what is timed. */
const WATCH_TASKS = WATCH.replace(".uplot canvas", ".no-chart");
/** The main thread counts as free when no task of more than 50 ms came for as long. */
const QUIET_MS = 1_000;
const WAIT_MS_MAX = 60_000;
/** Asks for the first steps as the item's page asks for all, with the same messages to the worker in the same order. */
const ASK_WORKER = `async ({ worker, identity, query }) => {
  const pin = JSON.parse(localStorage.getItem("lhg-pin")).genesis;
  const genesis = Uint8Array.from(pin.match(/../g), (pair) => Number.parseInt(pair, 16));
  const params = new URLSearchParams({ id: identity, direction: "both", maxEvents: query.maxEvents });
  params.set("observations", "show");
  const response = await fetch("/api/v1/items/trace/bundle?" + params, { headers: { accept: "application/cbor" } });
  const bundle = new Uint8Array(await response.arrayBuffer());
  const asked = new Worker(worker, { type: "module" });
  const ask = (job) => new Promise((resolve, reject) => {
    asked.onmessage = ({ data }) => resolve(data);
    asked.onerror = ({ message }) => reject(new Error(message));
    asked.postMessage({ number: 0, job });
  });
  await ask({ kind: "chain", genesis });
  const { answer, problem } = await ask(
    { kind: "trace", bundle, asked: { identity, query }, genesis, wantsSources: false },
  );
  asked.terminate();
  if (!answer?.isProven) throw new Error(JSON.stringify(problem ?? answer));
  return { steps: answer.verdict.events.length, tookMs: answer.tookMs };
}`;

interface Watched {
  readonly benchSeen: { readonly longEnd: number; readonly moved?: number };
}

async function withPage<T>(
  browser: Browser,
  watch: string,
  work: (page: Page, context: BrowserContext) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext({ viewport: DESKTOP });
  context.setDefaultTimeout(WAIT_MS_MAX);
  try {
    await context.addInitScript(watch);
    return await work(await context.newPage(), context);
  } finally {
    await context.close();
  }
}

/** Both by `performance.now()` of this process. */
export function waitForMovingChart(
  browser: Browser,
  url: string,
): Promise<{ readonly drawnMs: number; readonly movedMs: number }> {
  return withPage(browser, WATCH, async (page) => {
    await page.goto(url);
    await page.waitForFunction(() => (globalThis as unknown as Watched).benchSeen.moved !== undefined);
    const { drawn, moved } = await page.evaluate<{ drawn: number; moved: number }>("benchSeen");
    const originMs = performance.timeOrigin;
    return { drawnMs: drawn - originMs, movedMs: moved - originMs };
  });
}

export interface FirstView {
  /** Bodies and heads of all answers until the chart stands, compressed as they were. */
  readonly bytes: number;
  readonly paintedMs: number;
  /** The latest of first contentful paint, heading and the end of the last long task before a quiet second. */
  readonly interactiveMs: number;
}

/** Fails when a search that is typed then is not answered by its page. */
export function measureFirstView(browser: Browser, url: string): Promise<FirstView> {
  return withPage(browser, WATCH_TASKS, async (page, context) => {
    const countBytes = await startCounting(await context.newCDPSession(page));
    await page.goto(url, { waitUntil: "commit" });
    await page.locator(".u-over").first().waitFor();
    const bytes = countBytes();
    await page.waitForFunction(
      (quietMs) => performance.now() - (globalThis as unknown as Watched).benchSeen.longEnd > quietMs,
      QUIET_MS,
    );
    const { titled, longEnd, painted } = await page.evaluate<
      Record<"titled" | "longEnd" | "painted", number>
    >('({ ...benchSeen, painted: performance.getEntriesByName("first-contentful-paint")[0].startTime })');
    await page.getByRole("searchbox").fill("Aurora");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Aurora Phones" }).first().waitFor();
    return { bytes, paintedMs: painted, interactiveMs: Math.max(painted, titled, longEnd) };
  });
}

async function startCounting(session: CDPSession): Promise<() => number> {
  let bytes = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await session.send("Network.enable");
  return () => bytes;
}

export interface Verification {
  readonly steps: number;
  /** As the worker of the page says; it was started for this journey. */
  readonly tookMs: number;
}

/** The whole journey as the item's page asks for it and checks it. */
export function measureJourney(browser: Browser, url: string, identity: string): Promise<Verification> {
  return withPage(browser, "", async (page) => {
    await openItem(page, url, identity);
    const told = await page.locator("[data-took-ms]").getAttribute("data-took-ms");
    const verdict = (await page.locator("[data-verdict=good]").first().textContent()) ?? "";
    const steps = Number(/Verified: (\d+) events/.exec(verdict)?.[1]);
    if (!Number.isSafeInteger(steps)) throw new Error(`the page did not verify the journey: ${verdict}`);
    return { steps, tookMs: Number(told) };
  });
}

async function openItem(page: Page, url: string, identity: string): Promise<void> {
  await page.goto(`${new URL("items", url).href}?id=${encodeURIComponent(identity)}`);
  await page.locator("[data-took-ms]").waitFor({ state: "attached" });
}

/** The first steps of a journey alone, checked by a worker of the console that the page starts for it. */
export function measureShortJourney(
  browser: Browser,
  url: string,
  identity: string,
  steps: number,
): Promise<Verification> {
  return withPage(browser, "", async (page) => {
    const starting = page.waitForEvent("worker");
    await openItem(page, url, identity);
    const worker = (await starting).url();
    const query = { ...DEFAULT_TRACE_QUERY, maxEvents: steps };
    const asked = JSON.stringify({ worker, identity, query });
    return page.evaluate<Verification>(`(${ASK_WORKER})(${asked})`);
  });
}
