/** Devices that send a reading a second through MQTT while the node is killed under them; then what the chain holds is counted. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import type { Client } from "@lhg/sdk/client/client";
import { createMqttSend } from "@lhg/sdk/device/mqtt-send";
import type { MqttClient } from "mqtt";
import { type DevNode, startDevNode } from "../dev-node.ts";
import { connectDevice, registerDevices, type TestDevice } from "../mqtt-devices.ts";
import { type GapParts, makeAndFillGap } from "./gaps.ts";

export interface SoakOptions {
  readonly devices: number;
  readonly seconds: number;
  /** How often the process with node and broker is killed (-9), at random moments. */
  readonly kills: number;
  readonly say: (text: string) => void;
}

export interface SoakResult {
  readonly recorded: number;
  /** Collections that a device was told are accepted. */
  readonly acknowledged: number;
  readonly onChain: number;
  /** Acknowledged and not on the chain. */
  readonly lost: number;
  /** On the chain more than once. */
  readonly duplicates: number;
  /** Devices whose stream has gaps, or ends before the device's own. */
  readonly incomplete: number;
  /** Gaps that the chain showed because a device sent its newest collection first. */
  readonly gapsMade: number;
  /** Of these, those that the device then filled. */
  readonly gapsFilled: number;
  /** From each kill until devices had an answer again. */
  readonly outagesMs: readonly number[];
  /** From signing to `accepted`, outages included. */
  readonly ackMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

const GAP_DEVICE_EVERY = 10;
/** Of the readings of a device that makes gaps. */
const GAP_READING_EVERY = 5;
const READING_INTERVAL_MS = 1_000;
const ANSWER_TIMEOUT_MS = 5_000;
const RECONNECT_MS = 500;
const FLUSH_ROUNDS_MAX = 60;

interface Running {
  readonly device: TestDevice;
  readonly mqtt: MqttClient;
  readonly acknowledged: Set<string>;
  readonly ackMs: number[];
  readonly send: GapParts["send"];
  readonly flush: () => Promise<number>;
  /** Whether its time until `accepted` counts. */
  readonly record: (isTimed: boolean) => Promise<void>;
}

interface Gaps {
  made: number;
  filled: number;
}

export async function runSoak({ devices: count, seconds, kills, say }: SoakOptions): Promise<SoakResult> {
  const folder = await mkdtemp(join(tmpdir(), "lhg-soak-"));
  let node = await startDevNode(folder);
  const ports = { port: Number(new URL(node.url).port), mqttPort: Number(new URL(node.mqttUrl).port) };
  let running: Running[] = [];
  try {
    const { client, chainId, devices } = await registerDevices(node, count);
    say(`${count} devices are registered`);
    running = await Promise.all(devices.map((device) => startDevice(node, device, chainId)));
    const outagesMs: number[] = [];
    const untilMs = performance.now() + seconds * 1_000;
    const gaps: Gaps = { made: 0, filled: 0 };
    const working = running.map((each, i) => {
      const gapParts = i % GAP_DEVICE_EVERY === 0 ? { client, gaps } : undefined;
      return sendReadings(each, (i / count) * READING_INTERVAL_MS, untilMs, gapParts);
    });
    for (const atMs of drawMoments(kills, seconds)) {
      await sleep(untilMs - seconds * 1_000 + atMs - performance.now());
      const killedMs = performance.now();
      node.process.kill("SIGKILL");
      await once(node.process, "exit");
      node = await startDevNode(folder, ports);
      await waitForAnswer(running);
      outagesMs.push(performance.now() - killedMs);
      say(
        `killed after ${(atMs / 1_000).toFixed(1)} s, answered again after ${outagesMs.at(-1)!.toFixed(0)} ms`,
      );
    }
    await Promise.all(working);
    await Promise.all(running.map(flushAll));
    say("all is flushed");
    const counts = await countAll(client, running);
    return { ...counts, gapsMade: gaps.made, gapsFilled: gaps.filled, outagesMs, ackMs: summarize(running) };
  } finally {
    await Promise.all(running.map(({ mqtt }) => mqtt.endAsync(true)));
    await node.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function startDevice(node: DevNode, device: TestDevice, chainId: string): Promise<Running> {
  const mqtt = await connectDevice(node.mqttUrl, device, chainId, {
    reconnectPeriod: RECONNECT_MS,
    reconnectOnConnackError: true,
  });
  // A lost connection is what this is about; the client comes back by itself.
  mqtt.on("error", () => {});
  const { kit } = device;
  const acknowledged = new Set<string>();
  const signedMs = new Map<string, number>();
  const ackMs: number[] = [];
  const send = createMqttSend(mqtt, {
    address: kit.address,
    timeoutMs: ANSWER_TIMEOUT_MS,
    onReply: ({ id, state }) => {
      if (state !== "accepted") return;
      acknowledged.add(id);
      const atMs = signedMs.get(id);
      if (atMs !== undefined) ackMs.push(performance.now() - atMs);
      signedMs.delete(id);
    },
  });
  let turn = 0;
  return {
    device,
    mqtt,
    acknowledged,
    ackMs,
    send,
    flush: async () => (await kit.flush(send)).pending,
    record: async (isTimed) => {
      const pack = [{ n: "urn:dev:mac:1:t", u: "Cel", v: 20 + (turn++ % 10) }];
      const { id } = await kit.record(new TextEncoder().encode(JSON.stringify(pack)));
      if (isTimed) signedMs.set(toHex(id), performance.now());
    },
  };
}

/** Each device begins at another moment of the second. */
async function sendReadings(
  running: Running,
  offsetMs: number,
  untilMs: number,
  gapParts: { readonly client: Client; readonly gaps: Gaps } | undefined,
): Promise<void> {
  let flushing: Promise<unknown> = Promise.resolve();
  let readings = 0;
  for (let atMs = performance.now() + offsetMs; atMs < untilMs; atMs += READING_INTERVAL_MS) {
    await sleep(atMs - performance.now());
    if (gapParts !== undefined && ++readings % GAP_READING_EVERY === 0) {
      await Promise.allSettled([flushing]);
      await makeAndFillGap({
        ...running,
        client: gapParts.client,
        record: () => running.record(false),
        note: (what) => {
          gapParts.gaps[what] += 1;
        },
      });
      continue;
    }
    await running.record(true);
    // Flushes follow each other by themselves; recording goes on meanwhile.
    flushing = running.flush();
    flushing.catch(() => {});
  }
  await flushing;
}

async function flushAll(running: Running): Promise<void> {
  for (let round = 0; round < FLUSH_ROUNDS_MAX; round++) {
    if ((await running.flush()) === 0) return;
    await sleep(READING_INTERVAL_MS);
  }
  throw new Error(
    `${running.device.address} has ${running.device.kit.state.headSeq} collections that do not leave`,
  );
}

/** In the middle of the run, apart from each other. */
function drawMoments(kills: number, seconds: number): number[] {
  const shareMs = (seconds * 800) / Math.max(1, kills);
  return Array.from({ length: kills }, (_, i) => seconds * 100 + (i + Math.random() * 0.8) * shareMs);
}

function waitForAnswer(running: readonly Running[]): Promise<void> {
  const before = running.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (running.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0) === before) return;
      clearInterval(timer);
      resolve();
    }, 20);
  });
}

