/** The RPC of the local CometBFT, as far as LHG asks it: JSON-RPC 2.0 over HTTP. */
import { Agent, request } from "node:http";
import { LhgError } from "@lhg/protocol/core/errors";
import { parseTcpAddress } from "./addresses.ts";
import {
  type CometBroadcast,
  type CometRpcValidator,
  type CometSignedHeader,
  type CometStatus,
  type CometUnconfirmed,
  Reader,
  readBroadcast,
  readPeerCount,
  readSignedHeader,
  readStatus,
  readUnconfirmed,
  readValidatorPage,
} from "./rpc-shapes.ts";

export interface CometRpcOptions {
  /** `tcp://127.0.0.1:26657` */
  readonly address: string;
  /** Of one question, from asking to the last byte of the answer. */
  readonly timeoutMs?: number;
  readonly answerBytesMax?: number;
}

/**
 * Every method rejects with `engine.rpc-unreachable`, `engine.rpc-timeout`, `engine.rpc-too-large`, `engine.rpc-malformed` (naming what in the answer
 * is wrong), `engine.rpc-refused` (with what CometBFT said) and `engine.rpc-closed`.
 */
export interface CometRpc {
  status(): Promise<CometStatus>;
  /** Header and commit of a height, of the newest one without. Also rejects with `engine.rpc-not-found`. */
  commit(height?: bigint): Promise<CometSignedHeader>;
  /**
   * Waits for CheckTx. Also rejects with `engine.rpc-mempool-full`, with `engine.rpc-tx-known` for what this node saw before, and with
   * `engine.rpc-catching-up` until it has the blocks of its peers.
   */
  broadcastTxSync(tx: Uint8Array): Promise<CometBroadcast>;
  /** Waits for nothing: code and log are empty. */
  broadcastTxAsync(tx: Uint8Array): Promise<CometBroadcast>;
  /** Many at once, in order, as `broadcastTxAsync` each; what this node saw before is no fault. */
  broadcastTxs(txs: readonly Uint8Array[]): Promise<void>;
  unconfirmedCount(): Promise<CometUnconfirmed>;
  peerCount(): Promise<number>;
  /** All that decide at a height, in CometBFT's order. Also rejects with `engine.rpc-not-found`. */
  validators(height: bigint): Promise<readonly CometRpcValidator[]>;
  close(): void;
}

const TIMEOUT_MS = 10_000;
/** 10,000 signatures are 3 MB. */
const ANSWER_BYTES_MAX = 4 << 20;
const SOCKETS_MAX = 16;
/** CometBFT closes a connection that was idle for 10 s. */
const IDLE_MS_MAX = 5_000;
const PAGE_SIZE = 100;
/** More than LHG ever has. */
const VALIDATORS_MAX = 1_000;
const TEXT_LENGTH_MAX = 500;

/** Throws `engine.address`. */
export function connectCometRpc(options: CometRpcOptions): CometRpc {
  const { timeoutMs = TIMEOUT_MS, answerBytesMax = ANSWER_BYTES_MAX } = options;
  const { host, port } = parseTcpAddress(options.address, "engine.comet_rpc");
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX, timeout: IDLE_MS_MAX });
  let nextId = 0;
  let isClosed = false;

  async function ask(method: string, params: object): Promise<Reader> {
    if (isClosed) throw new LhgError("engine.rpc-closed", "was closed", options.address);
    const id = nextId++;
    const body = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    const text = await post({ host, port, agent, body, timeoutMs, answerBytesMax, address: options.address });
    return readAnswer(text, id, method);
  }

  async function askMany(method: string, params: readonly object[]): Promise<void> {
    if (isClosed) throw new LhgError("engine.rpc-closed", "was closed", options.address);
    const firstId = nextId;
    nextId += params.length;
    const calls = params.map((each, i) => ({ jsonrpc: "2.0", id: firstId + i, method, params: each }));
    const body = JSON.stringify(calls);
    const text = await post({ host, port, agent, body, timeoutMs, answerBytesMax, address: options.address });
    for (const answer of readAnswers(text, method, params.length)) {
      const error = answer.at("error");
      if (error.isNull) continue;
      const refusal = readRefusal(error, method);
      if (refusal.code !== "engine.rpc-tx-known") throw refusal;
    }
  }

  async function broadcast(method: string, tx: Uint8Array): Promise<CometBroadcast> {
    return readBroadcast(await ask(method, { tx: Buffer.from(tx).toString("base64") }));
  }

  return {
    status: async () => readStatus(await ask("status", {})),
    commit: async (height) => {
      const answer = await ask("commit", height === undefined ? {} : { height: String(height) });
      const signed = readSignedHeader(answer);
      const isOther = height !== undefined && signed.header.height !== height;
      if (isOther || signed.commit.height !== signed.header.height)
        throw new LhgError("engine.rpc-malformed", "is of another height", "commit.signed_header");
      return signed;
    },
    broadcastTxSync: (tx) => broadcast("broadcast_tx_sync", tx),
    broadcastTxAsync: (tx) => broadcast("broadcast_tx_async", tx),
    broadcastTxs: async (txs) => {
      // CometBFT answers a list of one with one answer, no list.
      if (txs.length === 1) {
        await broadcast("broadcast_tx_async", txs[0]!).catch((error: unknown) => {
          if (!(error instanceof LhgError && error.code === "engine.rpc-tx-known")) throw error;
        });
        return;
      }
      await askMany(
        "broadcast_tx_async",
        txs.map((tx) => ({ tx: Buffer.from(tx).toString("base64") })),
      );
    },
    peerCount: async () => readPeerCount(await ask("net_info", {})),
    unconfirmedCount: async () => readUnconfirmed(await ask("num_unconfirmed_txs", {})),
    validators: async (height) => {
      const found: CometRpcValidator[] = [];
      for (let page = 1; ; page++) {
        const params = { height: String(height), page: String(page), per_page: String(PAGE_SIZE) };
        const { validators, total } = readValidatorPage(await ask("validators", params));
        found.push(...validators);
        if (
          total > VALIDATORS_MAX ||
          found.length > total ||
          (validators.length === 0 && found.length < total)
        )
          throw new LhgError(
            "engine.rpc-malformed",
            `does not add up: ${found.length} of ${total}`,
            "validators.total",
          );
        if (found.length === total) return found;
      }
    },
    close: () => {
      isClosed = true;
      agent.destroy();
    },
  };
}

