/** What the homes of CometBFT of a new network hold: of LHG's genesis and keys, with a key of its own among peers for each. */
import type { Genesis } from "@lhg/protocol/core/genesis";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import { EVIDENCE_HEIGHTS_MAX } from "../../blocks/proposal.ts";
import { DEFAULT_CONFIG } from "../../config.ts";
import { ABCI_SOCKET } from "../../consensus/comet/process/addresses.ts";
import { type CometHomePlan, cometNodeId } from "../../consensus/comet/process/comet-home.ts";
import { newKey } from "../../make-genesis.ts";
import type { PlannedNode } from "./plan-network.ts";

/** CometBFT drops evidence that is older than both limits: so LHG's alone, in heights, decides. */
const EVIDENCE_MAX_AGE_MS = 1;

export interface CometHomesParts {
  readonly chainId: string;
  readonly genesis: Genesis;
  readonly nodes: readonly PlannedNode[];
  /** In the order of the nodes; fewer, as only validators have one. */
  readonly consensusKeys: readonly SecretKey[];
}

/** In the order of the nodes; undefined where another engine runs. */
export function makeCometHomes(parts: CometHomesParts): (Omit<CometHomePlan, "home"> | undefined)[] {
  const { chainId, genesis, nodes, consensusKeys } = parts;
  const nodeKeys = nodes.map(newKey);
  const ids = new Map(nodes.map(({ name }, i) => [name, cometNodeId(nodeKeys[i]!.publicKey)]));
  const validators = genesis.validators.map(({ consensusKey, power }, i) => ({
    consensusKey,
    power,
    name: nodes[i]?.name ?? "",
  }));
  return nodes.map(({ name, comet }, i) => {
    if (comet === undefined) return undefined;
    const { rpc, p2p, externalAddress, isLocal, peers } = comet;
    return {
      chainId,
      genesisTimeMs: genesis.timeMs,
      validators,
      consensusKey: consensusKeys[i],
      nodeKey: nodeKeys[i]!,
      moniker: name,
      abci: `unix://${ABCI_SOCKET}`,
      rpc,
      p2p,
      ...(externalAddress === undefined ? {} : { externalAddress }),
      persistentPeers: peers.map((peer) => ({ id: ids.get(peer.name)!, host: peer.host, port: peer.port })),
      blockBytesMax: genesis.parameters.blockSizeBytesMax,
      evidenceMaxAgeMs: EVIDENCE_MAX_AGE_MS,
      evidenceMaxAgeHeights: EVIDENCE_HEIGHTS_MAX,
      emptyBlockEveryMs: DEFAULT_CONFIG.heartbeatMs,
      isLocal,
    };
  });
}
