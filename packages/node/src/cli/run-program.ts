/** Runs the program that follows a command of a device, and makes the device's answer of how it ended. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import type { DeviceCommand } from "@lhg/sdk/device/commands";

const OUTPUT_KEPT_CHARS = 4_096;

/** Throws `usage.program` where there is no such program, before any command is taken up for it. */
export async function requireProgram(program: string): Promise<void> {
  const folders = program.includes("/") ? [""] : (process.env.PATH ?? "").split(delimiter);
  for (const folder of folders)
    if (await isExecutable(folder === "" ? program : join(folder, program))) return;
  throw new LhgError("usage.program", `there is no program ${program} that can be run`, "--run");
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * The program gets the command's name as its argument and in LHG_COMMAND_NAME, the number in LHG_COMMAND_NUMBER, the payload on
 * its standard input. The answer is the last line that it said, or `done`; `failed: exit N` where it ended otherwise.
 */
export async function runProgram(program: string, { name, number, payload }: DeviceCommand): Promise<string> {
  const { LHG_PASSPHRASE: _, ...environment } = process.env;
  const child = spawn(program, [name], {
    env: { ...environment, LHG_COMMAND_NAME: name, LHG_COMMAND_NUMBER: String(number) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    said = (said + chunk).slice(-OUTPUT_KEPT_CHARS);
  });
  child.stdin.on("error", (error: NodeJS.ErrnoException) => {
    // A program may end without reading what it was given.
    if (error.code !== "EPIPE") child.kill();
  });
  child.stdin.end(payload);
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  if (code !== 0) return `failed: ${code === null ? signal : `exit ${code}`}`;
  return said.trimEnd().split("\n").at(-1)?.trim() || "done";
}
