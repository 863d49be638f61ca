/**
 * A validator that lies: it runs as `lhg node` does, but has two faces to its peers, and at every height signs something else for the
 * second one: another proposal, another PrepareResponse, another Commit.
 */
import { parseArgs } from "node:util";
import {
  COMMIT,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  type VoteType,
  voteSignBytes,
} from "@lhg/protocol/core/block/certificate";
import { hashHeader } from "@lhg/protocol/core/block/header";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { computeChainId } from "@lhg/protocol/core/genesis";
import { EPOCH } from "@lhg/protocol/core/proof/anchor";
import { proposal as proposalCodec } from "../../src/blocks/proposal.ts";
import { openKeyFile } from "../../src/cli/key-file.ts";
import { openHome, readConsensusKeyFile } from "../../src/cli/network/open-home.ts";
import { waitForEnd } from "../../src/cli/wait-for-end.ts";
import type { NodeConfig } from "../../src/config.ts";
import type { Message } from "../../src/consensus/dbft/messages.ts";
import { joinConsensusGossip } from "../../src/consensus/gossip.ts";
import { createLocalSigner, sodiumCrypto } from "../../src/crypto/sodium.ts";
import { startNode } from "../../src/node.ts";
import type { Network } from "../../src/p2p/network.ts";
import { startNetwork } from "../../src/p2p/start-network.ts";

type Sign = (message: Uint8Array) => Uint8Array;

/** What the second face is told in place of a message; undefined: the same. */
function forge(message: Message, chainId: string, sign: Sign): Message | undefined {
  const { height } = message.body;
  const signVote = (type: VoteType, view: number, blockHash: Uint8Array): Uint8Array =>
    sign(voteSignBytes({ chainId, epoch: EPOCH, height }, view, type, blockHash));
  const { type } = message;
  if (type === "prepare-request") {
    const { body } = message;
    const told = decode(proposalCodec, body.proposal, "proposal");
    const header = { ...told.header, timeMs: told.header.timeMs + 1 };
    const blockHash = hashHeader(sodiumCrypto, header);
    const proposal = encode(proposalCodec, { ...told, header }, "proposal");
    const signature = signVote(PREPARE_REQUEST, body.view, blockHash);
    return { type, body: { ...body, blockHash, proposal, signature } };
  }
  if (type !== "prepare-response" && type !== "commit") return undefined;
  const { body } = message;
  const blockHash = sodiumCrypto.sha256(body.blockHash);
  const signature = signVote(type === "commit" ? COMMIT : PREPARE_RESPONSE, body.view, blockHash);
  return { type, body: { ...body, blockHash, signature } };
}

/** Two connections to the network as one: own consensus messages go to the first one's peers, what was forged of them to the second's. */
function joinFaces(
  first: Network,
  second: Network,
  forgeOne: (message: Message) => Message | undefined,
): Network {
  const both = [first, second];
  const faceOf = (peer: string): Network => (second.peers().some(({ id }) => id === peer) ? second : first);
  let own: Message | undefined;
  let read: (data: Uint8Array) => unknown = () => {};
  const gossip = joinConsensusGossip({
    publish: (topic, data) => second.publish(topic, data),
    subscribe: (_, handler) => {
      read = (data) => handler(data, first.id);
    },
  } as Network)({
    onMessage: async (message) => {
      own = message;
      return "recorded";
    },
    onEvidence: async () => false,
  });
  return {
    id: first.id,
    listenAddresses: () => first.listenAddresses(),
    peers: () => both.flatMap((face) => face.peers()),
    counters: () => first.counters(),
    onPeer(listener) {
      const ends = both.map((face) => face.onPeer(listener));
      return () => {
        for (const end of ends) end();
      };
    },
    publish(topic, data) {
      own = undefined;
      if (topic === "consensus") read(data);
      first.publish(topic, data);
      const forged = own === undefined ? undefined : forgeOne(own);
      if (forged === undefined) second.publish(topic, data);
      else gossip.send(forged);
    },
    subscribe(topic, handler) {
      for (const face of both) face.subscribe(topic, handler);
    },
    ask: (peer, ...rest) => faceOf(peer).ask(peer, ...rest),
    serve(question, limits, handler) {
      for (const face of both) face.serve(question, limits, handler);
    },
    penalise: (peer, reason) => faceOf(peer).penalise(peer, reason),
    async stop() {
      await Promise.all(both.map((face) => face.stop()));
    },
  };
}

async function openFaces(
  config: NodeConfig,
  chainId: string,
  seed: Uint8Array,
): Promise<readonly [Network, Network]> {
  const [near, ...far] = config.p2pPeers;
  const open = (keySeed: Uint8Array, listen: readonly string[], peers: readonly string[]): Promise<Network> =>
    startNetwork({
      chainId,
      keySeed,
      listen,
      announce: [],
      peers,
      privatePeers: [],
      onlyConfigured: true,
      peerExchange: false,
      mdns: false,
      peersMax: config.p2pPeersMax,
      log: () => {},
    });
  return [await open(seed, config.p2pListen, [near!]), await open(sodiumCrypto.sha256(seed), [], far)];
}

const { values } = parseArgs({ options: { home: { type: "string" } } });
const { config, genesis, nodeKey } = await openHome({
  home: values.home!,
  environment: process.env,
  flags: {},
});
const key = await openKeyFile(await readConsensusKeyFile(config.consensusKeyFile!), async () => "");
const chainId = computeChainId(sodiumCrypto, genesis);
const signer = createLocalSigner(key);
const [first, second] = await openFaces(config, chainId, nodeKey.seed);
const end = waitForEnd();
const node = await startNode({
  config,
  genesis,
  signers: [signer],
  network: joinFaces(first, second, (message) =>
    forge(message, chainId, (signed) => signer.sign(signed) as Uint8Array),
  ),
  onFatal: end.fail,
});
try {
  await end.ended;
} finally {
  await node.stop();
}
