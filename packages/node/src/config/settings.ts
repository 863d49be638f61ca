/**
 * Every setting of a node, once: where it stands in the file, how its environment variable is named, what it may be, what it
 * is by default. Checks, the written file and docs/configuration.md are made of this table.
 */
import type { NodeConfig } from "../config.ts";
import {
  announcedAddresses,
  choice,
  domain,
  email,
  hash,
  listenAddresses,
  path,
  peerAddresses,
  peerIds,
  port,
  type Rule,
  signerAddress,
  someText,
  url,
  wholeNumber,
  yesOrNo,
} from "./rules.ts";

/** `path`: a text that is relative to the folder of the file. `list`: texts, in the environment with commas between them. */
export type Kind = "text" | "path" | "whole" | "flag" | "list";

export type SettingValue = string | number | boolean | readonly string[];

export interface Setting<Value = SettingValue | undefined> {
  readonly section: string;
  readonly key: string;
  readonly kind: Kind;
  /** Undefined where the setting may be left out. */
  readonly byDefault: Value;
  readonly rule: Rule;
  /** A line for people; what it means to leave the setting out. */
  readonly says: string;
  /** Shown in the file where there is no default. */
  readonly example?: SettingValue;
}

const DAY_LIMIT = 36_500;

export const SETTINGS: { readonly [K in keyof NodeConfig]: Setting<NodeConfig[K]> } = {
  dataDirectory: {
    section: "node",
    key: "data",
    kind: "path",
    byDefault: "./lhg-data",
    rule: path,
    says: "Folder of the chain; made when missing.",
  },
  logLevel: {
    section: "node",
    key: "log_level",
    kind: "text",
    byDefault: "info",
    rule: choice("silent", "error", "warn", "info", "debug"),
    says: "How much is logged, in lines of JSON on standard error.",
  },
  verifyThreads: {
    section: "node",
    key: "verify_threads",
    kind: "whole",
    byDefault: 2,
    rule: wholeNumber(1, 64),
    says: "Threads that check signatures.",
  },
  host: {
    section: "api",
    key: "host",
    kind: "text",
    byDefault: "127.0.0.1",
    rule: someText,
    says: "Address that API, console, MQTT and CoAP listen on; 0.0.0.0 lets other machines in.",
  },
  port: {
    section: "api",
    key: "port",
    kind: "whole",
    byDefault: 8080,
    rule: port,
    says: "Port of the API; 0 lets the system choose.",
  },
  publicUrl: {
    section: "api",
    key: "public_url",
    kind: "text",
    byDefault: undefined,
    rule: url("http", "https"),
    says: "Where people reach the node, where that differs from host and port.",
    example: "https://node.example.com",
  },
  httpRedirectPort: {
    section: "api",
    key: "http_redirect_port",
    kind: "whole",
    byDefault: undefined,
    rule: port,
    says: "Plain HTTP port that leads to the public URL; 80 with ACME.",
    example: 80,
  },
  tlsCertificateFile: {
    section: "tls",
    key: "certificate",
    kind: "path",
    byDefault: undefined,
    rule: path,
    says: "PEM: the node's certificate and those up to the root. With it and its key the API speaks HTTPS.",
    example: "tls/chain.pem",
  },
  tlsKeyFile: {
    section: "tls",
    key: "key",
    kind: "path",
    byDefault: undefined,
    rule: path,
    says: "PEM: the key of the certificate.",
    example: "tls/key.pem",
  },
  acmeDomain: {
    section: "tls",
    key: "acme_domain",
    kind: "text",
    byDefault: undefined,
    rule: domain,
    says: "Name to get a certificate for, agreeing to the authority's terms; instead of an own certificate.",
    example: "node.example.com",
  },
  acmeEmail: {
    section: "tls",
    key: "acme_email",
    kind: "text",
    byDefault: undefined,
    rule: email,
    says: "For messages of the certificate authority.",
    example: "ops@example.com",
  },
  acmeDirectoryUrl: {
    section: "tls",
    key: "acme_directory",
    kind: "text",
    byDefault: "https://acme-v02.api.letsencrypt.org/directory",
    rule: url("https"),
    says: "ACME server.",
  },
  mqttPort: {
    section: "mqtt",
    key: "port",
    kind: "whole",
    byDefault: undefined,
    rule: port,
    says: "Port for devices over MQTT, unencrypted; without it none.",
    example: 1883,
  },
  mqttHost: {
    section: "mqtt",
    key: "host",
    kind: "text",
    byDefault: undefined,
    rule: someText,
    says: "Address that MQTT listens on; as that of the API by default.",
    example: "127.0.0.1",
  },
  mqttAuthentication: {
    section: "mqtt",
    key: "authentication",
    kind: "text",
    byDefault: "optional",
    rule: choice("required", "optional"),
    says: "Whether a device has to prove with a password or a certificate that it is itself.",
  },
  mqttTlsPort: {
    section: "mqtt",
    key: "tls_port",
    kind: "whole",
    byDefault: undefined,
    rule: port,
    says: "Port for MQTT over TLS, with the certificate of the API.",
    example: 8883,
  },
  mqttTlsClientCaFile: {
    section: "mqtt",
    key: "tls_client_ca",
    kind: "path",
    byDefault: undefined,
    rule: path,
    says: "PEM: over TLS every device needs a certificate of this authority.",
    example: "tls/devices.pem",
  },
  coapPort: {
    section: "coap",
    key: "port",
    kind: "whole",
    byDefault: undefined,
    rule: port,
    says: "UDP port for devices over CoAP, unencrypted; without it none.",
    example: 5683,
  },
  p2pListen: {
    section: "p2p",
    key: "listen",
    kind: "list",
    byDefault: [],
    rule: listenAddresses,
    says: "Addresses that peers may reach this node at; without one it only connects to others.",
  },
  p2pAnnounce: {
    section: "p2p",
    key: "announce",
    kind: "list",
    byDefault: [],
    rule: announcedAddresses,
    says: "Addresses that peers are told, where they differ from those above.",
  },
  p2pPeers: {
    section: "p2p",
    key: "peers",
    kind: "list",
    byDefault: [],
    rule: peerAddresses,
    says: "Peers to connect to, and to connect to again whenever they are gone.",
  },
  p2pPrivatePeers: {
    section: "p2p",
    key: "private_peers",
    kind: "list",
    byDefault: [],
    rule: peerIds,
    says: "Peers that nobody is told of: on a sentry, the validator behind it.",
  },
  p2pOnlyConfigured: {
    section: "p2p",
    key: "only_configured",
    kind: "flag",
    byDefault: false,
    rule: yesOrNo,
    says: "Whether all but the configured peers are turned away: for a validator behind sentries.",
  },
  p2pPeerExchange: {
    section: "p2p",
    key: "peer_exchange",
    kind: "flag",
    byDefault: true,
    rule: yesOrNo,
    says: "Whether peers are asked for peers, and told of them.",
  },
  p2pMdns: {
    section: "p2p",
    key: "mdns",
    kind: "flag",
    byDefault: false,
    rule: yesOrNo,
    says: "Whether peers are looked for in the local network by multicast DNS.",
  },
  p2pPeersMax: {
    section: "p2p",
    key: "peers_max",
    kind: "whole",
    byDefault: 50,
    rule: wholeNumber(1, 1_000),
    says: "Most peers at once.",
  },
  consensusKeyFile: {
    section: "consensus",
    key: "key_file",
    kind: "path",
    byDefault: undefined,
    rule: path,
    says: "Key file of the validator; without one, and without a remote signer, the node follows and does not vote.",
    example: "consensus-key.json",
  },
  remoteSigner: {
    section: "consensus",
    key: "remote_signer",
    kind: "text",
    byDefault: undefined,
    rule: signerAddress,
    says: "Where lhg signer listens with the validator's key, instead of a key file.",
    example: "unix:/run/lhg/signer.sock",
  },
  remoteSignerCertificateFile: {
    section: "consensus",
    key: "signer_certificate",
    kind: "path",
    byDefault: undefined,
    rule: path,
    says: "PEM: this node's certificate for a signer over TCP, the only one that the signer lets in.",
    example: "tls/signer-client.pem",
  },
  remoteSignerKeyFile: {
    section: "consensus",
    key: "signer_key",
    kind: "path",
    byDefault: undefined,
    rule: path,
    says: "PEM: the key of that certificate.",
    example: "tls/signer-client.key",
  },
  remoteSignerPeerFile: {
    section: "consensus",
    key: "signer_peer",
    kind: "path",
    byDefault: undefined,
    rule: path,
    says: "PEM: the certificate of the signer over TCP, the only one that is believed.",
    example: "tls/signer.pem",
  },
  baseTimeoutMs: {
    section: "consensus",
    key: "base_timeout_ms",
    kind: "whole",
    byDefault: 1_000,
    rule: wholeNumber(50, 60_000),
    says: "Patience with the first primary of a height; doubled with each view.",
  },
  maxTimeoutMs: {
    section: "consensus",
    key: "max_timeout_ms",
    kind: "whole",
    byDefault: 60_000,
    rule: wholeNumber(100, 600_000),
    says: "Longest patience with a primary, however many views failed.",
  },
  heartbeatMs: {
    section: "consensus",
    key: "heartbeat_ms",
    kind: "whole",
    byDefault: 10_000,
    rule: wholeNumber(100, 3_600_000),
    says: "Without work a block is made after this time.",
  },
  blockStatementsMax: {
    section: "consensus",
    key: "block_statements_max",
    kind: "whole",
    byDefault: 2_000,
    rule: wholeNumber(1, 25_000),
    says: "Most statements that this node proposes in a block.",
  },
  stateSync: {
    section: "sync",
    key: "state",
    kind: "text",
    byDefault: "auto",
    rule: choice("off", "auto"),
    says: "auto: a node without a chain begins with a snapshot of its peers, above height 1,000. off: with the first block.",
  },
  trustedHeight: {
    section: "sync",
    key: "trusted_height",
    kind: "whole",
    byDefault: undefined,
    rule: wholeNumber(1, Number.MAX_SAFE_INTEGER),
    says: "Height of a header that is known to be right, which a snapshot has to agree with.",
    example: 100_000,
  },
  trustedHash: {
    section: "sync",
    key: "trusted_hash",
    kind: "text",
    byDefault: undefined,
    rule: hash,
    says: "Hash of that header.",
    example: "0".repeat(64),
  },
  snapshotEveryBlocks: {
    section: "storage",
    key: "snapshot_every_blocks",
    kind: "whole",
    byDefault: 0,
    rule: wholeNumber(0, 1_000_000_000),
    says: "Blocks between snapshots of the state for nodes that join; 0 makes none.",
  },
  snapshotsKept: {
    section: "storage",
    key: "snapshots_kept",
    kind: "whole",
    byDefault: 2,
    rule: wholeNumber(1, 100),
    says: "Snapshots that are kept; older ones are deleted.",
  },
  pruneAfterDays: {
    section: "storage",
    key: "prune_after_days",
    kind: "whole",
    byDefault: undefined,
    rule: wholeNumber(1, DAY_LIMIT),
    says: "Age after which blocks are deleted; without it all are kept, as an archive.",
    example: 90,
  },
};

export const FIELDS = Object.keys(SETTINGS) as readonly (keyof NodeConfig)[];

/** `p2p.listen` */
export function pathOf({ section, key }: Pick<Setting, "section" | "key">): string {
  return `${section}.${key}`;
}

/** `LHG_P2P_LISTEN` */
export function environmentNameOf({ section, key }: Pick<Setting, "section" | "key">): string {
  return `LHG_${section}_${key}`.toUpperCase();
}
