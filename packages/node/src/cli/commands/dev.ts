import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import { assertInvariant } from "@lhg/protocol/core/errors";
import { createNodeSigner } from "@lhg/sdk/crypto/node";
import { readConfig } from "../../config.ts";
import { loadOrCreateDevChain } from "../../dev-chain.ts";
import { startNode } from "../../node.ts";
import { checkCompanion, startCompanion } from "../companion.ts";
import { DEV_KEYS_FILE, type DevKeys, describeDevKeys, offerDevKeys } from "../dev-keys.ts";
import { type Example, makeExample } from "../example-document.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatFields, formatTable } from "../output.ts";
import { findPages } from "../pages-folder.ts";
import { commandName, DEFAULT_DATA, DEFAULT_URL, type Session } from "../session.ts";

interface DevOptions {
  readonly port: number;
  readonly host: string;
  readonly logLevel?: string;
  /** A program that runs as long as the node does. */
  readonly with?: string;
}

/** As a shell reports a program that Ctrl-C ended. */
const EXIT_FORCED = 130;

/** Runs until a signal ends it. */
export async function runDev(session: Session, options: DevOptions): Promise<ExitCode> {
  const { data } = session.options;
  const { port, host, logLevel = session.output.isJson ? "silent" : "warn", with: program } = options;
  if (program !== undefined) await checkCompanion(program);
  const config = readConfig({ dataDirectory: data, host, port, logLevel });
  const chain = await loadOrCreateDevChain(data);
  const end = waitForEnd();
  const node = await startNode({
    config,
    genesis: chain.genesis,
    signers: chain.consensusKeys.map(createNodeSigner),
    onFatal: end.fail,
    pages: await findPages(chain.genesis),
    developmentKeys: offerDevKeys(chain),
  });
  const keys = describeDevKeys(chain);
  const example = makeExample(findCompanyPrefix(keys));
  await writeFile(join(data, example.fileName), example.document);
  announce(session, node.url, keys, example);
  const { output } = session;
  const companion =
    program === undefined ? undefined : startCompanion({ program, url: node.url, data, output });
  try {
    const signal = await end.ended;
    session.output.note(`${signal}: stopping. Once more to force it.`);
    return EXIT.ok;
  } finally {
    await companion?.stop();
    await node.stop();
    session.output.note("stopped");
  }
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

function announce(session: Session, url: string, keys: DevKeys, example: Example): void {
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
        ["console", `${url}/console/`],
        ["API", `${url}/api/v1/docs`],
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
