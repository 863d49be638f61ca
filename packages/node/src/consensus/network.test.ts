/** Four nodes with a validator each, over links that can be cut: what one acknowledges all decide, and alike. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { COMMIT, PREPARE_REQUEST, voteSignBytes } from "@lhg/protocol/core/block/certificate";
import { evidence as evidenceCodec } from "@lhg/protocol/core/block/evidence";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { EPOCH } from "@lhg/protocol/core/proof/anchor";
import { isRecorded } from "@lhg/protocol/modules/validators/validators";
import { crashDisk, createDisk, type Disk, type MemoryNode, startMemoryNode } from "../../e2e/memory-node.ts";
import { type SignedSubmission, signTransaction } from "../../e2e/statements.ts";
import { openProposal, proposal as proposalCodec } from "../blocks/proposal.ts";
import { createLocalSigner, sodiumCrypto } from "../crypto/sodium.ts";
import { createDevChain, type DevChain } from "../dev-chain.ts";
import type { Network } from "../p2p/network.ts";
import { createTestingHub, type TestingHub } from "../p2p/testing.ts";
import type { ConsensusSigner } from "../signer/consensus-signer.ts";
import { encodeMessage } from "./dbft/messages.ts";
import { primaryIndex } from "./dbft/quorum.ts";
import { encodeEnvelope, joinConsensusGossip } from "./gossip.ts";

const EXPIRY_MS = Date.now() + 3_600_000;

interface Net {
  readonly dev: DevChain;
  readonly hub: TestingHub;
  readonly nodes: (MemoryNode | undefined)[];
  readonly disks: readonly Disk[];
  readonly start: (index: number) => Promise<MemoryNode>;
}

let nonce = 0;

interface NetOptions {
  readonly wrap?: (network: Network) => Network;
  readonly remoteSigner?: (local: ConsensusSigner, index: number) => ConsensusSigner;
  readonly votesWithoutRecord?: boolean;
}

async function startNet(
  t: TestContext,
  validators: number,
  { wrap = (network) => network, remoteSigner, votesWithoutRecord = true }: NetOptions = {},
): Promise<Net> {
  const dev = createDevChain(Date.now() - 1_000, undefined, validators);
  const hub = createTestingHub();
  const disks = dev.consensusKeys.map((_, i) => createDisk(10 * i));
  const nodes: (MemoryNode | undefined)[] = [];
  const start = async (index: number): Promise<MemoryNode> => {
    const network = wrap(hub.join(`node${index}`));
    const disk = disks[index]!;
    const node = await startMemoryNode({
      dev,
      disk,
      network,
      validators: [index],
      baseTimeoutMs: 200,
      votesWithoutRecord,
      ...(remoteSigner === undefined ? {} : { remoteSigner: (local) => remoteSigner(local, index) }),
    });
    nodes[index] = node;
    return node;
  };
  nonce = 0;
  const net: Net = { dev, hub, nodes, disks, start };
  t.after(async () => {
    for (const node of up(net)) await node.stop();
  });
  for (const index of dev.consensusKeys.keys()) await start(index);
  return net;
}

const up = (net: Net): MemoryNode[] => net.nodes.filter((node) => node !== undefined);

function makeTick(net: Net): SignedSubmission {
  const { chainId } = up(net)[0]!.application;
  return signTransaction(net.dev.faucet, {
    chainId,
    nonce: nonce++,
    expiryMs: EXPIRY_MS,
    messages: [{ type: "chain.tick", body: {} }],
  });
}

async function sendTo(node: MemoryNode, net: Net): Promise<SignedSubmission> {
  const signed = makeTick(net);
  const [result] = await node.submit(signed);
  assert.equal(result?.state, "accepted");
  return signed;
}

const isCommitted = (node: MemoryNode, { idBytes }: SignedSubmission): boolean =>
  node.application.locate([idBytes])[0] !== null;

async function untilAll(nodes: readonly MemoryNode[], signed: SignedSubmission): Promise<void> {
  for (const node of nodes) await node.until(() => isCommitted(node, signed));
}

function assertAgree(nodes: readonly MemoryNode[]): void {
  const height = Math.min(...nodes.map((node) => node.application.head.height));
  const first = nodes[0]!.application.getBlock(height)!.header;
  for (const node of nodes) assert.deepEqual(node.application.getBlock(height)!.header, first);
}

test("what one node accepts every node commits, in the same blocks", async (t) => {
  const net = await startNet(t, 4);
  for (let i = 0; i < 8; i++) {
    const signed = await sendTo(net.nodes[i % 4]!, net);
    await untilAll(up(net), signed);
  }
  assertAgree(up(net));
});

test("one of four is gone: the others go on; it comes back, catches up and takes part", async (t) => {
  const net = await startNet(t, 4);
  await net.nodes[3]!.stop();
  net.nodes[3] = undefined;
  for (let i = 0; i < 5; i++) await untilAll(up(net), await sendTo(net.nodes[i % 3]!, net));
  crashDisk(net.disks[3]!);
  const back = await net.start(3);
  await back.until(() => back.application.head.height >= net.nodes[0]!.application.head.height);
  await untilAll(up(net), await sendTo(net.nodes[3]!, net));
  await net.nodes[0]!.stop();
  net.nodes[0] = undefined;
  // Without the one that came back no quorum is left.
  await untilAll(up(net), await sendTo(net.nodes[1]!, net));
  assertAgree(up(net));
});

test("two halves decide nothing; healed, they decide what either acknowledged", async (t) => {
  const net = await startNet(t, 4);
  await untilAll(up(net), await sendTo(net.nodes[0]!, net));
  const setHalves = (isUp: boolean): void => {
    for (const a of [0, 1]) for (const b of [2, 3]) net.hub.setLink(`node${a}`, `node${b}`, isUp);
  };
  setHalves(false);
  const first = await sendTo(net.nodes[0]!, net);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  for (const node of up(net)) assert.ok(!isCommitted(node, first));
  setHalves(true);
  await untilAll(up(net), first);
  await untilAll(up(net), await sendTo(net.nodes[3]!, net));
  assertAgree(up(net));
});

test("an observer follows, and what it takes in is decided", async (t) => {
  const net = await startNet(t, 4);
  const network = net.hub.join("observer");
  const observer = await startMemoryNode({
    dev: net.dev,
    disk: createDisk(99),
    network,
    validators: [],
    baseTimeoutMs: 200,
  });
  net.nodes.push(observer);
  const nodes = up(net);
  for (let i = 0; i < 3; i++) await untilAll(nodes, await sendTo(observer, net));
  assertAgree(nodes);
});

/** Another proposal of the primary for a height that is decided already, as a traitor would make it. */
function forgeRequest(net: Net, height: number): Uint8Array {
  const { application } = up(net)[0]!;
  const { header, lastCertificate, evidence, validators } = application.getBlock(height)!;
  assert.equal(application.getBlock(height)!.statements, 0);
  const made = {
    header: { ...header, timeMs: header.timeMs + 1 },
    statements: [],
    lastCertificate,
    evidence,
  };
  const proposal = encode(proposalCodec, made, "proposal");
  const { blockHash } = openProposal(sodiumCrypto, proposal)!;
  const validatorIndex = primaryIndex(height, 0, validators.length);
  const { consensusKey } = validators[validatorIndex]!;
  const key = net.dev.consensusKeys.find(({ publicKey }) => equalBytes(publicKey, consensusKey))!;
  const scope = { chainId: application.chainId, epoch: EPOCH, height };
  const signature = createLocalSigner(key).sign(voteSignBytes(scope, 0, PREPARE_REQUEST, blockHash));
  const body = { height, view: 0, validatorIndex, blockHash, proposal, justification: null };
  const message = {
    type: "prepare-request" as const,
    body: { ...body, signature: signature as Uint8Array },
  };
  return encodeEnvelope({ salt: 1, content: { type: "message", body: { encoded: encodeMessage(message) } } });
}

