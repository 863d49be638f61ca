/** Lines of CometBFT as lines of LHG's log: bounded, with its levels, without what looks like a key. */
import type { Readable } from "node:stream";

export type EngineLog = (level: "debug" | "info" | "warn" | "error", fields: object, message: string) => void;

export interface EngineLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** Longer ones are cut: a stranger's block can be in a line. */
const LINE_LENGTH_MAX = 2_000;
const PARSED_LENGTH_MAX = 20_000;
const FIELDS_MAX = 12;
const LEVELS: ReadonlyMap<unknown, EngineLine["level"]> = new Map([
  ["debug", "debug"],
  ["info", "info"],
  ["warn", "warn"],
  ["error", "error"],
]);
/** Of the modules that deal with peers: what they call an error is a peer that went away or misbehaved. */
const PEER_MODULES: ReadonlySet<unknown> = new Set([
  "p2p",
  "pex",
  "mempool",
  "blocksync",
  "statesync",
  "rpc-server",
]);
/** 64 bytes in base64 or hexadecimal, the length of a private key; a signature is no loss. */
const SECRETS = /[A-Za-z0-9+/]{86}==|[0-9a-fA-F]{128}/g;
/** Said by the log itself, or with the message. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set(["_msg", "level", "ts", "msg"]);

/** A line of CometBFT, in JSON or, where it dies, in words. */
export function readEngineLine(whole: string, isFromErrors: boolean): EngineLine {
  const line = clean(whole);
  const json = parse(whole);
  if (json === undefined) return { level: isFromErrors ? "error" : "info", message: line, fields: {} };
  const said = LEVELS.get(json.level) ?? "info";
  const level = said === "error" && PEER_MODULES.has(json.module) ? "warn" : said;
  const fields = Object.entries(json)
    .filter(([name]) => !KNOWN_FIELDS.has(name))
    .slice(0, FIELDS_MAX)
    .map(([name, value]) => [name, simplify(value)] as const);
  return { level, message: clean(String(json._msg ?? json.msg ?? "")), fields: Object.fromEntries(fields) };
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith("{") || line.length >= PARSED_LENGTH_MAX) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function simplify(value: unknown): string | number | boolean {
  if (typeof value === "number" || typeof value === "boolean") return value;
  return clean(typeof value === "string" ? value : JSON.stringify(value));
}

function clean(text: string): string {
  const kept = text.length > LINE_LENGTH_MAX ? `${text.slice(0, LINE_LENGTH_MAX)}...` : text;
  return kept.replace(SECRETS, "[left out]");
}

/** Calls for each line; what a line has beyond a bound is dropped, so that one without an end takes no memory. */
export function followLines(stream: Readable, hear: (line: string) => void): void {
  let line = "";
  const take = (text: string): void => {
    line += text.slice(0, PARSED_LENGTH_MAX - line.length);
  };
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const [first = "", ...rest] = text.split("\n");
    take(first);
    for (const next of rest) {
      if (line !== "") hear(line);
      line = "";
      take(next);
    }
  });
  stream.once("end", () => {
    if (line !== "") hear(line);
  });
}
