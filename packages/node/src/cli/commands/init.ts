import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { deriveAddress } from "@lhg/protocol/core/account";
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { checkGenesis, computeChainId, type Genesis } from "@lhg/protocol/core/genesis";
import { isValidPrefix } from "@lhg/protocol/modules/identity/prefixes";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import { encryptKey, type KeyFile } from "@lhg/sdk/keys/keystore";
import type { NodeConfig } from "../../config.ts";
import { COMETBFT_VERSION } from "../../consensus/comet/process/engine-binary.ts";
import { type FoundingVendor, makeGenesis, newKey } from "../../make-genesis.ts";
import { peerIdOf } from "../../p2p/peer-id.ts";
import { makePlainKeyFile, type PlainKeyFile } from "../key-file.ts";
import { checkKeyName } from "../key-folder.ts";
import { makeCometHomes } from "../network/comet-homes.ts";
import { COMET_FOLDER, GENESIS_FILE, NODE_KEY_BYTES } from "../network/home-files.ts";
import { listMembers, type NetworkShape, type PlannedNode, planNetwork } from "../network/plan-network.ts";
import { ACCOUNTS_FOLDER, assertNothingThere, writeNetwork } from "../network/write-network.ts";
import { formatFields, formatTable } from "../output.ts";
import { commandName, type Session } from "../session.ts";
import { askPassphrase } from "../signing.ts";

export interface InitOptions {
  readonly out: string;
  readonly validators: number;
  readonly observers: number;
  readonly sentries?: boolean;
  readonly name: string;
  readonly kind: "private" | "alliance" | "public";
  readonly engine: NodeConfig["engine"];
  /** One, or with commas between them one for each node. */
  readonly host: string;
  readonly basePort: number;
  /** `NAME=PREFIX,PREFIX` */
  readonly vendor?: readonly string[];
  readonly insecureKeys?: boolean;
}

const KINDS: Readonly<Record<InitOptions["kind"], Genesis["kind"]>> = { private: 0, alliance: 1, public: 2 };
const FAUCET = "faucet";
/**
 * CometBFT lets nobody fetch blocks who has a third of the power, rounded down (blocksync/reactor.go): of four with 1 each that is everyone, and
 * who was away for long would come back block by block, slower than the others decide.
 */
const COMET_POWER = 100n;

export async function runInit(session: Session, options: InitOptions): Promise<void> {
  const { out, validators, observers, name, kind, host, basePort } = options;
  if (kind !== "private" && validators % 2 === 0)
    throw new LhgError("init.validators", `must be odd on a chain of kind ${kind}`, "--validators");
  const shape: NetworkShape = {
    validators,
    observers,
    hasSentries: options.sentries === true,
    hosts: host.split(",").map((entry) => entry.trim()),
    basePort,
    engine: options.engine,
  };
  await assertNothingThere(out);

  const seeds = listMembers(shape).map(() => new Uint8Array(randomBytes(NODE_KEY_BYTES)));
  const planned = planNetwork(shape, seeds.map(peerIdOf));
  const newKeys = (): SecretKey[] => Array.from({ length: validators }, newKey);
  const keys = { operators: newKeys(), consensusKeys: newKeys(), faucet: newKey() };
  const vendors = readVendors(options.vendor ?? []);
  const genesis = makeGenesis({
    name,
    kind: KINDS[kind],
    timeMs: Date.now(),
    vendors,
    group: name,
    ...(options.engine === "comet" ? { power: COMET_POWER } : {}),
    ...keys,
  });
  checkGenesis(genesis);
  // Also encodes it, so that what is no genesis is refused before anything is written.
  const chainId = computeChainId(nodeCrypto, genesis);
  const accounts = [
    { name: FAUCET, key: keys.faucet },
    ...vendors.map((vendor) => ({ name: slugOf(vendor.name), key: vendor.key })),
  ];
  const cometHomes = makeCometHomes({ chainId, genesis, nodes: planned, consensusKeys: keys.consensusKeys });
  await writeNetwork(out, {
    genesis,
    nodes: planned.map((node, i) => {
      const [consensus, operator] = [keys.consensusKeys[i], keys.operators[i]];
      const own = consensus === undefined || operator === undefined ? {} : { keys: { consensus, operator } };
      const cometHome = cometHomes[i];
      return { ...node, nodeKeySeed: seeds[i]!, ...own, ...(cometHome === undefined ? {} : { cometHome }) };
    }),
    accounts,
    seal: await chooseSeal(session, options, 2 * validators + accounts.length),
  });
  announce(session, options, chainId, planned, accounts);
}