interface Question {
  readonly host: string;
  readonly port: number;
  readonly agent: Agent;
  readonly body: string;
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
  readonly address: string;
}

function post({ host, port, agent, body, timeoutMs, answerBytesMax, address }: Question): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (code: string, problem: string): void => {
      clearTimeout(timer);
      reject(new LhgError(code, problem, address));
      asked.destroy();
    };
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const asked = request({ host, port, agent, method: "POST", path: "/", headers }, (answer) => {
      const parts: Buffer[] = [];
      let size = 0;
      answer.on("data", (part: Buffer) => {
        size += part.length;
        if (size > answerBytesMax)
          fail("engine.rpc-too-large", `answers with more than ${answerBytesMax} bytes`);
        else parts.push(part);
      });
      answer.once("error", (error) => fail("engine.rpc-unreachable", `broke off: ${error.message}`));
      answer.once("end", () => {
        clearTimeout(timer);
        resolve(Buffer.concat(parts).toString("utf8"));
      });
    });
    const timer = setTimeout(
      () => fail("engine.rpc-timeout", `does not answer within ${timeoutMs} ms`),
      timeoutMs,
    );
    asked.once("error", (error) => fail("engine.rpc-unreachable", `can't be asked: ${error.message}`));
    asked.end(body);
  });
}

function parseAnswer(text: string, method: string): Reader {
  try {
    return new Reader(JSON.parse(text), method);
  } catch {
    throw new LhgError("engine.rpc-malformed", "is no JSON", method);
  }
}

/** Of a list of questions; one answer for each. */
function readAnswers(text: string, method: string, count: number): Reader[] {
  const answers = parseAnswer(text, method).list(count);
  if (answers.length !== count)
    throw new LhgError("engine.rpc-malformed", `answers ${answers.length} of ${count} questions`, method);
  return answers;
}

function readAnswer(text: string, id: number, method: string): Reader {
  const answer = parseAnswer(text, method);
  const error = answer.at("error");
  if (!error.isNull) throw readRefusal(error, method);
  if (answer.at("id").whole(Number.MAX_SAFE_INTEGER) !== id)
    throw new LhgError("engine.rpc-malformed", "answers another question", `${method}.id`);
  const result = answer.at("result");
  if (result.isNull) throw new LhgError("engine.rpc-not-found", "CometBFT has none", method);
  return result;
}

/** By the words of CometBFT's errors (rpc/core, mempool/errors.go): their number is the same for all. */
const REFUSALS: readonly (readonly [pattern: RegExp, code: string])[] = [
  [/^height \d+ (?:must be less than|is not available)|could not find/, "engine.rpc-not-found"],
  [/mempool is (?:full|still rechecking)/, "engine.rpc-mempool-full"],
  [/tx already exists in cache/, "engine.rpc-tx-known"],
  [/endpoint is closed while node is catching up/, "engine.rpc-catching-up"],
];

function readRefusal(error: Reader, method: string): LhgError {
  const [message, data] = [error.at("message"), error.at("data")];
  const said = (data.isNull ? message.text() : data.text()).slice(0, TEXT_LENGTH_MAX);
  const code = REFUSALS.find(([pattern]) => pattern.test(said))?.[1] ?? "engine.rpc-refused";
  return new LhgError(code, said, method);
}
