/** Devices at work: each measures in its own rhythm, signs, keeps, and sends; what could not be sent goes later. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { createDevice, type Device } from "@lhg/sdk/device/device";
import { createFileStore } from "@lhg/sdk/device/file-store";
import type { Accounts } from "./accounts.ts";
import type { Chain } from "./captors.ts";
import { type DeviceProfile, deviceUrn, FLEET, isOffline, makePack, measure } from "./fleet.ts";
import type { Account } from "./keys.ts";
import { isPassing, pause } from "./patience.ts";
import { createPost, type Post } from "./post.ts";

const FOLDER = "world-devices";
const TICK_MS = 1_000;
/** Every save writes all that is kept: small, as on a small device. */
const KEPT_BYTES_MAX = 16 << 10;
/** While a device is offline its readings gather into collections of so many records. */
const GATHERED = { readingsMax: 64, delayMs: 90_000 };

interface Worker {
  readonly profile: DeviceProfile;
  readonly urn: string;
  readonly device: Device;
  isSending: boolean;
}

export interface DeviceWork {
  readonly folder: string;
  readonly accounts: Accounts;
  readonly onProblem: (error: unknown, device: string) => void;
}

export interface Devices {
  /** Until the signal of the chain ends it: rejects with its AbortError then. */
  run(): Promise<never>;
  /** Signs and saves what was measured and not sent. */
  close(): Promise<void>;
}

export async function openDevices(
  chain: Chain,
  { folder, accounts, onProblem }: DeviceWork,
): Promise<Devices> {
  const states = join(folder, FOLDER, chain.chainId);
  await mkdir(states, { recursive: true });
  const workers = await Promise.all(
    FLEET.map((profile) => openWorker(chain.chainId, states, profile, accounts.devices.get(profile.name)!)),
  );
  const post = createPost(chain.client);
  return {
    run: async () => {
      for (let nowMs = alignTick(Date.now()); ; nowMs = alignTick(Date.now())) {
        await pause(nowMs - Date.now(), chain.signal);
        for (const worker of workers) {
          if (nowMs % worker.profile.intervalMs !== 0) continue;
          work(worker, nowMs, post).catch((error) => onProblem(error, worker.profile.name));
        }
      }
    },
    close: async () => {
      await Promise.all(workers.map(({ device }) => device.close()));
    },
  };
}

/** The next full second: devices that measure at the same moment share a block. */
function alignTick(nowMs: number): number {
  return Math.floor(nowMs / TICK_MS + 1) * TICK_MS;
}

async function openWorker(
  chainId: string,
  states: string,
  profile: DeviceProfile,
  { signer, hex }: Account,
): Promise<Worker> {
  const device = await createDevice({
    signer,
    chainId,
    store: createFileStore(join(states, `${profile.name}.state`)),
    keptBytesMax: KEPT_BYTES_MAX,
    crypto: nodeCrypto,
    ...(profile.offline === undefined ? {} : { batch: GATHERED }),
  });
  return { profile, urn: deviceUrn(hex), device, isSending: false };
}

async function work(worker: Worker, nowMs: number, post: Post): Promise<void> {
  const { profile, urn, device } = worker;
  const recorded = device.record(makePack(urn, nowMs, measure(profile, nowMs))).catch((error: unknown) => {
    // Its memory is full of what could not be sent: this reading is lost, as on a small device.
    if (!(error instanceof LhgError) || error.code !== "device.full") throw error;
  });
  // A device that gathers learns only later what became of the reading.
  if (profile.offline === undefined) await recorded;
  if (isOffline(profile, nowMs) || worker.isSending) return;
  worker.isSending = true;
  try {
    const [{ problem }] = await Promise.all([device.flush(post), recorded]);
    if (problem !== undefined && !isPassing(problem)) throw problem;
  } finally {
    worker.isSending = false;
  }
}
