/** Processes of one network on this machine, and statements sent to them over HTTP. */

import type { Seating } from "../packages/node/e2e/network/fabric.ts";
import { createLoopback } from "../packages/node/e2e/network/loopback.ts";
import { createTestNetwork, type TestNetwork } from "../packages/node/e2e/network/test-network.ts";
import { createNativeSigner, sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";
import { deriveAddress } from "../packages/protocol/src/core/account.ts";
import type { Client } from "../packages/sdk/src/client/client.ts";
import type { SecretKey } from "../packages/sdk/src/keys/keys.ts";
import { makeDeviceRegistration, makeTransfer } from "../packages/sdk/src/transaction/messages.ts";
import { newSender, type Sender, signTransaction } from "./chain.ts";
import type { Device } from "./collections.ts";
import { type Call, requireAccepted } from "./load.ts";

export const PROCESSES = 4;
const ACCOUNTS = 200;
const DEVICES = 100;
/** What fits a transaction's gas. */
const MESSAGES_PER_TRANSACTION = 20;
const BALANCE = 10n ** 11n;
const APPROVAL_LIFETIME_MS = 3_600_000;
/** Times of blocks are known to this. */
const WATCH_MS = 5;

export interface BenchNetwork {
  readonly network: TestNetwork<Seating>;
  readonly chainId: string;
  readonly clients: readonly Client[];
  readonly accounts: readonly Sender[];
  readonly devices: readonly Device[];
  stop(): Promise<void>;
}

/** Four validators and a node that is not started, with accounts and devices on the chain. */
export async function startBenchNetwork(): Promise<BenchNetwork> {
  const environment = { LHG_NODE_LOG_LEVEL: "warn", LHG_SYNC_STATE: "off" };
  const seating = await createLoopback(PROCESSES + 1);
  const network = await createTestNetwork({ validators: PROCESSES, observers: 1, environment }, seating);
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
    return { network, chainId, clients, accounts, devices, stop: () => network.close() };
  } catch (error) {
    await network.close();
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

/** When each height was seen at one node: committed, and proven by the header after it. */
export interface BlockDates {
  readonly finalAt: ReadonlyMap<number, number>;
  readonly provableAt: ReadonlyMap<number, number>;
  stop(): Promise<void>;
}

export function dateBlocks(client: Client): BlockDates {
  const finalAt = new Map<number, number>();
  const provableAt = new Map<number, number>();
  let isStopped = false;
  const watch = async (): Promise<void> => {
    let last: number | undefined;
    while (!isStopped) {
      const { height } = await client.getStatus();
      const nowMs = performance.now();
      for (let each = last ?? height; each <= height; each++) {
        if (!finalAt.has(each)) finalAt.set(each, nowMs);
        if (!provableAt.has(each - 1)) provableAt.set(each - 1, nowMs);
      }
      last = height;
      await sleep(WATCH_MS);
    }
  };
  const watching = watch();
  watching.catch(() => {});
  return {
    finalAt,
    provableAt,
    async stop() {
      isStopped = true;
      await watching;
    },
  };
}

export interface Sent {
  readonly sentMs: number;
  readonly id: string;
}

export interface Wait {
  readonly height: number;
  readonly finalMs: number;
  readonly provableMs: number;
}

/** How long each of these waited, by the clock of one node. Waits until all are provable there. */
export async function readWaits(client: Client, dates: BlockDates, sent: readonly Sent[]): Promise<Wait[]> {
  const waits: Wait[] = [];
  for (const { sentMs, id } of sent) {
    const found = await client.waitFor(id, { until: "provable" });
    if (found.state !== "provable" || found.status !== "ok")
      throw new Error(`${id} became ${JSON.stringify(found)}`);
    const { height } = found;
    while (!dates.provableAt.has(height)) await sleep(WATCH_MS);
    waits.push({
      height,
      finalMs: dates.finalAt.get(height)! - sentMs,
      provableMs: dates.provableAt.get(height)! - sentMs,
    });
  }
  return waits;
}

/** One call after the other at one node; of each the last statement is remembered. */
export async function sendLane(client: Client, lane: readonly Call[]): Promise<Sent[]> {
  const sent: Sent[] = [];
  for (const call of lane) {
    const sentMs = performance.now();
    const results = await client.submitMany(call);
    requireAccepted(results);
    sent.push({ sentMs, id: results.at(-1)!.id });
  }
  return sent;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
