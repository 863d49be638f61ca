/** Devices at work: each measures in its own rhythm, signs, keeps, and sends; what could not be sent goes later. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import type { CommandReceiver } from "@lhg/sdk/device/commands";
import type { Device } from "@lhg/sdk/device/device";
import type { Trust } from "@lhg/sdk/verify/trust";
import type { Accounts } from "./accounts.ts";
import type { Chain } from "./captors.ts";
import { type DeviceProfile, deviceUrn, FLEET, isOffline, makePack, measure } from "./fleet.ts";
import { type Obedient, obey, openReceiver, pinChain } from "./obedience.ts";
import { isPassing, pause, persist } from "./patience.ts";
import { createPost, type Post } from "./post.ts";
import { openStream, type StreamRequest } from "./streams.ts";

const FOLDER = "world-devices";
const TICK_MS = 1_000;
/** Every save writes all that is kept: small, as on a small device. */
const KEPT_BYTES_MAX = 16 << 10;
/** While a device is offline its readings gather into collections of so many records. */
const GATHERED = { readingsMax: 64, delayMs: 90_000 };

const LOST: ReadonlySet<string> = new Set(["device.full", "device.blocked"]);

/** How often a device asks whether it was commanded. */
const COMMANDS_EVERY_MS = 4_000;

interface Worker {
  readonly profile: DeviceProfile;
  readonly urn: string;
  readonly stream: StreamRequest;
  device: Device;
  intervalMs: number;
  isSending: boolean;
  isObeying: boolean;
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
  const workers: Worker[] = [];
  // One after the other: a vendor's transactions must not overlap.
  for (const profile of FLEET) workers.push(await openWorker(chain, accounts, states, profile));
  const post = createPost(chain.client);
  const trust = await persist(() => pinChain(chain), chain.signal);
  const obediences = await Promise.all(workers.map((worker) => openObedience(worker, states, trust)));
  return {
    run: async () => {
      for (let nowMs = alignTick(Date.now()); ; nowMs = alignTick(Date.now())) {
        await pause(nowMs - Date.now(), chain.signal);
        for (const worker of workers) {
          if (nowMs % worker.intervalMs !== 0) continue;
          work(worker, nowMs, post, chain).catch((error) => onProblem(error, worker.profile.name));
        }
        if (nowMs % COMMANDS_EVERY_MS !== 0) continue;
        for (const [i, worker] of workers.entries())
          if (!worker.isObeying && !isOffline(worker.profile, nowMs))
            heed(chain, worker, obediences[i]!, onProblem);
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
  chain: Chain,
  { devices, vendors }: Accounts,
  states: string,
  profile: DeviceProfile,
): Promise<Worker> {
  const device = devices.get(profile.name)!;
  const stream: StreamRequest = {
    name: profile.name,
    device,
    vendor: vendors[profile.vendor],
    states,
    options: {
      keptBytesMax: KEPT_BYTES_MAX,
      ...(profile.offline === undefined ? {} : { batch: GATHERED }),
    },
  };
  const opened = await persist(() => openStream(chain, stream), chain.signal);
  return {
    profile,
    urn: deviceUrn(device.hex),
    stream,
    device: opened,
    intervalMs: profile.intervalMs,
    isSending: false,
    isObeying: false,
  };
}

interface Obedience {
  readonly obedient: Obedient;
  readonly receiver: CommandReceiver;
}

async function openObedience(worker: Worker, states: string, trust: Trust): Promise<Obedience> {
  const { profile, stream } = worker;
  const obedient: Obedient = {
    name: profile.name,
    address: stream.device.hex,
    device: () => worker.device,
    describe: () => `${profile.model}, every ${worker.intervalMs} ms`,
    setInterval: (intervalMs) => {
      // The loop ticks by full seconds.
      worker.intervalMs = Math.ceil(intervalMs / TICK_MS) * TICK_MS;
    },
  };
  return { obedient, receiver: await openReceiver(states, trust, obedient) };
}

function heed(
  chain: Chain,
  worker: Worker,
  { receiver, obedient }: Obedience,
  onProblem: DeviceWork["onProblem"],
): void {
  worker.isObeying = true;
  obey(chain, receiver, obedient, onProblem)
    .catch((error: unknown) => {
      if (!isPassing(error)) onProblem(error, worker.profile.name);
    })
    .finally(() => {
      worker.isObeying = false;
    });
}

/** Resolves when the reading is signed and saved, and, where the device is in reach, sent. */
async function work(worker: Worker, nowMs: number, post: Post, chain: Chain): Promise<void> {
  const { profile, urn, device } = worker;
  const signed = device.record(makePack(urn, nowMs, measure(profile, nowMs)));
  const recorded = signed.then(
    () => {},
    (error: unknown) => {
      // Its memory is full of what could not be sent, or it may sign no more: this reading is lost.
      if (!(error instanceof LhgError) || !LOST.has(error.code)) throw error;
    },
  );
  // A device that gathers learns only later what became of the reading.
  if (profile.offline === undefined) await recorded;
  if (isOffline(profile, nowMs) || worker.isSending) return recorded;
  worker.isSending = true;
  try {
    const [{ problem }] = await Promise.all([device.flush(post), recorded]);
    if (device.state.blocked !== null) worker.device = await openStream(chain, worker.stream);
    if (problem !== undefined && !isPassing(problem)) throw problem;
  } finally {
    worker.isSending = false;
  }
}
