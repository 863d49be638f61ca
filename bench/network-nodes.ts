/** `lhg node` processes of one network on this machine, under either engine, and statements sent to them over HTTP. */
import { randomBytes } from "node:crypto";
import type { Seating } from "../packages/node/e2e/network/fabric.ts";
import { createLoopback, createPortBlocks } from "../packages/node/e2e/network/loopback.ts";
import { createTestNetwork, type TestNetwork } from "../packages/node/e2e/network/test-network.ts";
import { createNativeSigner, sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";
import { deriveAddress } from "../packages/protocol/src/core/account.ts";
import type { Client } from "../packages/sdk/src/client/client.ts";
import type { SecretKey } from "../packages/sdk/src/keys/keys.ts";
import { makeDeviceRegistration, makeTransfer } from "../packages/sdk/src/transaction/messages.ts";
import { newSender, type Sender, signTransaction } from "./chain.ts";
import type { Device } from "./collections.ts";
import { type Call, dealCalls, requireAccepted } from "./load.ts";
import type { LoadedNetwork } from "./network-load.ts";
import { listTree } from "./tree-memory.ts";

export const PROCESSES = 4;
export const ACCOUNTS = 200;
const DEVICES = 100;
/** What fits a transaction's gas. */
const MESSAGES_PER_TRANSACTION = 20;
const BALANCE = 10n ** 11n;
const APPROVAL_LIFETIME_MS = 3_600_000;
export const LANES = 8;
export const CALL_STATEMENTS = 256;

export interface BenchNetwork {
  readonly network: TestNetwork<Seating>;
  readonly chainId: string;
  readonly clients: readonly Client[];
  readonly accounts: readonly Sender[];
  readonly devices: readonly Device[];
  stop(): Promise<void>;
}

const ENVIRONMENT = { LHG_NODE_LOG_LEVEL: "warn", LHG_SYNC_STATE: "off" };

/** Four validators and a node that is not started, with accounts and devices on the chain. */
export async function startBenchNetwork(): Promise<BenchNetwork> {
  const plan = { validators: PROCESSES, observers: 1, environment: ENVIRONMENT };
  const network = await createTestNetwork(plan, await createLoopback(PROCESSES + 1));
  return populate(network, () => network.close());
}

/** The same four validators under CometBFT. */
export async function startCometNetwork(): Promise<BenchNetwork> {
  const network = await createCometNetwork();
  return populate(network, async () => {
    // A node that is killed can't end its CometBFT.
    await Promise.all(network.validators.map((node) => node.stop())).finally(() => network.close());
  });
}

/** Homes of four validators under CometBFT, on ports that were free just now; nothing is started. */
export async function createCometNetwork(): Promise<TestNetwork<Seating>> {
  const seating = await createPortBlocks(PROCESSES);
  return createTestNetwork({ validators: PROCESSES, comet: seating, environment: ENVIRONMENT }, seating);
}

async function populate(network: TestNetwork<Seating>, stop: () => Promise<void>): Promise<BenchNetwork> {
  try {
    for (const node of network.validators) node.spawn();
    await Promise.all(network.validators.map((node) => node.waitUntilUp({ isReady: true })));
    const { chainId } = network;
    const clients = network.validators.map(({ patient }) => patient);
    const accounts = Array.from({ length: ACCOUNTS }, newSender);
    const devices = Array.from({ length: DEVICES }, () => ({
      ...newSender(),
      next: 1,
      lastId: new Uint8Array(32),
    }));
    const faucet = senderOf(network.faucet);
    const vendor = senderOf(network.vendor);
    const funding = cut(accounts).map((some) =>
      signTransaction(
        chainId,
        faucet,
        some.map(({ address }) => makeTransfer(address, BALANCE)),
      ),
    );
    const registering = cut(devices).map((some) =>
      signTransaction(
        chainId,
        vendor,
        some.map(({ signer }) =>
          makeDeviceRegistration({
            vendor: vendor.address,
            device: signer,
            model: "bench",
            chainId,
            expiryMs: Date.now() + APPROVAL_LIFETIME_MS,
          }),
        ),
      ),
    );
    const first = clients[0]!;
    for (const call of [funding, registering]) {
      const results = await first.submitMany(call);
      requireAccepted(results);
      for (const { id } of results)
        for (const client of clients) {
          const found = await client.waitFor(id);
          if (!("status" in found) || found.status !== "ok") throw new Error(JSON.stringify(found));
        }
    }
    return { network, chainId, clients, accounts, devices, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function senderOf(key: SecretKey): Sender {
  const signer = createNativeSigner(key);
  return { signer, address: deriveAddress(sodiumCrypto, signer.publicKey), next: 0 };
}

function cut<T>(entries: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(entries.length / MESSAGES_PER_TRANSACTION) }, (_, i) =>
    entries.slice(i * MESSAGES_PER_TRANSACTION, (i + 1) * MESSAGES_PER_TRANSACTION),
  );
}

export function signTransfers({ chainId, accounts }: BenchNetwork, perAccount: number): Call[][] {
  return dealCalls(
    accounts.length,
    { lanes: LANES, perSender: perAccount, callSize: CALL_STATEMENTS },
    (sender) => signTransfer(chainId, accounts[sender]!),
  );
}

/** To somebody new. */
export function signTransfer(chainId: string, from: Sender): Uint8Array {
  return signTransaction(chainId, from, [makeTransfer(randomBytes(20), 1n)]);
}

/** Loaded by the API of LHG; what is to be found is provable by then. */
export function loadNodes({ network, clients }: BenchNetwork): LoadedNetwork {
  const first = clients[0]!;
  return {
    nodes: clients.length,
    async send(node, call) {
      const results = await clients[node]!.submitMany(call);
      requireAccepted(results);
      return results.at(-1)!.id;
    },
    readHeight: async () => (await first.getStatus()).height,
    async locate(id) {
      const found = await first.waitFor(id, { until: "provable" });
      if (found.state !== "provable" || found.status !== "ok")
        throw new Error(`${id} became ${JSON.stringify(found)}`);
      return found.height;
    },
    listProcesses() {
      const own = network.validators.map(({ pid }) => pid!);
      const below = own.flatMap((pid) => listChildren(pid));
      return new Map([["LHG", own], ...(below.length === 0 ? [] : [["CometBFT", below] as const])]);
    },
  };
}

/** Below a node there is nothing but its engine. */
function listChildren(pid: number): number[] {
  try {
    return listTree(pid).slice(1);
  } catch {
    // Not Linux: figures of processes are missing anyway.
    return [];
  }
}
