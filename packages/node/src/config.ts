/** Configuration of a node: validated as a whole, every error with the field and what is wrong with it. */
import { LhgError } from "@lhg/protocol/core/errors";

export interface NodeConfig {
  /** Where everything the node keeps stands; made when missing. */
  readonly dataDirectory: string;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Where people reach the node, when that differs from host and port. */
  readonly publicUrl: string | undefined;
  /** UDP port on which devices are served by CoAP; undefined serves none, 0 lets the system choose. */
  readonly coapPort: number | undefined;
  readonly verifyThreads: number;
  readonly baseTimeoutMs: number;
  /** Without work a block is made after this time. */
  readonly heartbeatMs: number;
  readonly blockStatementsMax: number;
  /** Of the gateway's MQTT listener; undefined: none. 0 lets the system choose. */
  readonly mqttPort: number | undefined;
  /** As `host` by default. */
  readonly mqttHost: string | undefined;
  /** Whether a device has to prove with a password or a certificate that it is itself. */
  readonly mqttAuthentication: "required" | "optional";
  /** Of the listener with TLS, which needs a certificate and its key (PEM files). */
  readonly mqttTlsPort: number | undefined;
  readonly mqttTlsCertificateFile: string | undefined;
  readonly mqttTlsKeyFile: string | undefined;
  /** With it every client of the TLS listener needs a certificate of this authority. */
  readonly mqttTlsClientCaFile: string | undefined;
  readonly logLevel: "silent" | "error" | "warn" | "info" | "debug";
}

export const DEFAULT_CONFIG: NodeConfig = {
  dataDirectory: "./lhg-data",
  host: "127.0.0.1",
  port: 8080,
  publicUrl: undefined,
  coapPort: undefined,
  verifyThreads: 2,
  baseTimeoutMs: 1_000,
  heartbeatMs: 10_000,
  blockStatementsMax: 2_000,
  mqttPort: undefined,
  mqttHost: undefined,
  mqttAuthentication: "optional",
  mqttTlsPort: undefined,
  mqttTlsCertificateFile: undefined,
  mqttTlsKeyFile: undefined,
  mqttTlsClientCaFile: undefined,
  logLevel: "info",
};

type Problem = string | undefined;

function checkInteger(value: unknown, min: number, max: number): Problem {
  const isFine = Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
  return isFine ? undefined : `must be a whole number from ${min} to ${max}`;
}

function checkText(value: unknown): Problem {
  return typeof value === "string" && value !== "" ? undefined : "must be a text that is not empty";
}

function checkUrl(value: unknown): Problem {
  if (value === undefined) return undefined;
  const isUrl = typeof value === "string" && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
  return isUrl ? undefined : "must be an http or https URL";
}

/** Where undefined stands for "not wanted". */
function optionally(check: (value: unknown) => Problem): (value: unknown) => Problem {
  return (value) => (value === undefined ? undefined : check(value));
}

function checkChoice(value: unknown, choices: readonly string[]): Problem {
  return choices.includes(value as string) ? undefined : `must be one of ${choices.join(", ")}`;
}

const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"];

const CHECKS: { readonly [K in keyof NodeConfig]: (value: unknown) => Problem } = {
  dataDirectory: checkText,
  host: checkText,
  port: (value) => checkInteger(value, 0, 65_535),
  publicUrl: checkUrl,
  coapPort: (value) => (value === undefined ? undefined : checkInteger(value, 0, 65_535)),
  verifyThreads: (value) => checkInteger(value, 1, 64),
  baseTimeoutMs: (value) => checkInteger(value, 50, 60_000),
  heartbeatMs: (value) => checkInteger(value, 100, 3_600_000),
  blockStatementsMax: (value) => checkInteger(value, 1, 25_000),
  mqttPort: optionally((value) => checkInteger(value, 0, 65_535)),
  mqttHost: optionally(checkText),
  mqttAuthentication: (value) => checkChoice(value, ["required", "optional"]),
  mqttTlsPort: optionally((value) => checkInteger(value, 0, 65_535)),
  mqttTlsCertificateFile: optionally(checkText),
  mqttTlsKeyFile: optionally(checkText),
  mqttTlsClientCaFile: optionally(checkText),
  logLevel: (value) => checkChoice(value, LOG_LEVELS),
};

/** Fills in defaults. Throws `config.unknown` and `config.invalid`, naming every field that is wrong. */
export function readConfig(given: { readonly [field: string]: unknown }): NodeConfig {
  const unknown = Object.keys(given).find((field) => !Object.hasOwn(CHECKS, field));
  if (unknown !== undefined)
    throw new LhgError(
      "config.unknown",
      `is no setting; there are ${Object.keys(CHECKS).join(", ")}`,
      unknown,
    );
  const merged: Record<string, unknown> = { ...DEFAULT_CONFIG };
  for (const [field, value] of Object.entries(given)) if (value !== undefined) merged[field] = value;
  const problems = (Object.keys(CHECKS) as (keyof NodeConfig)[]).flatMap((field) => {
    const problem = CHECKS[field](merged[field]);
    return problem === undefined ? [] : [{ field, problem }];
  });
  const first = problems[0];
  if (first === undefined) return merged as unknown as NodeConfig;
  const rest = problems.slice(1).map(({ field, problem }) => `; ${field} ${problem}`);
  throw new LhgError("config.invalid", `${first.problem}${rest.join("")}`, first.field);
}