/** How keys are written. Encrypting one takes half a second, so a large network shows how far it is. */
async function chooseSeal(
  session: Session,
  { insecureKeys }: InitOptions,
  count: number,
): Promise<(key: SecretKey) => KeyFile | PlainKeyFile> {
  if (insecureKeys === true) return makePlainKeyFile;
  const passphrase = await askPassphrase(session, "passphrase for all keys of the network", true);
  let done = 0;
  return (key) => {
    session.output.progress(`encrypting key ${++done} of ${count}`);
    return encryptKey(key, passphrase, { random: (length) => new Uint8Array(randomBytes(length)) });
  };
}

function readVendors(texts: readonly string[]): FoundingVendor[] {
  const vendors = texts.map(readVendor);
  const names = [FAUCET, ...vendors.map(({ name }) => slugOf(name))];
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new LhgError(
      "init.vendor",
      `there would be two accounts ${twice}: choose another name`,
      "--vendor",
    );
  return vendors;
}

/** `Acme=0614141,4012345` */
function readVendor(text: string): FoundingVendor {
  const [, name, prefixes] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || prefixes === undefined)
    throw new LhgError("init.vendor", "must be a name, an equals sign, and prefixes with commas", "--vendor");
  const list = prefixes.split(",").map((prefix) => prefix.trim());
  const wrong = list.find((prefix) => !isValidPrefix(prefix));
  if (wrong !== undefined)
    throw new LhgError("init.vendor", `${wrong} is no prefix that can be granted`, "--vendor");
  return { name, prefixes: list, key: newKey() };
}

function slugOf(name: string): string {
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return checkKeyName(slug.replace(/^-|-$/g, "").slice(0, 63));
}

/** CometBFT knows no encrypted key: whoever makes a network with it has to know where a plain one lies. */
const COMET_FIELDS = [
  ["engine", `CometBFT ${COMETBFT_VERSION}, its home in ${COMET_FOLDER}/ of each home`],
  [
    "its key",
    `${COMET_FOLDER}/config/priv_validator_key.json is the consensus key again, NOT ENCRYPTED, for the owner alone (mode 0600)`,
  ],
] as const;

function announce(
  { output }: Session,
  { out, engine, insecureKeys }: InitOptions,
  chainId: string,
  nodes: readonly PlannedNode[],
  accounts: readonly { readonly name: string; readonly key: SecretKey }[],
): void {
  const isComet = engine === "comet";
  const views = nodes.map(({ name, role, peerId, config, comet }) => ({
    name,
    role,
    home: join(out, name),
    peerId,
    listen: config.p2pListen?.[0] ?? "",
    apiPort: config.port ?? 0,
    ...(comet === undefined
      ? {}
      : { comet: { home: join(out, name, COMET_FOLDER), listen: comet.p2p, rpc: comet.rpc } }),
  }));
  const run = (command: string): string => `${commandName()} ${command}`;
  const first = views[0];
  const next = [
    ...(isComet ? [run("engine install")] : []),
    ...views.slice(0, 1).map(({ home }) => run(`node --home ${home} --check-config`)),
    ...views.map(({ home }) => run(`node --home ${home}`)),
    ...(first === undefined || first.apiPort === 0
      ? []
      : [run(`status --url http://127.0.0.1:${first.apiPort}`)]),
  ];
  output.result(
    {
      folder: out,
      chainId,
      genesis: join(out, GENESIS_FILE),
      engine,
      encrypted: insecureKeys !== true,
      nodes: views,
      accounts: accounts.map(({ name, key }) => ({
        name,
        address: toHex(deriveAddress(nodeCrypto, { alg: key.alg, bytes: key.publicKey })),
      })),
      next,
    },
    [
      ...formatFields([
        ["chain", chainId],
        ["genesis", `${join(out, GENESIS_FILE)}, the same in every home`],
        ["accounts", `${accounts.map(({ name }) => name).join(", ")}: --keys ${join(out, ACCOUNTS_FOLDER)}`],
        ["keys", insecureKeys === true ? "NOT ENCRYPTED: for tests and development only" : "encrypted"],
        ...(isComet ? COMET_FIELDS : []),
      ]),
      "",
      ...formatTable(
        ["HOME", "ROLE", "LISTENS", ...(isComet ? ["COMETBFT"] : []), "API", "PEER"],
        views.map(({ home, role, listen, apiPort, peerId, comet }) => [
          home,
          role,
          listen,
          ...(comet === undefined ? [] : [comet.listen]),
          String(apiPort),
          peerId,
        ]),
      ),
      "",
      "Next, each in a terminal of its own, or with its folder on a machine of its own:",
      ...next.map((command) => `  ${command}`),
    ],
  );
}