async function countAll(
  client: Client,
  running: readonly Running[],
): Promise<Omit<SoakResult, "outagesMs" | "ackMs" | "gapsMade" | "gapsFilled">> {
  const total = { recorded: 0, acknowledged: 0, onChain: 0, lost: 0, duplicates: 0, incomplete: 0 };
  for (const { device, acknowledged } of running) {
    const { headSeq, headId } = device.kit.state;
    await client.waitFor(toHex(headId), { until: "provable" });
    const ids = await listIds(client, device.address);
    const unique = new Set(ids);
    const stream = await client.getStream(device.address, 0);
    const isWhole = stream.gaps.length === 0 && stream.headSeq === headSeq && stream.collections === headSeq;
    total.recorded += headSeq;
    total.acknowledged += acknowledged.size;
    total.onChain += ids.length;
    total.duplicates += ids.length - unique.size;
    total.lost += [...acknowledged].filter((id) => !unique.has(id)).length;
    total.incomplete += isWhole ? 0 : 1;
  }
  return total;
}

async function listIds(client: Client, device: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const options = cursor === undefined ? { limit: 200 } : { limit: 200, cursor };
    const page = await client.listCollections(device, options);
    ids.push(...page.items.map(({ id }) => id));
    if (page.next === undefined) return ids;
    cursor = page.next;
  }
}

function summarize(running: readonly Running[]): SoakResult["ackMs"] {
  const sorted = running.flatMap(({ ackMs }) => ackMs).sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
