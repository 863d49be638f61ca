/** Whether and how CometBFT of a home begins with a snapshot: the one table of its settings that an operator changes later. */
import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import { type CometStateSync, formatTable, planStateSync } from "./comet-config.ts";

const CONFIG = join("config", "config.toml");
const TABLE = "statesync";
/** CometBFT compares what the first says with the others. */
const SERVERS_MIN = 2;
const HASH_BYTES = 32;

/**
 * Writes the table into the settings of a home, in place of the one that is there; without a plan the home begins with the first block.
 * All else stays as it is. CometBFT reads it at its start, and only while it has no blocks. Throws `engine.state-sync` naming what
 * CometBFT would not start with, and `engine.home` where there are no settings.
 */
export async function writeStateSync(home: string, plan: CometStateSync | undefined): Promise<void> {
  if (plan !== undefined) checkPlan(plan);
  const path = join(home, CONFIG);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR")
      throw new LhgError("engine.home", "is missing: lhg init --engine comet makes homes of CometBFT", path);
    throw error;
  });
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, replaceStateSync(text, plan), { mode: 0o644, flag: "wx", flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The text of settings with another table in it, or none. */
export function replaceStateSync(text: string, plan: CometStateSync | undefined): string {
  const lines = text.split("\n");
  const isTable = (line: string): boolean => /^\s*\[/.test(line);
  const from = lines.findIndex((line) => new RegExp(`^\\s*\\[\\s*${TABLE}\\s*\\]`).test(line));
  const table = plan === undefined ? [] : formatTable(planStateSync(plan));
  if (from < 0) return [...lines, ...table].join("\n");
  const length = lines.slice(from + 1).findIndex(isTable);
  const to = length < 0 ? lines.length : from + 1 + length;
  return [...lines.slice(0, from), ...table, ...lines.slice(to)].join("\n");
}

function checkPlan({ rpcServers, trustHeight, trustHash, trustPeriodMs }: CometStateSync): void {
  const refuse = (field: string, problem: string): never => {
    throw new LhgError("engine.state-sync", problem, field);
  };
  if (new Set(rpcServers).size < SERVERS_MIN)
    refuse("rpcServers", `must be ${SERVERS_MIN} different ones at least: each is checked by the others`);
  for (const [i, server] of rpcServers.entries())
    if (!isServer(server)) refuse(`rpcServers[${i}]`, "must be http://HOST:PORT or https://HOST:PORT");
  if (trustHeight < 1n) refuse("trustHeight", "must be a height of the chain");
  if (trustHash.length !== HASH_BYTES) refuse("trustHash", `must be ${2 * HASH_BYTES} hexadecimal digits`);
  if (!(trustPeriodMs > 0)) refuse("trustPeriodMs", "must be positive");
}

function isServer(text: string): boolean {
  if (!/^https?:\/\/[^\s,"\\]+$/.test(text) || !URL.canParse(text)) return false;
  const { username, password, search, hash } = new URL(text);
  return username + password + search + hash === "";
}
