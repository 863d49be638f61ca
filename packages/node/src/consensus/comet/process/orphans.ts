/**
 * CometBFT that outlived its node. When its application goes away in the midst of a block, v0.39.4 can wait for ever for an answer and
 * never end by itself (measured: 4 of 28 kills under work): it keeps its ports and its database, and no other can start.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import type { EngineLog } from "./engine-log.ts";

const PROGRAM = "cometbft";
const GONE_POLL_MS = 20;
const GONE_MS_MAX = 5_000;

/** Kills every CometBFT of this home; the caller is about to start its own. Does nothing where there is no /proc. */
export async function endOrphans(home: string, log: EngineLog): Promise<void> {
  const found = listOf(home);
  for (const pid of found) {
    log("warn", { pid, home }, "CometBFT of an earlier run is still there: killing it");
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      log("warn", { pid, reason: (error as Error).message }, "it can't be killed");
    }
  }
  for (let waitedMs = 0; waitedMs < GONE_MS_MAX && listOf(home).length > 0; waitedMs += GONE_POLL_MS)
    await new Promise((resolve) => setTimeout(resolve, found.length === 0 ? 0 : GONE_POLL_MS));
}

function listOf(home: string): number[] {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isOf(home, readArguments(pid)));
}

function isOf(home: string, [program = "", ...rest]: readonly string[]): boolean {
  const at = rest.indexOf("--home");
  return basename(program) === PROGRAM && rest[0] === "start" && at > 0 && rest[at + 1] === home;
}

/** Empty for what has ended meanwhile, or waits for its parent to take note of it. */
function readArguments(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
