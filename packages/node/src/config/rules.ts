/** What a single setting may be: the words are the same in errors, in the written file and in the documentation. */
import { isIPv4, isIPv6 } from "node:net";

export interface Rule {
  /** Follows "must be". */
  readonly allows: string;
  holds(value: unknown): boolean;
}

export function wholeNumber(min: number, max: number): Rule {
  return {
    allows: `a whole number from ${min} to ${max}`,
    holds: (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  };
}

export const port = wholeNumber(0, 65_535);

export const someText: Rule = {
  allows: "a text that is not empty",
  holds: (value) => typeof value === "string" && value !== "",
};

export const path: Rule = { ...someText, allows: "a path" };

export const yesOrNo: Rule = { allows: "true or false", holds: (value) => typeof value === "boolean" };

export function choice(...choices: readonly string[]): Rule {
  return { allows: `one of ${choices.join(", ")}`, holds: (value) => choices.includes(value as string) };
}

function matching(allows: string, pattern: RegExp): Rule {
  return { allows, holds: (value) => typeof value === "string" && pattern.test(value) };
}

export function url(...schemes: readonly string[]): Rule {
  return {
    allows: `an ${schemes.join(" or ")} URL without user, password, query and fragment`,
    holds: (value) => {
      if (typeof value !== "string" || !URL.canParse(value)) return false;
      const { protocol, username, password, search, hash } = new URL(value);
      return schemes.includes(protocol.slice(0, -1)) && username + password + search + hash === "";
    },
  };
}

/** As certificates name a host; no wildcard, which HTTP-01 cannot prove. */
export const domain = matching(
  "one host name in lower case, such as node.example.com",
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
);

export const email = matching("an e-mail address", /^[^\s@,?&]{1,64}@[^\s@,?&]{1,255}$/);

export const hash = matching("a hash of 64 hexadecimal digits", /^[0-9a-f]{64}$/);

/** Of an Ed25519 key: 38 bytes in base58 that begin with 00 24 08 01 12 20. */
const PEER_ID = "12D3KooW[1-9A-HJ-NP-Za-km-z]{44}";

/** sun_path of unix(7) without its closing zero. */
export const SOCKET_PATH_BYTES_MAX = 107;

export const signerAddress: Rule = {
  allows: "unix:/<path> or tcp:<host>:<port>",
  holds: (value) => {
    if (typeof value !== "string") return false;
    const path = /^unix:(\/.+)$/.exec(value)?.[1];
    if (path !== undefined) return Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX;
    const [, inBrackets, bare = "", digits = ""] =
      /^tcp:(?:\[(.+)\]|([^:]+)):([0-9]{1,5})$/.exec(value) ?? [];
    const isHost = inBrackets === undefined ? isIPv4(bare) || domain.holds(bare) : isIPv6(inBrackets);
    return isHost && isPort(digits, 1);
  },
};

/** Of host and port as CometBFT writes them. */
function isTcpUrl(text: string): boolean {
  const [, inBrackets, bare = "", digits = ""] =
    /^tcp:\/\/(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const isHost = inBrackets === undefined ? isIPv4(bare) || domain.holds(bare) : isIPv6(inBrackets);
  return isHost && isPort(digits, 1);
}

export const engineRpc: Rule = {
  allows: "tcp://<host>:<port>",
  holds: (value) => typeof value === "string" && isTcpUrl(value),
};

export const engineAddress: Rule = {
  allows: "unix:///<path> or tcp://<host>:<port>",
  holds: (value) => {
    if (typeof value !== "string") return false;
    const path = /^unix:\/\/(\/.+)$/.exec(value)?.[1];
    return path === undefined ? isTcpUrl(value) : Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX;
  },
};

const isPort = (digits: string, min: number): boolean => Number(digits) >= min && Number(digits) <= 65_535;

/** As `p2p/addresses.ts` has it: one of a node is about 90 characters. */
const ADDRESS_CHARACTERS_MAX = 256;
const ADDRESS = new RegExp(`^/(ip4|ip6|dns|dns4|dns6)/([^/]+)/tcp/([0-9]{1,5})(/p2p/${PEER_ID})?$`);

/** Whether a text is an address as js-libp2p takes it for TCP, with a peer id at its end or without. */
function isAddress(text: unknown, portMin: number, peer: "needed" | "none"): boolean {
  if (typeof text !== "string" || text.length > ADDRESS_CHARACTERS_MAX) return false;
  const found = ADDRESS.exec(text);
  if (found === null) return false;
  const [, kind, host = "", digits = "", id] = found;
  const fits = kind === "ip4" ? isIPv4(host) : kind === "ip6" ? isIPv6(host) : domain.holds(host);
  return fits && isPort(digits, portMin) && (id === undefined) === (peer === "none");
}

const LIST_MAX = 256;

function listOf(allows: string, holds: (entry: unknown) => boolean): Rule {
  return {
    allows: `a list of at most ${LIST_MAX} ${allows}`,
    holds: (value) => Array.isArray(value) && value.length <= LIST_MAX && value.every(holds),
  };
}

export const listenAddresses = listOf("addresses such as /ip4/0.0.0.0/tcp/26700", (entry) =>
  isAddress(entry, 0, "none"),
);

export const announcedAddresses = listOf("addresses such as /dns/node.example.com/tcp/26700", (entry) =>
  isAddress(entry, 1, "none"),
);

export const peerAddresses = listOf("addresses such as /ip4/192.0.2.7/tcp/26700/p2p/12D3KooW...", (entry) =>
  isAddress(entry, 1, "needed"),
);

const isPeerId = new RegExp(`^${PEER_ID}$`);

export const peerIds = listOf(
  "peer ids such as 12D3KooW...",
  (entry) => typeof entry === "string" && isPeerId.test(entry),
);
