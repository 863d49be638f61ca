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
  /** PEM: the node's certificate and those up to the root. With `tlsKeyFile` the API speaks HTTPS. */
  readonly tlsCertificateFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
  /** Answers ACME challenges in plain HTTP and leads the rest to `publicUrl`. 80 with ACME. */
  readonly httpRedirectPort: number | undefined;
  /** Name that an ACME server issues a certificate for; `publicUrl` is this name unless given. */
  readonly acmeDomain: string | undefined;
  readonly acmeEmail: string | undefined;
  readonly acmeDirectoryUrl: string;
  readonly verifyThreads: number;
  readonly baseTimeoutMs: number;
  /** Without work a block is made after this time. */
  readonly heartbeatMs: number;
  readonly blockStatementsMax: number;
  /** Blocks older than this, by the time of the chain, are forgotten; undefined: an archive, which keeps all. */
  readonly pruneAfterDays: number | undefined;
  /** A snapshot of the state at every height that is a multiple of this; undefined: none. */
  readonly snapshotBlocks: number | undefined;
  readonly snapshotsKept: number;
  /** Of the gateway's MQTT listener; undefined: none. 0 lets the system choose. */
  readonly mqttPort: number | undefined;
  /** As `host` by default. */
  readonly mqttHost: string | undefined;
  /** Whether a device has to prove with a password or a certificate that it is itself. */
  readonly mqttAuthentication: "required" | "optional";
  /** Of the listener with TLS, which shows the certificate of the API. */
  readonly mqttTlsPort: number | undefined;
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
  tlsCertificateFile: undefined,
  tlsKeyFile: undefined,
  httpRedirectPort: undefined,
  acmeDomain: undefined,
  acmeEmail: undefined,
  acmeDirectoryUrl: "https://acme-v02.api.letsencrypt.org/directory",
  verifyThreads: 2,
  baseTimeoutMs: 1_000,
  heartbeatMs: 10_000,
  blockStatementsMax: 2_000,
  pruneAfterDays: undefined,
  snapshotBlocks: undefined,
  snapshotsKept: 2,
  mqttPort: undefined,
  mqttHost: undefined,
  mqttAuthentication: "optional",
  mqttTlsPort: undefined,
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

function checkUrl(value: unknown, protocols = /^https?:$/): Problem {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !protocols.test(url.protocol))
    return `must be an ${protocols.test("http:") ? "http or https" : "https"} URL`;
  const { username, password, search, hash } = url;
  return username + password + search + hash === ""
    ? undefined
    : "must have no user, no password, no query and no fragment";
}

/** As certificates name a host; no wildcard, which HTTP-01 cannot prove. */
const DOMAIN = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

function checkDomain(value: unknown): Problem {
  return typeof value === "string" && DOMAIN.test(value)
    ? undefined
    : "must be one host name in lower case, such as node.example.com";
}

function checkEmail(value: unknown): Problem {
  return typeof value === "string" && /^[^\s@,?&]{1,64}@[^\s@,?&]{1,255}$/.test(value)
    ? undefined
    : "must be an e-mail address";
}

/** Where undefined stands for "not wanted". */
function optional(check: (value: unknown) => Problem): (value: unknown) => Problem {
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
  publicUrl: optional((value) => checkUrl(value)),
  coapPort: optional((value) => checkInteger(value, 0, 65_535)),
  tlsCertificateFile: optional(checkText),
  tlsKeyFile: optional(checkText),
  httpRedirectPort: optional((value) => checkInteger(value, 0, 65_535)),
  acmeDomain: optional(checkDomain),
  acmeEmail: optional(checkEmail),
  acmeDirectoryUrl: (value) => checkUrl(value, /^https:$/),
  verifyThreads: (value) => checkInteger(value, 1, 64),
  baseTimeoutMs: (value) => checkInteger(value, 50, 60_000),
  heartbeatMs: (value) => checkInteger(value, 100, 3_600_000),
  blockStatementsMax: (value) => checkInteger(value, 1, 25_000),
  pruneAfterDays: optional((value) => checkInteger(value, 1, 36_500)),
  snapshotBlocks: optional((value) => checkInteger(value, 64, 1_000_000_000)),
  snapshotsKept: (value) => checkInteger(value, 1, 100),
  mqttPort: optional((value) => checkInteger(value, 0, 65_535)),
  mqttHost: optional(checkText),
  mqttAuthentication: (value) => checkChoice(value, ["required", "optional"]),
  mqttTlsPort: optional((value) => checkInteger(value, 0, 65_535)),
  mqttTlsClientCaFile: optional(checkText),
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
  if (first === undefined) return settleMqtt(settleTls(merged as unknown as NodeConfig));
  const rest = problems.slice(1).map(({ field, problem }) => `; ${field} ${problem}`);
  throw new LhgError("config.invalid", `${first.problem}${rest.join("")}`, first.field);
}

/** Fills in what follows from ACME. Throws `config.invalid` where settings of TLS contradict each other. */
function settleTls(given: NodeConfig): NodeConfig {
  const { acmeDomain, tlsCertificateFile, tlsKeyFile } = given;
  const config =
    acmeDomain === undefined
      ? given
      : {
          ...given,
          publicUrl: given.publicUrl ?? `https://${acmeDomain}`,
          httpRedirectPort: given.httpRedirectPort ?? 80,
        };
  const { publicUrl, httpRedirectPort } = config;
  const isOwn = tlsCertificateFile !== undefined;
  const refuse = (field: keyof NodeConfig, problem: string): never => {
    throw new LhgError("config.invalid", problem, field);
  };
  if (isOwn && tlsKeyFile === undefined) refuse("tlsKeyFile", "is needed with tlsCertificateFile");
  if (!isOwn && tlsKeyFile !== undefined) refuse("tlsCertificateFile", "is needed with tlsKeyFile");
  if (isOwn && acmeDomain !== undefined) refuse("acmeDomain", "can't be with a certificate of one's own");
  const hasTls = isOwn || acmeDomain !== undefined;
  if (!hasTls && httpRedirectPort !== undefined)
    refuse("httpRedirectPort", "leads from HTTP to HTTPS: it needs a certificate or ACME");
  if (httpRedirectPort !== undefined && publicUrl === undefined)
    refuse("publicUrl", "is needed with httpRedirectPort, which leads there");
  if (hasTls && publicUrl !== undefined && new URL(publicUrl).protocol !== "https:")
    refuse("publicUrl", "must be an https URL, as the node speaks TLS");
  if (acmeDomain !== undefined && publicUrl !== undefined && new URL(publicUrl).hostname !== acmeDomain)
    refuse("publicUrl", "must have the host of acmeDomain, or browsers refuse the certificate");
  return config;
}

/** Throws `config.invalid` where settings of MQTT over TLS lack what they need. */
function settleMqtt(config: NodeConfig): NodeConfig {
  const { mqttTlsPort, mqttTlsClientCaFile, tlsCertificateFile, acmeDomain } = config;
  const hasCertificate = tlsCertificateFile !== undefined || acmeDomain !== undefined;
  if (mqttTlsPort !== undefined && !hasCertificate)
    throw new LhgError(
      "config.invalid",
      "needs a certificate: tlsCertificateFile and tlsKeyFile, or acmeDomain",
      "mqttTlsPort",
    );
  if (mqttTlsClientCaFile !== undefined && mqttTlsPort === undefined)
    throw new LhgError("config.invalid", "needs mqttTlsPort", "mqttTlsClientCaFile");
  return config;
}
