import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import { assertInvariant } from "@lhg/protocol/core/errors";
import { createNodeSigner } from "@lhg/sdk/crypto/node";
import { readConfig } from "../../config.ts";
import { loadOrCreateDevChain } from "../../dev-chain.ts";
import { type RunningNode, startNode } from "../../node.ts";
import { checkCompanion, startCompanion } from "../companion.ts";
import { DEV_KEYS_FILE, type DevKeys, describeDevKeys, offerDevKeys } from "../dev-keys.ts";
import { type Example, makeExample } from "../example-document.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatFields, formatTable } from "../output.ts";
import { findPages } from "../pages-folder.ts";
import { commandName, DEFAULT_DATA, DEFAULT_URL, type Session } from "../session.ts";
import { waitForEnd } from "../wait-for-end.ts";

interface DevOptions {
  readonly port: number;
  readonly host: string;
  readonly coapPort?: number;
  /** False for `--no-mqtt`. */
  readonly mqtt: boolean;
  readonly mqttPort?: number;
  readonly logLevel?: string;
  /** A program that runs as long as the node does. */
  readonly with?: string;
}

/** Runs until a signal ends it. */
export async function runDev(session: Session, options: DevOptions): Promise<ExitCode> {
  const { data } = session.options;
  const {
    port,
    host,
    coapPort,
    logLevel = session.output.isJson ? "silent" : "warn",
    with: program,
  } = options;
  if (program !== undefined) await checkCompanion(program);
  const mqttPort = await chooseMqttPort(session, options);
  const config = readConfig({ dataDirectory: data, host, port, mqttPort, coapPort, logLevel });
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
  announce(session, node, host, keys, example);
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

const MQTT_PORT_DEFAULT = 1883;

/** Where a broker of this machine has the usual port, the chain starts without MQTT and says so. */
async function chooseMqttPort(
  session: Session,
  { host, mqtt, mqttPort }: DevOptions,
): Promise<number | undefined> {
  if (!mqtt) return undefined;
  if (mqttPort !== undefined) return mqttPort;
  if (await isPortFree(host, MQTT_PORT_DEFAULT)) return MQTT_PORT_DEFAULT;
  session.output.warn(
    `port ${MQTT_PORT_DEFAULT} is taken, so devices are not served over MQTT (--mqtt-port chooses another)`,
  );
  return undefined;
}

function isPortFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

/** The example's makers need a prefix that fits an EPC URN. */
function findCompanyPrefix({ vendors }: DevKeys): string {
  const found = vendors[0]?.prefixes.find((prefix) => /^[0-9]{6,12}$/.test(prefix));
  assertInvariant(found !== undefined, "the first development vendor has a company prefix");
  return found;
}

function announce(
  session: Session,
  { url, mqtt, coapPort }: Pick<RunningNode, "url" | "mqtt" | "coapPort">,
  host: string,
  keys: DevKeys,
  example: Example,
): void {
  const mqttUrl = mqtt?.port === undefined ? null : `mqtt://${host}:${mqtt.port}`;
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
      mqtt: mqttUrl,
      ...(coapPort === undefined ? {} : { coapPort }),
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
        ...(mqttUrl === null ? [] : [["MQTT", mqttUrl] as const]),
        ...(coapPort === undefined ? [] : [["CoAP", `UDP port ${coapPort}`] as const]),
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
