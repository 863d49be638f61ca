/** A real CometBFT drives a toy application through the ABCI server: handshake, blocks, a transaction, a restart. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeUtf8, encodeUtf8 } from "@lhg/protocol/core/bytes";
import { type AbciAddress, formatAbciAddress } from "../src/consensus/comet/abci/address.ts";
import {
  type RequestInitChain,
  ResponseProcessProposal_ProposalStatus,
} from "../src/consensus/comet/abci/generated/abci_pb.ts";
import type { AbciHandler } from "../src/consensus/comet/abci/handler.ts";
import { makeHandler, startTestServer } from "../src/consensus/comet/abci/testing.ts";

const BINARY = process.env.LHG_COMETBFT_BINARY ?? "cometbft";
const WITHOUT_COMETBFT =
  spawnSync(BINARY, ["version"]).status === 0
    ? false
    : "cometbft is not installed: go install github.com/cometbft/cometbft/cmd/cometbft@v0.39.4, and put it on PATH or into LHG_COMETBFT_BINARY";

const folder = mkdtempSync(join(tmpdir(), "lhg-abci-"));
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Counts transactions; the hash is the count. */
interface Toy {
  readonly handler: AbciHandler;
  readonly chains: RequestInitChain[];
  readonly txs: string[];
  height: bigint;
}

function createToy(): Toy {
  let pending: { height: bigint; txs: string[] } | undefined;
  const hash = () => encodeUtf8(`hash of ${toy.txs.length}`);
  const toy: Toy = {
    chains: [],
    txs: [],
    height: 0n,
    handler: makeHandler({
      info: async () => ({
        lastBlockHeight: toy.height,
        lastBlockAppHash: toy.height === 0n ? new Uint8Array(0) : hash(),
      }),
      initChain: async (chain) => {
        toy.chains.push(chain);
        return { appHash: hash() };
      },
      checkTx: async ({ tx }) => ({ code: tx[0] === 0x21 ? 1 : 0 }),
      prepareProposal: async ({ txs }) => ({ txs }),
      processProposal: async () => ({ status: ResponseProcessProposal_ProposalStatus.ACCEPT }),
      finalizeBlock: async ({ height, txs }) => {
        pending = { height, txs: txs.map((tx) => decodeUtf8(tx)) };
        return {
          txResults: txs.map(() => ({ gasUsed: 3_000_000_000n })),
          appHash: encodeUtf8(`hash of ${toy.txs.length + txs.length}`),
        };
      },
      commit: async () => {
        toy.txs.push(...pending!.txs);
        toy.height = pending!.height;
        return {};
      },
      query: async ({ path }) => ({ code: 2, key: path.slice() }),
    }),
  };
  return toy;
}

interface Engine {
  ask(path: string): Promise<{ readonly result?: { readonly [name: string]: unknown } }>;
  stop(): Promise<void>;
}

function initHome(name: string): string {
  const home = join(folder, name);
  const { status, stderr } = spawnSync(BINARY, ["init", "--home", home], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const path = join(home, "config/config.toml");
  writeFileSync(
    path,
    readFileSync(path, "utf8").replace(/^timeout_commit = .*$/m, 'timeout_commit = "20ms"'),
  );
  return home;
}

async function startEngine(home: string, address: AbciAddress): Promise<Engine> {
  const socketPath = join(home, "rpc.sock");
  const child = spawn(
    BINARY,
    [
      ...["start", "--home", home, "--proxy_app", formatAbciAddress(address)],
      ...["--rpc.laddr", `unix://${socketPath}`, "--p2p.laddr", "tcp://127.0.0.1:0", "--p2p.pex=false"],
      ...["--log_level", "error"],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  children.push(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  const exited = once(child, "exit");

  async function ask(path: string): ReturnType<Engine["ask"]> {
    assert.equal(child.exitCode ?? child.signalCode, null, said);
    const asked = request({ socketPath, path }).end();
    const [response] = await once(asked, "response");
    let text = "";
    for await (const chunk of response) text += chunk;
    return JSON.parse(text);
  }

  for (;;) {
    try {
      await ask("/health");
      break;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      await sleep(50);
    }
  }
  return {
    ask,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

async function reach(toy: Toy, height: bigint): Promise<void> {
  while (toy.height < height) await sleep(20);
}

const ADDRESSES: readonly [name: string, address: AbciAddress][] = [
  ["a Unix socket", { path: join(folder, "abci.sock") }],
  ["TCP", { host: "127.0.0.1", port: 0 }],
];

for (const [name, address] of ADDRESSES)
  test(`blocks, a transaction and a restart over ${name}`, {
    skip: WITHOUT_COMETBFT,
    timeout: 60_000,
  }, async (t) => {
    const toy = createToy();
    const server = await startTestServer({}, { address, handler: toy.handler, frameBytesMax: 32 << 20 });
    t.after(server.stop);
    const home = initHome(name.replaceAll(" ", "-"));
    const first = await startEngine(home, server.address);
    await reach(toy, 3n);
    assert.equal(toy.chains.length, 1);
    const chain = toy.chains[0]!;
    assert.match(chain.chainId, /^test-chain-/);
    assert.equal(chain.validators.length, 1);
    assert.equal(chain.validators[0]!.pubKey!.sum.case, "ed25519");
    assert.equal(chain.consensusParams!.block!.maxBytes, 22_020_096n);

    const taken = await first.ask(`/broadcast_tx_sync?tx="a=1"`);
    assert.equal(taken.result?.code, 0);
    const refused = await first.ask(`/broadcast_tx_sync?tx="!"`);
    assert.equal(refused.result?.code, 1);
    while (toy.txs.length === 0) await sleep(20);
    // Bytes that are no UTF-8, from whoever reaches the RPC: the engine must live.
    const answer = await first.ask("/abci_query?path=0xff");
    assert.deepEqual(answer.result?.response, {
      ...(answer.result?.response as object),
      code: 2,
      key: "/w==",
    });
    await reach(toy, toy.height + 2n);
    await first.stop();

    const { height } = toy;
    const second = await startEngine(home, server.address);
    await reach(toy, height + 2n);
    assert.equal(toy.chains.length, 1);
    assert.deepEqual(toy.txs, ["a=1"]);
    await second.stop();
    assert.deepEqual(server.fatal, []);
    assert.ok(server.counts.includes(4));
    assert.deepEqual(
      server.lines.filter((line) => /cut off|exception|within a message/.test(line)),
      [],
    );
  });
