/** `lhg dev` with --json as a process, the command against it, and other programs beside it. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

export interface DevCommand {
  readonly url: string;
  readonly mqtt: string;
  readonly coapPort: number;
  readonly chainId: string;
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

/** Starts a development chain in `folder` with CoAP and MQTT; `port` 0 is any. */
export async function startDevCommand(folder: string, port = 0): Promise<DevCommand> {
  const args = [
    "dev",
    "--port",
    String(port),
    "--mqtt-port",
    "0",
    "--coap-port",
    "0",
    "--data",
    folder,
    "--json",
  ];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const said = await readJson(child);
  const { npm_lifecycle_event: _, ...rest } = process.env;
  return {
    ...(said as Pick<DevCommand, "url" | "mqtt" | "coapPort" | "chainId">),
    folder,
    environment: { ...rest, LHG_PASSPHRASE: "correct horse", LHG_DATA: folder, LHG_URL: String(said.url) },
    async stop() {
      if (!isRunning(child)) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** The first JSON value that a process says. */
async function readJson(child: ChildProcess): Promise<Record<string, unknown>> {
  let text = "";
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    try {
      return JSON.parse(text) as Record<string, unknown>;
    } catch {
      // Half an answer: the rest comes.
    }
  }
  throw new Error(`ended without an answer: ${text}`);
}

/** Runs a program to its end; rejects with what it said where it fails. */
export function runProgram(
  { environment, folder }: Pick<DevCommand, "environment" | "folder">,
  args: readonly string[],
  extra: NodeJS.ProcessEnv = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...environment, ...extra }, cwd: folder };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${args.join(" ")}: ${stdout}${stderr}`));
    });
  });
}

export async function runLhgJson(
  dev: Pick<DevCommand, "environment" | "folder">,
  ...args: readonly string[]
) {
  return JSON.parse(await runProgram(dev, [MAIN, ...args, "--json"]));
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly said: Record<string, unknown>;
  /** Ends it; SIGKILL is what a power cut does to a process. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a command that keeps running, and waits for its first answer. */
export async function startLhg(
  dev: Pick<DevCommand, "environment" | "folder">,
  ...args: readonly string[]
): Promise<RunningCommand> {
  const child = spawn(process.execPath, [MAIN, ...args, "--json"], {
    env: dev.environment,
    cwd: dev.folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said = await readJson(child);
  return {
    child,
    said,
    async end(signal) {
      if (!isRunning(child)) return;
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
    },
  };
}
