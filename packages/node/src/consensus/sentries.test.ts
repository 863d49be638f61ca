/** Four validators that each know their sentry and nobody else, over real connections: what a sentry takes in they decide. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createDisk, type MemoryNode, startMemoryNode } from "../../e2e/memory-node.ts";
import { signTransaction } from "../../e2e/statements.ts";
import { createDevChain } from "../dev-chain.ts";
import type { Network } from "../p2p/network.ts";
import { startTestingNode } from "../p2p/testing-libp2p.ts";

const VALIDATORS = 4;

/** The first four networks are the validators', the others their sentries'. */
async function connect(context: TestContext): Promise<Network[]> {
  const sentries: Network[] = [];
  const validators: Network[] = [];
  context.after(() => Promise.all([...validators, ...sentries].map((network) => network.stop())));
  for (let i = 0; i < VALIDATORS; i++) {
    const peers = sentries.map((network) => network.listenAddresses()[0]!);
    sentries.push((await startTestingNode(10 + i, { peers })).network);
  }
  for (const [i, sentry] of sentries.entries()) {
    const node = await startTestingNode(20 + i, {
      peers: [sentry.listenAddresses()[0]!],
      onlyConfigured: true,
    });
    await node.connected(sentry.id);
    validators.push(node.network);
  }
  return [...validators, ...sentries];
}

test("votes and statements find their way through the sentries", async (context) => {
  const dev = createDevChain(Date.now() - 1_000, undefined, VALIDATORS);
  const networks = await connect(context);
  const nodes: MemoryNode[] = [];
  context.after(() => Promise.all(nodes.map((node) => node.stop())));
  for (const [i, network] of networks.entries()) {
    const validators = i < VALIDATORS ? [i] : [];
    nodes.push(await startMemoryNode({ dev, disk: createDisk(10 * i), network, validators }));
  }
  for (const network of networks.slice(0, VALIDATORS)) assert.equal(network.peers().length, 1);
  const { chainId } = nodes[0]!.application;
  for (let nonce = 0; nonce < 3; nonce++) {
    const signed = signTransaction(dev.faucet, {
      chainId,
      nonce,
      expiryMs: Date.now() + 3_600_000,
      messages: [{ type: "chain.tick", body: {} }],
    });
    assert.equal((await nodes[VALIDATORS + nonce]!.submit(signed))[0]!.state, "accepted");
    for (const node of nodes)
      await node.until(() => node.application.locate([signed.idBytes])[0] !== null, 60_000);
  }
});