test("a proposal that comes while its height is being committed is not executed on the state after it", async (t) => {
  const net = await startNet(t, 4);
  await untilAll(up(net), await sendTo(net.nodes[0]!, net));
  let hear: ((message: Uint8Array) => unknown) | undefined;
  const inner = net.hub.join("observer");
  const network: Network = {
    ...inner,
    subscribe: (topic, handler) => {
      if (topic === "consensus") hear = (message) => handler(message, "node0");
      else inner.subscribe(topic, handler);
    },
  };
  const committed = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const observer = await startMemoryNode({
    dev: net.dev,
    disk: createDisk(99),
    network,
    validators: [],
    wrap: (application) => ({
      ...application,
      commit: async (blockHash, certificate) => {
        const summary = await application.commit(blockHash, certificate);
        committed.resolve();
        await release.promise;
        return summary;
      },
    }),
  });
  net.nodes.push(observer);
  await committed.promise;
  hear!(forgeRequest(net, 1));
  await new Promise((resolve) => setTimeout(resolve, 50));
  release.resolve();
  await observer.until(() => observer.application.head.height >= net.nodes[0]!.application.head.height);
  assertAgree(up(net));
});

test("statements that never were offered are asked for when a proposal names them", async (t) => {
  const mute = (network: Network): Network => ({
    ...network,
    publish: (topic, message) => {
      if (topic === "consensus") network.publish(topic, message);
    },
  });
  const net = await startNet(t, 4, { wrap: mute });
  for (let i = 0; i < 4; i++) await untilAll(up(net), await sendTo(net.nodes[i]!, net));
  assertAgree(up(net));
});

