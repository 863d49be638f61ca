/** What somebody waits for who types `npm start` and opens the console in Chromium, and the memory of all that then runs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { NO_BROWSER, startBrowser } from "../e2e/browser.ts";
import { measureFirstView, measureJourney, measureShortJourney, waitForMovingChart } from "./console-page.ts";
import { type BenchContext, bySize, type Figure, median, type Part } from "./figures.ts";
import { endProcess, type StartedProcess, startArguments, startNode } from "./processes.ts";
import { readTreeMemory } from "./tree-memory.ts";

const SHORT_STEPS = 20;
const STORY_MS_MAX = 60_000;
const POLL_MS = 100;
const AIM = {
  movingChartSeconds: 10,
  firstViewKilobytes: 250,
  interactiveMs: 1_500,
  shortJourneyMs: 300,
  residentMegabytes: 350,
};

interface World {
  readonly url: string;
  readonly data: string;
  readonly started: StartedProcess;
  readonly startedMs: number;
}

export const pages: Part = {
  name: "console",
  run: async (context) => {
    if (NO_BROWSER !== undefined) {
      context.say(`skipped: ${NO_BROWSER}`);
      return [];
    }
    const browser = await startBrowser();
    const data = context.makeDirectory();
    const startedMs = performance.now();
    const started = startNode([
      ...startArguments("start"),
      "--port",
      "0",
      "--mqtt-port",
      "0",
      "--data",
      data,
    ]);
    try {
      const world: World = { url: await readConsoleUrl(started), data, started, startedMs };
      const seen = await measurePages(context, browser, world);
      // A console that is open is no part of what the memory is of.
      await browser.close();
      return [...seen, ...(await measureMemory(context, world))];
    } finally {
      await browser.close();
      await endProcess(started);
    }
  },
};

/** Reads on behind the caller's back: a program whose output nobody takes stands still. */
async function readConsoleUrl({ nextLine }: StartedProcess): Promise<string> {
  for (;;) {
    const found = /^console +(http:\/\/\S+\/console\/)$/.exec((await nextLine()).trim())?.[1];
    if (found === undefined) continue;
    void drain(nextLine);
    return found;
  }
}

async function drain(nextLine: () => Promise<string>): Promise<void> {
  try {
    for (;;) await nextLine();
  } catch {
    // The output ended with the process; one that ended too early has no memory to read.
  }
}

async function measurePages(context: BenchContext, browser: Browser, world: World): Promise<Figure[]> {
  const { url, data, startedMs } = world;
  const drawn = await waitForMovingChart(browser, url);
  const phone = await readGoodPhone(data);
  context.say(`the story is on the chain after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  const rounds = bySize(context, { quick: 1, default: 3, full: 5 });
  const views = await repeat(rounds, () => measureFirstView(browser, url));
  const journeys = await repeat(rounds, () => measureJourney(browser, url, phone));
  const short = await repeat(rounds, () => measureShortJourney(browser, url, phone, SHORT_STEPS));
  return [
    { name: "start to the first chart drawn", value: (drawn.drawnMs - startedMs) / 1000, unit: "s" },
    {
      name: "start to the first chart that moves",
      value: (drawn.movedMs - startedMs) / 1000,
      unit: "s",
      aim: { atMost: AIM.movingChartSeconds },
    },
    {
      name: "first view, all bytes as sent",
      value: median(views.map(({ bytes }) => bytes)) / 1e3,
      unit: "kB",
      aim: { atMost: AIM.firstViewKilobytes },
    },
    {
      name: "navigation to first contentful paint",
      value: median(views.map(({ paintedMs }) => paintedMs)),
      unit: "ms",
    },
    {
      name: "navigation to interactive",
      value: median(views.map(({ interactiveMs }) => interactiveMs)),
      unit: "ms",
      aim: { atMost: AIM.interactiveMs },
    },
    {
      name: `journey of ${journeys[0]!.steps} steps verified in the browser`,
      value: median(journeys.map(({ tookMs }) => tookMs)),
      unit: "ms",
    },
    {
      name: `journey of ${short[0]!.steps} steps verified in the browser`,
      value: median(short.map(({ tookMs }) => tookMs)),
      unit: "ms",
      aim: { atMost: AIM.shortJourneyMs },
    },
  ];
}

async function repeat<T>(count: number, measure: () => Promise<T>): Promise<T[]> {
  const found: T[] = [];
  for (let round = 0; round < count; round++) found.push(await measure());
  return found;
}

/** The world writes its facts once the story is on the chain. */
async function readGoodPhone(data: string): Promise<string> {
  const endMs = performance.now() + STORY_MS_MAX;
  for (;;) {
    try {
      const text = await readFile(join(data, "world-facts.json"), "utf8");
      return (JSON.parse(text) as { readonly goodPhone: string }).goodPhone;
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await sleep(POLL_MS);
    }
  }
}

async function measureMemory(context: BenchContext, { started, startedMs }: World): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const seconds of bySize(context, { quick: [15], default: [60], full: [60, 600] })) {
    context.say(`the world lives until ${seconds} s after the start`);
    await sleep(Math.max(0, startedMs + seconds * 1000 - performance.now()));
    if (started.child.exitCode !== null) throw new Error("the node ended early");
    const memory = readTreeMemory(started.child.pid);
    if (memory === undefined) {
      context.say("no memory figures: the system has no /proc to read them from");
      return [];
    }
    const { processes, onceBytes, proportionalBytes, residentBytes } = memory;
    const name = `${processes} processes with the sample world, ${seconds} s`;
    figures.push(
      {
        name: `${name}, shared files once`,
        value: onceBytes / 1e6,
        unit: "MB",
        aim: { atMost: AIM.residentMegabytes },
      },
      { name: `${name}, sum of PSS`, value: proportionalBytes / 1e6, unit: "MB" },
      { name: `${name}, sum of RSS`, value: residentBytes / 1e6, unit: "MB" },
    );
  }
  return figures;
}
