/** A development chain and the command against it, as real processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

const LHG = join(import.meta.dirname, "../src/cli/main.ts");

export interface DevNode {
  readonly url: string;
  readonly mqttUrl: string;
  readonly dataDirectory: string;
  readonly process: ChildProcess;
  /** SIGTERM, and the code it ended with. */
  stop(): Promise<number | null>;
}

/** Starts `lhg dev` and waits until it has said where it listens: on free ports, unless some are given. */
export async function startDevNode(
  dataDirectory: string,
  { port = 0, mqttPort = 0 }: { readonly port?: number; readonly mqttPort?: number } = {},
): Promise<DevNode> {
  const ports = ["--port", String(port), "--mqtt-port", String(mqttPort)];
  const child = spawn(process.execPath, [LHG, "dev", "--data", dataDirectory, ...ports], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  let output = "";
  const [url, mqttUrl] = await new Promise<[string, string]>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      output += chunk.toString();
      const found = /(http:\/\/127\.0\.0\.1:\d+)\/[\s\S]*(mqtt:\/\/127\.0\.0\.1:\d+)\n/.exec(output);
      if (found !== null) resolve([found[1]!, found[2]!]);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.once("exit", (code) => reject(new Error(`lhg dev ended with ${code}:\n${output}`)));
  });
  return {
    url,
    mqttUrl,
    dataDirectory,
    process: child,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runLhg(
  { url, dataDirectory }: Pick<DevNode, "url" | "dataDirectory">,
  args: readonly string[],
): Promise<CommandResult> {
  const child = spawn(process.execPath, [LHG, ...args, "--url", url, "--data", dataDirectory], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout, stderr };
}
