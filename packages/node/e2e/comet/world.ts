/** The sample world beside a network that is no development chain: what such a chain would give it, a proxy before one node does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import { listen, portOf } from "../network/loopback.ts";
import { pause, pollUntil } from "./poll.ts";

const WORLD = join(import.meta.dirname, "../../../../examples/world/main.ts");
const KEYS_PATH = "/api/v1/development/keys";
const TOLD_MS_MAX = 600_000;
const LIFE_MS = 5_000;

/** What the world writes of itself, as far as it is asked for here. */
export interface WorldFacts {
  readonly goodPhone: string;
  readonly badLot: string;
  readonly recalledPhones: readonly string[];
  readonly phones: readonly string[];
  readonly pallet: string;
  readonly forged: { readonly capture: string; readonly status: string };
  readonly vendors: readonly { readonly name: string; readonly address: string }[];
  readonly devices: readonly { readonly address: string }[];
}

export interface WorldPlan {
  /** API of a node. */
  readonly url: string;
  /** Where it remembers; must exist. */
  readonly folder: string;
  readonly operators: readonly SecretKey[];
  readonly faucet: SecretKey;
}

/** Lets it tell its story and live for a while, and ends it. Throws where it comes to no end, or complains. */
export async function runWorld({ url, folder, operators, faucet }: WorldPlan): Promise<WorldFacts> {
  const proxy = await startProxy(url, offerKeys(operators, faucet));
  const child = spawn(process.execPath, [WORLD], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LHG_URL: proxy.url, LHG_DATA: folder, LHG_WORLD_PACE_MS: "1" },
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.on("exit", kill);
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  try {
    const facts = await pollUntil(
      () => `the story came to no end:\n${said}`,
      TOLD_MS_MAX,
      async () => {
        if (child.exitCode !== null) throw new Error(`the world ended with ${child.exitCode}:\n${said}`);
        return readFacts(folder);
      },
    );
    await pause(LIFE_MS);
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const [code] = await ended;
    if (code !== 0 || /sample world:/.test(said)) throw new Error(`the world ended with ${code}:\n${said}`);
    return facts;
  } finally {
    child.kill("SIGKILL");
    process.off("exit", kill);
    await proxy.close();
  }
}

async function readFacts(folder: string): Promise<WorldFacts | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, "world-facts.json"), "utf8")) as WorldFacts;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function offerKeys(operators: readonly SecretKey[], faucet: SecretKey): object {
  const offer = (role: string) => (key: SecretKey) => ({ role, seed: toHex(key.secret) });
  return { keys: [...operators.map(offer("operator")), offer("faucet")(faucet)] };
}

interface Proxy {
  readonly url: string;
  close(): Promise<void>;
}

/** Answers for the keys itself and passes on all else. */
async function startProxy(target: string, keys: object): Promise<Proxy> {
  const { hostname, port, host } = new URL(target);
  const server = await listen(
    createServer((asked, answer) => {
      if (asked.url === KEYS_PATH) {
        answer.setHeader("content-type", "application/json").end(JSON.stringify(keys));
        return;
      }
      const { method, url, headers } = asked;
      const passed = request(
        { hostname, port, method, path: url, headers: { ...headers, host } },
        (response) => {
          answer.writeHead(response.statusCode!, response.headers);
          response.pipe(answer);
        },
      );
      passed.once("error", () => answer.destroy());
      asked.pipe(passed);
    }),
  );
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
