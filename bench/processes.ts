/** Child processes whose memory and time are measured from outside. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface StartedProcess {
  readonly child: ChildProcess;
  /** The next line of standard output; rejects when the process ends without one. */
  nextLine(): Promise<string>;
}

const ROOT = new URL("../", import.meta.url);
const ERROR_TAIL = 400;

/** What a start script of the project gives to Node: flags, program and arguments. */
export function startArguments(script: "start" | "start:empty"): string[] {
  const manifest = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")) as {
    readonly scripts: Readonly<Record<typeof script, string>>;
  };
  const words = manifest.scripts[script].split(" ");
  const args = words.slice(words.indexOf("node") + 1);
  return args.map((arg) => (arg.endsWith(".ts") ? fileURLToPath(new URL(arg, ROOT)) : arg));
}

export function startNode(args: readonly string[]): StartedProcess {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-ERROR_TAIL);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    nextLine: async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`the process ended early: ${errors.trim()}`);
      return value;
    },
  };
}

/** Asks the process to end and waits for it. */
export async function endProcess({ child }: StartedProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

export interface ProcessMemory {
  readonly residentBytes: number;
  /** Pages of files that are mapped, the store's above all: the system takes them back when it needs memory. */
  readonly mappedBytes: number;
}

/** Undefined where the system does not tell. */
export function readMemory(pid: number | undefined): ProcessMemory | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const read = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)![1]) * 1024;
    return { residentBytes: read("VmRSS"), mappedBytes: read("RssFile") };
  } catch {
    // Not Linux, or the process is gone.
    return undefined;
  }
}

/** The scheduler counts in ticks of 10 ms. */
const TICK_US = 10_000;

/** CPU time of a process with all its threads; undefined where the system does not tell. */
export function readCpuUs(pid: number | undefined): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  } catch {
    // Not Linux, or the process is gone.
    return undefined;
  }
}
