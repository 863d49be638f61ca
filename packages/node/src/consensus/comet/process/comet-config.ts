/** config.toml of CometBFT: what LHG needs of it, and nothing that its defaults say as well. */
import { formatToml } from "../../../config/write-toml.ts";
import { formatHostPort } from "./addresses.ts";
import { COMETBFT_VERSION } from "./engine-binary.ts";

export interface CometPeer {
  /** As `cometNodeId` makes it. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

/** A node without a chain begins with a snapshot; CometBFT verifies it from a header that is known to be right. */
export interface CometStateSync {
  /** At least two, as `http://HOST:PORT`. */
  readonly rpcServers: readonly string[];
  readonly trustHeight: bigint;
  readonly trustHash: Uint8Array;
  readonly trustPeriodMs: number;
}

export interface CometConfigPlan {
  /** Where LHG listens: `unix://PATH`, relative to the home of CometBFT, or `tcp://HOST:PORT`. */
  readonly abci: string;
  /** `tcp://127.0.0.1:26657` */
  readonly rpc: string;
  /** `tcp://0.0.0.0:26656` */
  readonly p2p: string;
  /** `HOST:PORT` that peers are told, where that differs from `p2p`. */
  readonly externalAddress?: string;
  readonly persistentPeers: readonly CometPeer[];
  /** Several nodes share an address: all of them on this machine, or on one host. */
  readonly isLocal: boolean;
  /** How peers see the node. */
  readonly moniker?: string;
  /** Without work a block is made after this time; without it none is. */
  readonly emptyBlockEveryMs?: number;
  readonly stateSync?: CometStateSync;
}

/** No statement that LHG takes is larger, in the form that travels (`intake/exchange-messages.ts`). */
export const TX_BYTES_MAX = 5 << 20;
/** Questions in one list: what LHG hands over at once, with room to spare. */
const RPC_BATCH_MAX = 1_024;
/** A transaction travels to the RPC in base64, with the frame of JSON-RPC around it. */
const RPC_BODY_BYTES_MAX = Math.ceil((TX_BYTES_MAX * 4) / 3) + 4_096;
const LINK_BYTES_PER_SECOND = 40_000_000;
const MEMPOOL_TXS_MAX = 50_000;
/** As LHG's own (`mempool/mempool.ts`). */
const MEMPOOL_BYTES_MAX = 256 << 20;

type Value = string | number | boolean | readonly string[];

export interface ConfigTable {
  /** Empty for what stands before the first table. */
  readonly name: string;
  readonly entries: readonly (readonly [key: string, value: Value, why?: string])[];
}

/** The tables in the order of the file. Keys are those of CometBFT's own template, which ignores what it does not know. */
export function planCometConfig(plan: CometConfigPlan): ConfigTable[] {
  const { abci, rpc, p2p, externalAddress, persistentPeers, isLocal, moniker, emptyBlockEveryMs } = plan;
  const local: ConfigTable["entries"] = isLocal
    ? [
        ["allow_duplicate_ip", true, "Nodes share an address."],
        ["addr_book_strict", false],
      ]
    : [
        ["allow_duplicate_ip", false],
        ["addr_book_strict", true],
      ];
  return [
    {
      name: "",
      entries: [
        ["version", COMETBFT_VERSION],
        [
          "proxy_app",
          abci,
          "Where LHG listens; a path is relative to the working directory, which is this home.",
        ],
        ["abci", "socket"],
        ["moniker", moniker ?? "lhg"],
        ["log_format", "json", "LHG joins these lines into its own log."],
        ["log_level", "main:info,*:error", "Else some ten lines a block."],
      ],
    },
    {
      name: "rpc",
      entries: [
        ["laddr", rpc, "LHG asks here for commits. It is not meant for others: clients use the API of LHG."],
        ["max_body_bytes", RPC_BODY_BYTES_MAX],
        ["max_request_batch_size", RPC_BATCH_MAX, "LHG hands transactions over in lists."],
      ],
    },
    {
      name: "p2p",
      entries: [
        ["laddr", p2p],
        ...(externalAddress === undefined ? [] : [["external_address", externalAddress] as const]),
        ["persistent_peers", persistentPeers.map((peer) => `${peer.id}@${formatHostPort(peer)}`).join(",")],
        [
          "unconditional_peer_ids",
          persistentPeers.map(({ id }) => id).join(","),
          "However many others there are.",
        ],
        ["pex", false, "Peers are those above, and who has this node among its own."],
        ...local,
        ["flush_throttle_timeout", "5ms"],
        ["send_rate", LINK_BYTES_PER_SECOND, "Else a full block would need seconds a link."],
        ["recv_rate", LINK_BYTES_PER_SECOND],
      ],
    },
    {
      name: "mempool",
      entries: [
        ["size", MEMPOOL_TXS_MAX],
        ["max_txs_bytes", MEMPOOL_BYTES_MAX],
        ["max_tx_bytes", TX_BYTES_MAX, "The same on every node."],
        ["cache_size", 2 * MEMPOOL_TXS_MAX],
        [
          "recheck",
          true,
          "LHG answers from its own mempool at once. Without it what has become stale would fill this mempool for ever.",
        ],
        ["keep-invalid-txs-in-cache", false, "What came too early may come again."],
      ],
    },
    ...(plan.stateSync === undefined ? [] : [planStateSync(plan.stateSync)]),
    {
      name: "consensus",
      entries: [
        ["timeout_propose", "1s"],
        ["timeout_commit", "50ms"],
        ["skip_timeout_commit", true],
        ["create_empty_blocks", false],
        ...(emptyBlockEveryMs === undefined
          ? []
          : [
              [
                "create_empty_blocks_interval",
                `${emptyBlockEveryMs}ms`,
                "Without work, so that time goes on.",
              ] as const,
            ]),
        ["peer_gossip_sleep_duration", "5ms"],
      ],
    },
    { name: "tx_index", entries: [["indexer", "null", "LHG has indexes of its own."]] },
    { name: "instrumentation", entries: [["prometheus", false]] },
  ];
}

export function planStateSync({
  rpcServers,
  trustHeight,
  trustHash,
  trustPeriodMs,
}: CometStateSync): ConfigTable {
  return {
    name: "statesync",
    entries: [
      ["enable", true],
      ["rpc_servers", rpcServers.join(",")],
      // TOML has no bigint: heights are far below 2^53.
      ["trust_height", Number(trustHeight)],
      ["trust_hash", Buffer.from(trustHash).toString("hex")],
      ["trust_period", `${trustPeriodMs}ms`],
    ],
  };
}

const HEAD = `# Settings of CometBFT ${COMETBFT_VERSION} as the engine of an LHG node, made by LHG.
# What does not stand here has the default of CometBFT. Paths are relative to this home.
`;

export function formatCometConfig(tables: readonly ConfigTable[]): string {
  return [HEAD, ...tables.flatMap(formatTable)].join("\n");
}

/** The last line is empty. */
export function formatTable({ name, entries }: ConfigTable): string[] {
  const lines = name === "" ? [] : [`[${name}]`];
  for (const [key, value, why] of entries) {
    if (why !== undefined) lines.push(`# ${why}`);
    lines.push(`${key} = ${formatToml(value)}`);
  }
  return [...lines, ""];
}
