/** For tests: a node that answers what it is told to, behind the real API on a real port. */
import { connect } from "node:net";
import { LhgError } from "@lhg/protocol/core/errors";
import type { CertificateSource } from "../tls/certificate.ts";
import type { ApiLimits } from "./limits.ts";
import { type Api, createApi } from "./server.ts";
import type { ChainUpdate, NodeService, NodeStatus } from "./service.ts";

export const STATUS: NodeStatus = {
  version: "1.2.3",
  chainId: "lhg-test-00",
  engine: "dbft",
  height: 7,
  provableHeight: 6,
  firstHeight: 1,
  timeMs: 1_800_000_000_000,
  appHash: "00".repeat(32),
  validators: 7,
  isValidator: true,
  peers: 0,
  mempool: { statements: 0, sizeBytes: 0 },
  uptimeMs: 1,
  isReady: true,
};

export interface TestApi {
  readonly api: Api;
  readonly url: string;
  readonly service: { -readonly [K in keyof NodeService]: NodeService[K] };
  /** What was logged as failed on our side. */
  readonly failures: object[];
  announce(update: ChainUpdate): void;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** Writes raw bytes to a socket of its own and returns what comes back until it closes. */
  writeRaw(text: string): Promise<string>;
}

export async function startTestApi(
  over: Partial<NodeService> = {},
  limits: Partial<ApiLimits> = {},
  certificates?: CertificateSource,
): Promise<TestApi> {
  const listeners = new Set<(update: ChainUpdate) => void>();
  const failures: object[] = [];
  const service: NodeService = {
    submit: async (submissions) => submissions.map(() => ({ id: "ab".repeat(32), state: "accepted" })),
    statementState: async () => ({ state: "pending" }),
    query: async (name) => {
      throw new LhgError("thing.not-found", `nothing to answer ${name} with`, "id");
    },
    status: async () => STATUS,
    pace: () => ({ statementsPerSecond: 0, blocksPerMinute: 0, finalityMs: null }),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    presence: () => [],
    metrics: async () => "lhg_height 7\n",
    ...over,
  };
  const api = createApi({
    service,
    config: { host: "127.0.0.1", port: 0, publicUrl: "https://node.example.com/" },
    logger: { error: (fields) => failures.push(fields) },
    limits,
    version: "1.2.3",
    ...(certificates === undefined ? {} : { certificates }),
  });
  const url = await api.start();
  const port = Number(new URL(url).port);
  return {
    api,
    url,
    service,
    failures,
    announce: (update) => {
      for (const listener of listeners) listener(update);
    },
    get: (path, headers = {}) => fetch(`${url}/api/v1${path}`, { headers }),
    writeRaw: (text) => exchangeRaw(port, text),
  };
}

function exchangeRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (part: string) => {
      answer += part;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNRESET" ? resolve(answer) : reject(error),
    );
  });
}
