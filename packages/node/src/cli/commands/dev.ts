import { writeFile } from "node:fs/promises";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { join } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import { assertInvariant } from "@lhg/protocol/core/errors";
import { createNodeSigner } from "@lhg/sdk/crypto/node";
import { type NodeConfig, readConfig } from "../../config.ts";
import { loadOrCreateDevChain } from "../../dev-chain.ts";
import { type RunningNode, startNode } from "../../node.ts";
import { DEV_KEYS_FILE, type DevKeys, describeDevKeys } from "../dev-keys.ts";
import { type Example, makeExample } from "../example-document.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatFields, formatTable } from "../output.ts";
import { commandName, DEFAULT_DATA, DEFAULT_URL, type Session } from "../session.ts";

interface DevOptions {
  readonly port: number;
  readonly host: string;
  readonly logLevel?: string;
  readonly publicUrl?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly httpPort?: number;
  readonly acme?: string;
  readonly acmeEmail?: string;
  readonly acmeDirectory?: string;
}

/** As a shell reports a program that Ctrl-C ended. */
const EXIT_FORCED = 130;

/** Runs until a signal ends it. */
export async function runDev(session: Session, options: DevOptions): Promise<ExitCode> {
  const { data } = session.options;
  const { port, host, logLevel = session.output.isJson ? "silent" : "warn" } = options;
  const config = readConfig({ dataDirectory: data, host, port, logLevel, ...readTlsOptions(options) });
  const chain = await loadOrCreateDevChain(data);
  const end = waitForEnd();
  const node = await startNode({
    config,
    genesis: chain.genesis,
    signers: chain.consensusKeys.map(createNodeSigner),
    onFatal: end.fail,
  });
  const keys = describeDevKeys(chain);
  const example = makeExample(findCompanyPrefix(keys));
  await writeFile(join(data, example.fileName), example.document);
  announce(session, node, keys, example);
  adviseForPhones(session, config, node.listenUrl);
  try {
    const signal = await end.ended;
    session.output.note(`${signal}: stopping. Once more to force it.`);
    return EXIT.ok;
  } finally {
    await node.stop();
    session.output.note("stopped");
  }
}

function readTlsOptions(options: DevOptions): Partial<NodeConfig> {
  return Object.fromEntries(
    Object.entries({
      publicUrl: options.publicUrl,
      tlsCertificateFile: options.tlsCert,
      tlsKeyFile: options.tlsKey,
      httpRedirectPort: options.httpPort,
      acmeDomain: options.acme,
      acmeEmail: options.acmeEmail,
      acmeDirectoryUrl: options.acmeDirectory,
    }).filter(([, value]) => value !== undefined),
  );
}

/** Who listens for other machines wants to be reached, and a node answers to its own names only. */
function adviseForPhones(session: Session, { host, publicUrl }: NodeConfig, listenUrl: string): void {
  const isLocal = host === "localhost" || host === "::1" || host.startsWith("127.");
  if (publicUrl !== undefined || isLocal) return;
  const isOther = (address: NetworkInterfaceInfo): boolean => address.family === "IPv4" && !address.internal;
  const found = Object.values(networkInterfaces())
    .flat()
    .find((address) => address && isOther(address));
  const { protocol, port } = new URL(listenUrl);
  session.output.warn(
    `phones and other machines need --public-url ${protocol}//${found?.address ?? "<address of this machine>"}:${port}`,
  );
}

interface End {
  /** Resolves with the signal; rejects with the error after which the node can't go on. */
  readonly ended: Promise<NodeJS.Signals>;
  readonly fail: (error: unknown) => void;
}

/** npm passes on the signal that the terminal has sent already: one Ctrl-C arrives twice. */
const ONE_SIGNAL_MS = 1_000;

function waitForEnd(): End {
  const { promise, resolve, reject } = Promise.withResolvers<NodeJS.Signals>();
  let firstMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    firstMs ??= performance.now();
    resolve(signal);
    if (performance.now() - firstMs > ONE_SIGNAL_MS) process.exit(EXIT_FORCED);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  // A failure while the node still starts is thrown by the start itself.
  promise.catch(() => {});
  return { ended: promise, fail: reject };
}

/** The example's makers need a prefix that fits an EPC URN. */
function findCompanyPrefix({ vendors }: DevKeys): string {
  const found = vendors[0]?.prefixes.find((prefix) => /^[0-9]{6,12}$/.test(prefix));
  assertInvariant(found !== undefined, "the first development vendor has a company prefix");
  return found;
}

function announce(session: Session, node: RunningNode, keys: DevKeys, example: Example): void {
  const { url, listenUrl } = node;
  const { data } = session.options;
  const flags = [
    url === DEFAULT_URL ? "" : ` --url ${url}`,
    data === DEFAULT_DATA ? "" : ` --data ${data}`,
  ].join("");
  const run = (command: string): string => `${commandName()} ${command}${flags}`;
  const next = [
    run("status"),
    run(`capture ${join(data, example.fileName)}`),
    run(`trace ${example.item} --verify`),
  ];
  session.output.result(
    {
      url,
      listenUrl,
      chainId: keys.chainId,
      data,
      vendors: keys.vendors.map(({ name, title, address, prefixes }) => ({
        name,
        title,
        address: toHex(address),
        prefixes,
      })),
      next,
    },
    [
      "LHG development chain: seven validators in this process.",
      ...formatFields([
        ["chain", keys.chainId],
        ["API", `${url}/api/v1/docs`],
        ...(url === listenUrl ? [] : [["listens", listenUrl] as const]),
        ["keys", `${join(data, DEV_KEYS_FILE)}, not encrypted: for development only`],
      ]),
      "",
      "Vendors of this chain (a capture is signed by the one whose prefix its items have):",
      ...formatTable(
        ["  KEY", "NAME", "ADDRESS", "PREFIXES"],
        keys.vendors.map(({ name, title, prefixes, address }) => [
          `  ${name}`,
          title,
          toHex(address),
          prefixes.join(", "),
        ]),
      ),
      "Credit pays for captures and readings: a vendor buys it with LHG; development vendors do so by themselves.",
      "",
      "Try next, in another terminal:",
      ...next.map((command) => `  ${command}`),
      "",
      "Ctrl-C ends it; the next start continues this chain.",
    ],
  );
}
