import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer, isIPv6 } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { join } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import { assertInvariant } from "@lhg/protocol/core/errors";
import { type NodeConfig, readConfig } from "../../config.ts";
import { createLocalSigner } from "../../crypto/sodium.ts";
import { loadOrCreateDevChain } from "../../dev-chain.ts";
import { type RunningNode, startNode } from "../../node.ts";
import { type Companion, checkCompanion, startCompanion } from "../companion.ts";
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
  readonly publicUrl?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly mqttAuth: NodeConfig["mqttAuthentication"];
  readonly mqttsPort?: number;
  readonly mqttsClientCa?: string;
  readonly httpPort?: number;
  readonly acme?: string;
  readonly acmeEmail?: string;
  readonly acmeDirectory?: string;
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
  const gates = { port, mqttPort, coapPort, mqttAuthentication: options.mqttAuth };
  const config = readConfig({ dataDirectory: data, host, ...gates, logLevel, ...readTlsOptions(options) });
  const chain = await loadOrCreateDevChain(data);
  const end = waitForEnd();
  const developmentKeys = { keys: offerDevKeys(chain), token: makeToken(config) };
  const node = await startNode({
    config,
    genesis: chain.genesis,
    signers: chain.consensusKeys.map(createLocalSigner),
    onFatal: end.fail,
    pages: await findPages(chain.genesis),
    developmentKeys,
  });
  let companion: Companion | undefined;
  try {
    const keys = describeDevKeys(chain);
    const example = makeExample(findCompanyPrefix(keys));
    await writeFile(join(data, example.fileName), example.document);
    announce(session, node, findDeviceHost(config), keys, example);
    adviseForPhones(session, config, node.listenUrl);
    const { output } = session;
    const { token } = developmentKeys;
    if (program !== undefined)
      companion = startCompanion({ program, url: node.listenUrl, data, output, token });
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

/** Undefined where only this machine reaches the node. */
function makeToken({ host, publicUrl }: NodeConfig): string | undefined {
  return publicUrl === undefined && isLoopback(host) ? undefined : toHex(randomBytes(16));
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
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
      mqttTlsPort: options.mqttsPort,
      mqttTlsClientCaFile: options.mqttsClientCa,
    }).filter(([, value]) => value !== undefined),
  );
}

/** Who listens for other machines wants to be reached, and a node answers to its own names only. */
function adviseForPhones(session: Session, { host, publicUrl }: NodeConfig, listenUrl: string): void {
  if (publicUrl !== undefined || isLoopback(host)) return;
  const isOther = (address: NetworkInterfaceInfo): boolean => address.family === "IPv4" && !address.internal;
  const found = Object.values(networkInterfaces())
    .flat()
    .find((address) => address && isOther(address));
  const { protocol, port } = new URL(listenUrl);
  session.output.warn(
    `phones and other machines need --public-url ${protocol}//${found?.address ?? "<address of this machine>"}:${port}`,
  );
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

/** The host of URLs that devices are given: the public one, or where the node listens. */
export function findDeviceHost({ host, publicUrl }: Pick<NodeConfig, "host" | "publicUrl">): string {
  if (publicUrl !== undefined) return new URL(publicUrl).hostname;
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return isIPv6(host) ? `[${host}]` : host;
}

function announce(
  session: Session,
  { url, listenUrl, mqtt, coapPort }: Pick<RunningNode, "url" | "listenUrl" | "mqtt" | "coapPort">,
  host: string,
  keys: DevKeys,
  example: Example,
): void {
  const mqttUrl = mqtt?.port === undefined ? null : `mqtt://${host}:${mqtt.port}`;
  const mqttsUrl = mqtt?.tlsPort === undefined ? undefined : `mqtts://${host}:${mqtt.tlsPort}`;
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
      ...(mqttsUrl === undefined ? {} : { mqtts: mqttsUrl }),
      ...(coapPort === undefined ? {} : { coapPort }),
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
        ["console", `${url}/console/`],
        ["docs", `${url}/docs/`],
        ["API", `${url}/api/v1/docs`],
        ...(mqttUrl === null ? [] : [["MQTT", mqttUrl] as const]),
        ...(mqttsUrl === undefined ? [] : [["MQTT over TLS", mqttsUrl] as const]),
        ...(coapPort === undefined ? [] : [["CoAP", `coap://${host}:${coapPort}`] as const]),
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
