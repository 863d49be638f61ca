import { toHex } from "@lhg/protocol/core/bytes";
import { computeChainId } from "@lhg/protocol/core/genesis";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { formatSettings } from "../../config/write-toml.ts";
import type { NodeConfig } from "../../config.ts";
import { type RunningNode, startNode } from "../../node.ts";
import { createLogger } from "../../start-chain.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { checkHome } from "../network/check-home.ts";
import { type HomeSources, type OpenedHome, openHome } from "../network/open-home.ts";
import { type OpenedSigner, openSigner } from "../network/open-signer.ts";
import { formatFields } from "../output.ts";
import { findPages } from "../pages-folder.ts";
import type { Session } from "../session.ts";
import { askPassphrase } from "../signing.ts";
import { waitForEnd } from "../wait-for-end.ts";

interface NodeOptions {
  readonly home: string;
  readonly checkConfig?: boolean;
  readonly voteWithoutRecord?: boolean;
  readonly engine?: NodeConfig["engine"];
  readonly logLevel?: NodeConfig["logLevel"];
}

/** Runs until a signal ends it. */
export async function runNode(session: Session, options: NodeOptions): Promise<ExitCode> {
  const { home, engine, logLevel } = options;
  const sources: HomeSources = {
    home,
    environment: process.env,
    flags: {
      ...(engine === undefined ? {} : { engine }),
      ...(logLevel === undefined ? {} : { logLevel }),
    },
  };
  if (options.checkConfig === true) return checkConfig(session, sources);

  const opened = await openHome(sources);
  const { config, genesis, nodeKey } = opened;
  const logger = createLogger(config);
  // CometBFT holds the key of its validator itself.
  const signing =
    config.engine === "comet"
      ? undefined
      : await openSigner(
          config,
          () => askPassphrase(session, "passphrase of the consensus key"),
          (level, fields, message) => logger[level](fields, message),
        );
  const end = waitForEnd();
  const stopping = new AbortController();
  void end.ended.then(
    () => stopping.abort(),
    () => stopping.abort(),
  );
  try {
    const node = await startNode({
      config,
      genesis,
      signers: signing === undefined ? [] : [signing.signer],
      hasRemoteSigner: signing?.isRemote === true,
      votesWithoutRecord: options.voteWithoutRecord === true,
      nodeKeySeed: nodeKey.seed,
      stopping: stopping.signal,
      onFatal: end.fail,
      pages: await findPages(genesis),
    });
    try {
      announce(session, home, opened, node, signing);
      const signal = await end.ended;
      session.output.note(`${signal}: stopping. Once more to force it.`);
      return EXIT.ok;
    } finally {
      await node.stop();
      session.output.note("stopped");
    }
  } finally {
    await signing?.close();
  }
}

function announce(
  { output }: Session,
  home: string,
  { config, genesis, nodeKey }: OpenedHome,
  { url, listenUrl, mqtt, coapPort, peerAddresses }: RunningNode,
  signing: OpenedSigner | undefined,
): void {
  const chainId = computeChainId(nodeCrypto, genesis);
  const publicKey = signing === undefined ? null : toHex(signing.signer.publicKey);
  const { peerId } = nodeKey;
  output.result(
    {
      url,
      listenUrl,
      ...(mqtt?.port === undefined ? {} : { mqttPort: mqtt.port }),
      ...(mqtt?.tlsPort === undefined ? {} : { mqttTlsPort: mqtt.tlsPort }),
      ...(coapPort === undefined ? {} : { coapPort }),
      chainId,
      peerId,
      peerAddresses,
      home,
      data: config.dataDirectory,
      consensusKey: publicKey,
    },
    formatFields([
      ["chain", chainId],
      ["node", home],
      ["votes with", config.engine === "comet" ? "the key of CometBFT" : (publicKey ?? "no key: it follows")],
      ...(peerAddresses.length === 0 ? [["peer id", peerId] as const] : []),
      ...peerAddresses.map((address) => ["for peers", address] as const),
      ["console", `${url}/console/`],
      ["API", `${url}/api/v1/docs`],
      ...(url === listenUrl ? [] : [["listens", listenUrl] as const]),
    ]),
  );
}

/** 0 where a node can be started with it, else 2. */
async function checkConfig(session: Session, sources: HomeSources): Promise<ExitCode> {
  const { output, options } = session;
  const canAsk = options.passphraseFd !== undefined || process.env.LHG_PASSPHRASE !== undefined;
  const report = await checkHome(sources, canAsk ? () => askPassphrase(session, "passphrase") : undefined);
  const { problems, notes, config, chainId, peerId } = report;
  const isFine = problems.length === 0;
  output.result({ ok: isFine, problems, notes, chainId, peerId, config }, [
    ...(config === undefined ? [] : [...formatSettings(config), ""]),
    ...formatFields([
      ["chain", chainId ?? "unknown"],
      ["peer id", peerId ?? "unknown"],
    ]),
    ...notes.map((text) => `note: ${text}`),
    ...problems.map(({ code, message }) => `problem: ${message} (${code})`),
    isFine ? "A node can be started with this." : "A node can't be started with this.",
  ]);
  return isFine ? EXIT.ok : EXIT.usage;
}
