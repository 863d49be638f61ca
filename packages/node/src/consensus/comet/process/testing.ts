/** For tests: plans of homes, a program that plays cometbft, the real one where it is there, a clock that stands. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import { type Closers, createClosers } from "../../../closers.ts";
import type { SyncClock } from "../../../sync/sync-clock.ts";
import type { CometHomePlan } from "./comet-home.ts";
import { type CometBinary, findCometBinary } from "./engine-binary.ts";

export function testKey(number: number): SecretKey {
  return keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(number));
}

export const CHAIN_ID = `lhg-net-${"0".repeat(32)}`;

/** A chain of one validator, whose application is CometBFT's own key-value store. */
export function planHome(home: string, given: Partial<CometHomePlan> = {}): CometHomePlan {
  const key = testKey(1);
  return {
    home,
    chainId: CHAIN_ID,
    genesisTimeMs: 1_750_000_000_123,
    validators: [{ consensusKey: key.publicKey, power: 1n, name: "node0" }],
    consensusKey: key,
    nodeKey: testKey(2),
    abci: "kvstore",
    rpc: "tcp://127.0.0.1:26657",
    p2p: "tcp://127.0.0.1:26656",
    persistentPeers: [],
    blockBytesMax: 8 << 20,
    evidenceMaxAgeMs: 1,
    evidenceMaxAgeHeights: 64,
    isLocal: true,
    ...given,
  };
}

type Test = Pick<TestContext, "after">;

const closersByTest = new WeakMap<Test, Closers>();

/** When the test is over, the last first: its own hooks run the first first, and none after one that failed. */
export function atEnd(test: Test, act: () => Promise<unknown> | unknown): void {
  let closers = closersByTest.get(test);
  if (closers === undefined) {
    closers = createClosers();
    closersByTest.set(test, closers);
    test.after(closers.closeAll);
  }
  closers.add(async () => act());
}

/** Goes when the test is over. */
export async function makeFolder(test: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lhg-comet-"));
  atEnd(test, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A program for Node that is called like any other. */
export async function writeProgram(path: string, source: string): Promise<string> {
  await writeFile(path, `#!${process.execPath}\n${source}\n`);
  await chmod(path, 0o755);
  return path;
}

/** Undefined where there is none. LHG_COMETBFT_BINARY names one that is not on PATH. */
export async function findRealBinary(): Promise<CometBinary | undefined> {
  const configured = process.env.LHG_COMETBFT_BINARY;
  return findCometBinary({ configured, path: process.env.PATH ?? "" }).catch(() => undefined);
}

export const NO_BINARY =
  "there is no cometbft of the right version: lhg engine install, or LHG_COMETBFT_BINARY";

/** Free a moment ago. */
export async function findPorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  return Promise.all(
    servers.map((server) => {
      const { port } = server.address() as { port: number };
      return new Promise<number>((resolve) => server.close(() => resolve(port)));
    }),
  );
}

export interface StandingClock extends SyncClock {
  /** What waits, in ms from now. */
  waiting(): number[];
  advance(ms: number): void;
}

export function createStandingClock(): StandingClock {
  let nowMs = 0;
  const tasks = new Set<{ readonly atMs: number; readonly run: () => void }>();
  return {
    nowMs: () => nowMs,
    after: (delayMs, run) => {
      const task = { atMs: nowMs + delayMs, run };
      tasks.add(task);
      return () => tasks.delete(task);
    },
    waiting: () => [...tasks].map(({ atMs }) => atMs - nowMs),
    advance: (ms) => {
      nowMs += ms;
      for (const task of [...tasks]) if (task.atMs <= nowMs && tasks.delete(task)) task.run();
    },
  };
}

const PATIENCE_MS = 60_000;

/** Waits for real processes. Rejects where they are stuck: a test that only hangs would leave them behind. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${PATIENCE_MS} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
