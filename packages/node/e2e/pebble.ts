/** Pebble, the ACME server that Let's Encrypt tests with: found, or built by Go into a cache outside of the repository. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";

const MODULE = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.8.0";
const BUILD_TIMEOUT_MS = 240_000;

/** Path of the program, or why there is none. */
export async function findPebble(): Promise<{ readonly path: string } | { readonly reason: string }> {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "lhg", "bin");
  const path = process.env.LHG_PEBBLE ?? join(folder, "pebble");
  if (existsSync(path)) return { path };
  await mkdir(folder, { recursive: true });
  const { status } = spawnSync("go", ["install", MODULE], {
    env: { ...process.env, GOBIN: folder },
    stdio: "ignore",
    timeout: BUILD_TIMEOUT_MS,
  });
  return status === 0 ? { path } : { reason: `pebble is not installed, and go could not build ${MODULE}` };
}

export interface Pebble {
  readonly directoryUrl: string;
  /** Where it hands out the root of the certificates it issues. */
  readonly rootUrl: string;
  stop(): Promise<void>;
}

export interface PebbleOptions {
  readonly path: string;
  readonly folder: string;
  /** Of Pebble's own server, for localhost. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Where it looks for answers to HTTP-01. */
  readonly httpPort: number;
}

/** Resolves when it takes requests. */
export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const [port, managementPort] = [await findFreePort(), await findFreePort()];
  const config = join(options.folder, "pebble.json");
  await writeFile(
    config,
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${managementPort}`,
        certificate: options.certFile,
        privateKey: options.keyFile,
        httpPort: options.httpPort,
        tlsPort: 1,
        retryAfter: { authz: 1, order: 1 },
      },
    }),
  );
  const child = spawn(options.path, ["-config", config], {
    env: { ...process.env, PEBBLE_VA_NOSLEEP: "1", PEBBLE_VA_ALWAYS_VALID: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await waitForText(child, /ACME directory available/i);
  return {
    directoryUrl: `https://localhost:${port}/dir`,
    rootUrl: `https://localhost:${managementPort}/roots/0`,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** What a process has said when a pattern first fits. Rejects when it ends before. */
export function waitForText(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const look = (chunk: Buffer): void => {
      text += chunk.toString();
      if (pattern.test(text)) resolve(text);
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`ended with ${code}:\n${text}`)));
  });
}

export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