test("a new chain begins with validators that have no record yet", async (t) => {
  const net = await startNet(t, 4, { votesWithoutRecord: false });
  for (let i = 0; i < 3; i++) await untilAll(up(net), await sendTo(net.nodes[i]!, net));
  assertAgree(up(net));
});

test("a validator that lost the record of its votes casts none where it may have voted before", async (t) => {
  const net = await startNet(t, 4);
  await untilAll(up(net), await sendTo(net.nodes[0]!, net));
  await net.nodes[3]!.stop();
  const disk = { ...net.disks[3]!, votes: createDisk(77).votes };
  const restart = async (votesWithoutRecord: boolean): Promise<MemoryNode> => {
    crashDisk(disk);
    const network = net.hub.join("node3");
    const options = { dev: net.dev, disk, network, validators: [3], baseTimeoutMs: 200 };
    net.nodes[3] = await startMemoryNode({ ...options, votesWithoutRecord });
    return net.nodes[3];
  };
  const silent = await restart(false);
  await untilAll(up(net), await sendTo(net.nodes[1]!, net));
  await net.nodes[0]!.stop();
  net.nodes[0] = undefined;
  const waiting = await sendTo(net.nodes[1]!, net);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  for (const node of up(net)) assert.ok(!isCommitted(node, waiting));
  await silent.stop();
  await restart(true);
  await untilAll(up(net), waiting);
  assertAgree(up(net));
});

test("signers elsewhere: their signatures come late, or for a while not at all", async (t) => {
  let isReachable = true;
  const remoteSigner = (local: ConsensusSigner, index: number): ConsensusSigner => ({
    publicKey: local.publicKey,
    async sign(message) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (index === 0 && !isReachable) throw new LhgError("signer.unreachable", "nobody answers");
      return local.sign(message);
    },
  });
  const net = await startNet(t, 4, { remoteSigner });
  for (let i = 0; i < 3; i++) await untilAll(up(net), await sendTo(net.nodes[i]!, net));
  isReachable = false;
  for (let i = 0; i < 3; i++) await untilAll(up(net), await sendTo(net.nodes[i]!, net));
  isReachable = true;
  await net.nodes[3]!.stop();
  net.nodes[3] = undefined;
  // Now it takes the signatures of all that are left.
  for (let i = 0; i < 3; i++) await untilAll(up(net), await sendTo(net.nodes[i]!, net));
  assertAgree(up(net));
});

test("evidence against a validator that signed two commits reaches the ledger of all, once", async (t) => {
  const net = await startNet(t, 4);
  await untilAll(up(net), await sendTo(net.nodes[0]!, net));
  const { application } = net.nodes[0]!;
  const { chainId, tip } = application;
  const height = tip.base.height - 1;
  const culprit = createLocalSigner(net.dev.consensusKeys[2]!);
  const validators = application.getBlock(height)!.validators;
  const validatorIndex = validators.findIndex((entry) => equalBytes(entry.consensusKey, culprit.publicKey));
  const voteFor = (fill: number) => {
    const blockHash = new Uint8Array(32).fill(fill);
    const signed = voteSignBytes({ chainId, epoch: EPOCH, height }, 0, COMMIT, blockHash);
    return { blockHash, preparedView: null, signature: culprit.sign(signed) as Uint8Array };
  };
  const encoded = encode(evidenceCodec, {
    epoch: EPOCH,
    height,
    view: 0,
    type: COMMIT,
    validatorIndex,
    first: voteFor(1),
    second: voteFor(2),
  });
  const stranger = net.hub.join("stranger");
  joinConsensusGossip(stranger)({
    onMessage: async () => "held",
    onEvidence: async () => false,
  }).sendEvidence(encoded);
  const { operator } = validators[validatorIndex]!;
  const misbehaviour = { operator, height, view: 0, type: COMMIT };
  for (const node of up(net)) await node.until(() => isRecorded(node.application.state, misbehaviour));
  await untilAll(up(net), await sendTo(net.nodes[1]!, net));
  const withEvidence = Array.from(
    { length: application.head.height },
    (_, i) => application.getBlock(i + 1)!.evidence.length,
  );
  assert.equal(
    withEvidence.reduce((sum, count) => sum + count, 0),
    1,
  );
  assertAgree(up(net));
  await stranger.stop();
});
