/** Readings of devices over MQTT, from publishing to proof, beside the bare broker on the same messages. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { LoadDevice, LoadOrder, LoadReport } from "../packages/node/e2e/load/mqtt-load.ts";
import { startPlainBroker } from "../packages/node/e2e/load/plain-broker.ts";
import { sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";
import { startMqttGateway } from "../packages/node/src/gateway/mqtt/server.ts";
import { createPresence } from "../packages/node/src/gateway/presence.ts";
import { toHex } from "../packages/protocol/src/core/bytes.ts";
import { type BenchChain, startBenchChain } from "./chain.ts";
import { type Device, registerDevices, signCollection } from "./collections.ts";
import { type BenchContext, bySize, type Figure, median, type Part, percentile } from "./figures.ts";

const LOAD_SCRIPT = fileURLToPath(new URL("../packages/node/e2e/load/mqtt-load.ts", import.meta.url));
const WINDOW = 8;
const SECOND_MS = 1_000;
const UNLIMITED = { perSecond: 1e9, burst: 1e9 };

export const mqtt: Part = {
  name: "mqtt",
  run: async (context) => {
    const chain = await startBenchChain(context, 7);
    const load = fork(LOAD_SCRIPT, { serialization: "advanced" });
    const gateway = await startMqttGateway({
      service: chain.service,
      chainId: chain.chainId,
      crypto: sodiumCrypto,
      config: { host: "127.0.0.1", port: 0, authentication: "optional", tls: undefined },
      presence: createPresence(),
      limits: { messages: UNLIMITED, bytes: UNLIMITED, remoteMessages: UNLIMITED, remoteBytes: UNLIMITED },
      logger: { error: (fields) => console.error(fields), debug: () => {} },
    });
    try {
      const url = `mqtt://127.0.0.1:${gateway.port}`;
      return await measure(context, chain, load, url);
    } finally {
      load.kill();
      await gateway.stop();
      await chain.stop();
    }
  },
};

async function measure(
  context: BenchContext,
  chain: BenchChain,
  load: ChildProcess,
  url: string,
): Promise<Figure[]> {
  const devices = await registerDevices(chain);
  const perDevice = bySize(context, { quick: 5, default: 50, full: 200 });
  const rounds = bySize(context, { quick: 1, default: 3, full: 5 });
  const full = { window: WINDOW, intervalMs: 0 };
  const plain: number[] = [];
  const proven: number[] = [];
  if (context.size !== "quick")
    await drive(chain, load, { ...full, url, untilProvable: true, devices: signAll(chain, devices, 20) });
  for (let round = 1; round <= rounds; round++) {
    const messages = signAll(chain, devices, perDevice);
    const bare = await drivePlain(chain, load, { ...full, devices: messages, untilProvable: false });
    plain.push((bare.messages / bare.acknowledgedMs) * SECOND_MS);
    const report = await drive(chain, load, { ...full, url, devices: messages, untilProvable: true });
    proven.push((report.messages / report.provableMs) * SECOND_MS);
    context.say(
      `round ${round}: plain ${plain.at(-1)!.toFixed(0)}/s, provable ${proven.at(-1)!.toFixed(0)}/s`,
    );
  }
  const { waits } = await drive(chain, load, {
    url,
    devices: signAll(chain, devices, bySize(context, { quick: 2, default: 10, full: 60 })),
    window: 1,
    intervalMs: SECOND_MS,
    untilProvable: true,
  });
  const disk = { name: "durable batch of one put", value: context.calibration.durablePutMs };
  const waitOf = (what: string, values: readonly number[], percent: number): Figure => ({
    name: `MQTT ${what} p${percent}, 200 readings/s`,
    value: percentile(values, percent),
    unit: "ms",
    limit: disk,
  });
  const plainRate = { name: "plain broker, no node behind", value: median(plain) };
  return [
    { name: "plain broker: acknowledged, QoS 1", value: plainRate.value, unit: "/s" },
    {
      name: "readings over MQTT, published to provable",
      value: median(proven),
      unit: "/s",
      limit: plainRate,
    },
    waitOf("acknowledgement", waits.acknowledgedMs, 50),
    waitOf("acknowledgement", waits.acknowledgedMs, 99),
    waitOf("provability", waits.provableMs, 50),
    waitOf("provability", waits.provableMs, 99),
  ];
}

function signAll(chain: BenchChain, devices: readonly Device[], perDevice: number): LoadDevice[] {
  return devices.map((device) => ({
    address: toHex(device.address),
    messages: Array.from({ length: perDevice }, () => {
      const bytes = signCollection(chain.chainId, device, 1);
      return { id: toHex(device.lastId), bytes };
    }),
  }));
}

async function drive({ failure }: BenchChain, load: ChildProcess, order: LoadOrder): Promise<LoadReport> {
  load.send(order);
  const ended = once(load, "exit").then(() => {
    throw new Error("the devices' process has ended");
  });
  const [report] = await Promise.race([failure, ended, once(load, "message")]);
  return report as LoadReport;
}

/** The same clients and bytes before the broker's package as it comes. */
async function drivePlain(
  chain: BenchChain,
  load: ChildProcess,
  order: Omit<LoadOrder, "url">,
): Promise<LoadReport> {
  const broker = await startPlainBroker();
  try {
    return await drive(chain, load, { ...order, url: broker.url });
  } finally {
    await broker.stop();
  }
}
