/** Configuration of a node: validated as a whole, every error with the field and what is wrong with it. */
import { join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import { SOCKET_PATH_BYTES_MAX } from "./config/rules.ts";
import { FIELDS, SETTINGS } from "./config/settings.ts";
import { ABCI_SOCKET } from "./consensus/comet/process/addresses.ts";

/** What a setting means and may be stands in `config/settings.ts`. */
export interface NodeConfig {
  readonly dataDirectory: string;
  readonly logLevel: "silent" | "error" | "warn" | "info" | "debug";
  readonly verifyThreads: number;
  readonly host: string;
  readonly port: number;
  readonly publicUrl: string | undefined;
  readonly httpRedirectPort: number | undefined;
  readonly tlsCertificateFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
  readonly acmeDomain: string | undefined;
  readonly acmeEmail: string | undefined;
  readonly acmeDirectoryUrl: string;
  readonly mqttPort: number | undefined;
  readonly mqttHost: string | undefined;
  readonly mqttAuthentication: "required" | "optional";
  readonly mqttTlsPort: number | undefined;
  readonly mqttTlsClientCaFile: string | undefined;
  readonly coapPort: number | undefined;
  /** Multiaddrs. Without any the node only dials; without peers either it has no network. */
  readonly p2pListen: readonly string[];
  readonly p2pAnnounce: readonly string[];
  /** Multiaddrs that end in /p2p/<id>. */
  readonly p2pPeers: readonly string[];
  readonly p2pPrivatePeers: readonly string[];
  readonly p2pOnlyConfigured: boolean;
  readonly p2pPeerExchange: boolean;
  readonly p2pMdns: boolean;
  readonly p2pPeersMax: number;
  readonly engine: "dbft" | "comet";
  readonly cometHome: string;
  readonly cometBinaryFile: string | undefined;
  /** Undefined: a socket in `cometHome`; `abciAddressOf` says which. */
  readonly cometAbci: string | undefined;
  readonly cometRpc: string;
  readonly cometAttach: boolean;
  /** At most one of the two; neither: the node does not vote. */
  readonly consensusKeyFile: string | undefined;
  readonly remoteSigner: string | undefined;
  /** All three with a signer over TCP, none with one at a socket. */
  readonly remoteSignerCertificateFile: string | undefined;
  readonly remoteSignerKeyFile: string | undefined;
  readonly remoteSignerPeerFile: string | undefined;
  readonly baseTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly blockStatementsMax: number;
  readonly stateSync: "off" | "auto";
  /** Both or neither. The hash is hexadecimal. */
  readonly trustedHeight: number | undefined;
  readonly trustedHash: string | undefined;
  /** 0: none. */
  readonly snapshotEveryBlocks: number;
  readonly snapshotsKept: number;
  /** Undefined keeps all. */
  readonly pruneAfterDays: number | undefined;
}

export const DEFAULT_CONFIG = Object.fromEntries(
  FIELDS.map((field) => [field, SETTINGS[field].byDefault]),
) as unknown as NodeConfig;

/** How errors speak of a field. */
export interface Naming {
  /** In a sentence: `p2p.listen`. */
  readonly nameOf: (field: keyof NodeConfig) => string;
  /** Where somebody wrote it: `lhg.toml: p2p.listen (line 12)`. */
  readonly placeOf: (field: keyof NodeConfig) => string;
}

const BY_FIELD: Naming = { nameOf: (field) => field, placeOf: (field) => field };

/** Fills in defaults. Throws `config.unknown` and `config.invalid`, naming every field that is wrong. */
export function readConfig(given: { readonly [field: string]: unknown }, naming = BY_FIELD): NodeConfig {
  const unknown = Object.keys(given).find((field) => !Object.hasOwn(SETTINGS, field));
  if (unknown !== undefined)
    throw new LhgError("config.unknown", `is no setting; there are ${FIELDS.join(", ")}`, unknown);
  const merged: Record<string, unknown> = { ...DEFAULT_CONFIG };
  for (const [field, value] of Object.entries(given)) if (value !== undefined) merged[field] = value;
  const problems = FIELDS.flatMap((field) => {
    const { byDefault, rule } = SETTINGS[field];
    const isLeftOut = byDefault === undefined && merged[field] === undefined;
    return isLeftOut || rule.holds(merged[field]) ? [] : [{ field, problem: `must be ${rule.allows}` }];
  });
  const first = problems[0];
  if (first !== undefined) {
    const rest = problems.slice(1).map(({ field, problem }) => `; ${naming.nameOf(field)} ${problem}`);
    throw new LhgError("config.invalid", `${first.problem}${rest.join("")}`, naming.placeOf(first.field));
  }
  const config = settleTls(merged as unknown as NodeConfig, naming);
  checkMqtt(config, naming);
  checkNetwork(config, naming);
  checkConsensus(config, naming);
  checkSigner(config, naming);
  checkEngine(config, naming);
  return config;
}

type Refuse = (field: keyof NodeConfig, problem: string) => never;

function refusal({ placeOf }: Naming): Refuse {
  return (field, problem) => {
    throw new LhgError("config.invalid", problem, placeOf(field));
  };
}

/** Fills in what follows from ACME. Throws `config.invalid` where settings of TLS contradict each other. */
function settleTls(given: NodeConfig, naming: Naming): NodeConfig {
  const refuse: Refuse = refusal(naming);
  const { nameOf } = naming;
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
  if (isOwn && tlsKeyFile === undefined)
    refuse("tlsKeyFile", `is needed with ${nameOf("tlsCertificateFile")}`);
  if (!isOwn && tlsKeyFile !== undefined)
    refuse("tlsCertificateFile", `is needed with ${nameOf("tlsKeyFile")}`);
  if (isOwn && acmeDomain !== undefined) refuse("acmeDomain", "can't be with a certificate of one's own");
  const hasTls = isOwn || acmeDomain !== undefined;
  if (!hasTls && httpRedirectPort !== undefined)
    refuse("httpRedirectPort", "leads from HTTP to HTTPS: it needs a certificate or ACME");
  if (httpRedirectPort !== undefined && publicUrl === undefined)
    refuse("publicUrl", `is needed with ${nameOf("httpRedirectPort")}, which leads there`);
  if (hasTls && publicUrl !== undefined && new URL(publicUrl).protocol !== "https:")
    refuse("publicUrl", "must be an https URL, as the node speaks TLS");
  if (acmeDomain !== undefined && publicUrl !== undefined && new URL(publicUrl).hostname !== acmeDomain)
    refuse("publicUrl", `must have the host of ${nameOf("acmeDomain")}, or browsers refuse the certificate`);
  return config;
}

/** Throws `config.invalid` where settings of MQTT over TLS lack what they need. */
function checkMqtt(config: NodeConfig, naming: Naming): void {
  const refuse = refusal(naming);
  const { nameOf } = naming;
  const { mqttTlsPort, mqttTlsClientCaFile, tlsCertificateFile, acmeDomain } = config;
  const hasCertificate = tlsCertificateFile !== undefined || acmeDomain !== undefined;
  if (mqttTlsPort !== undefined && !hasCertificate)
    refuse(
      "mqttTlsPort",
      `needs a certificate: ${nameOf("tlsCertificateFile")} and ${nameOf("tlsKeyFile")}, or ${nameOf("acmeDomain")}`,
    );
  if (mqttTlsClientCaFile !== undefined && mqttTlsPort === undefined)
    refuse("mqttTlsClientCaFile", `needs ${nameOf("mqttTlsPort")}`);
}

function checkNetwork({ p2pListen, p2pAnnounce }: NodeConfig, naming: Naming): void {
  if (p2pListen.length === 0 && p2pAnnounce.length > 0)
    refusal(naming)("p2pAnnounce", `needs ${naming.nameOf("p2pListen")}`);
}

const SIGNER_FILES = ["remoteSignerCertificateFile", "remoteSignerKeyFile", "remoteSignerPeerFile"] as const;

/** There is no TCP without TLS: whoever may ask for signatures can stop a validator. */
function checkSigner(config: NodeConfig, naming: Naming): void {
  const refuse = refusal(naming);
  const { consensusKeyFile, remoteSigner } = config;
  const { nameOf } = naming;
  if (consensusKeyFile !== undefined && remoteSigner !== undefined)
    refuse("remoteSigner", `can't be with ${nameOf("consensusKeyFile")}: one of the two signs`);
  const isOverTcp = remoteSigner?.startsWith("tcp:") === true;
  const wrong = SIGNER_FILES.find((field) => (config[field] !== undefined) !== isOverTcp);
  if (wrong !== undefined)
    refuse(
      wrong,
      `${isOverTcp ? "is needed with" : "is only for"} a signer over TCP (${nameOf("remoteSigner")})`,
    );
}

/** CometBFT signs with a key file of its own, at a socket that the system has to be able to name. */
function checkEngine({ engine, cometHome, cometAbci, remoteSigner }: NodeConfig, naming: Naming): void {
  if (engine !== "comet") return;
  const refuse = refusal(naming);
  if (remoteSigner !== undefined)
    refuse("remoteSigner", `can't be with ${naming.nameOf("engine")} = "comet": CometBFT signs itself`);
  if (cometAbci === undefined && Buffer.byteLength(join(cometHome, ABCI_SOCKET)) > SOCKET_PATH_BYTES_MAX)
    refuse(
      "cometHome",
      `is too long a path for a socket in it: ${naming.nameOf("cometAbci")} can be elsewhere`,
    );
}

function checkConsensus(config: NodeConfig, naming: Naming): void {
  const refuse = refusal(naming);
  const { nameOf } = naming;
  const { baseTimeoutMs, maxTimeoutMs } = config;
  const { trustedHeight, trustedHash, stateSync } = config;
  if (maxTimeoutMs < baseTimeoutMs)
    refuse("maxTimeoutMs", `must be at least ${nameOf("baseTimeoutMs")}, ${baseTimeoutMs}`);
  if (trustedHeight !== undefined && trustedHash === undefined)
    refuse("trustedHash", `is needed with ${nameOf("trustedHeight")}`);
  if (trustedHeight === undefined && trustedHash !== undefined)
    refuse("trustedHeight", `is needed with ${nameOf("trustedHash")}`);
  if (trustedHeight !== undefined && stateSync === "off")
    refuse("trustedHeight", `is for snapshots, which ${nameOf("stateSync")} = "off" does without`);
}
