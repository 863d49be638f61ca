/**
 * The sample world: a mineral from mine to smelter to component to phone to shop, told once and lived from then on, by a
 * client of the public API like anybody's. LHG_URL names the node, which must be of a development chain; LHG_DATA the
 * folder that remembers keys and progress; LHG_WORLD_PACE_MS, how long life pauses between two steps.
 */
import { mkdir } from "node:fs/promises";
import { LhgError } from "@lhg/protocol/core/errors";
import { describeError } from "./report.ts";
import { claimFolder } from "./sole-use.ts";
import { runWorld } from "./world.ts";

const {
  LHG_URL = "http://127.0.0.1:8080",
  LHG_DATA = "./lhg-data",
  LHG_WORLD_PACE_MS = "3500",
} = process.env;
const complain = (line: string): void => console.error(`sample world: ${line}`);
const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => ending.abort());
// The node that started this program is gone: nobody would end it any more.
process.on("disconnect", () => ending.abort());

try {
  await mkdir(LHG_DATA, { recursive: true });
  await claimFolder(LHG_DATA);
  await runWorld({
    url: LHG_URL,
    folder: LHG_DATA,
    signal: ending.signal,
    paceMs: Math.max(0, Number(LHG_WORLD_PACE_MS) || 0),
    say: (line) => console.log(line),
    complain,
  });
} catch (error) {
  if (!(error instanceof LhgError)) throw error;
  complain(describeError(error));
  process.exitCode = 1;
}
// An IPC channel to the node that started this program would keep it.
if (process.connected) process.disconnect();
