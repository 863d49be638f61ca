/** The devices of the MQTT benchmark: a process of its own, so that their work is not the node's. */
import { connectAsync, type MqttClient } from "mqtt";

export interface LoadDevice {
  /** Client id. */
  readonly address: string;
  readonly messages: readonly { readonly id: string; readonly bytes: Uint8Array }[];
}

export interface LoadOrder {
  readonly url: string;
  readonly devices: readonly LoadDevice[];
  /** Messages of a device without acknowledgement at a time. */
  readonly window: number;
  /** Between messages of one device; 0 sends as fast as acknowledgements come. */
  readonly intervalMs: number;
  /** Whether to wait until each message is provable. */
  readonly untilProvable: boolean;
}

export interface LoadReport {
  readonly messages: number;
  /** From the first publish to the last acknowledgement, and to the last proof. */
  readonly acknowledgedMs: number;
  readonly provableMs: number;
  readonly waits: { readonly acknowledgedMs: readonly number[]; readonly provableMs: readonly number[] };
}

interface Tally {
  readonly sentMs: Map<string, number>;
  readonly acknowledgedMs: number[];
  readonly provableMs: number[];
}

process.on("message", (order: LoadOrder) => {
  runLoad(order).then(
    (report) => process.send!(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

async function runLoad(order: LoadOrder): Promise<LoadReport> {
  const tally: Tally = { sentMs: new Map(), acknowledgedMs: [], provableMs: [] };
  const messages = order.devices.reduce((sum, device) => sum + device.messages.length, 0);
  const proven = Promise.withResolvers<void>();
  // Awaited only where proofs are waited for.
  proven.promise.catch(() => {});
  const clients = await Promise.all(
    order.devices.map((device) => openDevice(order, device, tally, messages, proven)),
  );
  const startedMs = performance.now();
  await Promise.all(clients.map((client, i) => sendAll(order, i, client, tally)));
  const acknowledgedMs = performance.now() - startedMs;
  if (order.untilProvable) await proven.promise;
  const provableMs = performance.now() - startedMs;
  for (const client of clients) client.removeAllListeners("close");
  await Promise.all(clients.map((client) => client.endAsync(true)));
  return { messages, acknowledgedMs, provableMs, waits: tally };
}

async function openDevice(
  { url, untilProvable }: LoadOrder,
  { address }: LoadDevice,
  tally: Tally,
  messages: number,
  proven: PromiseWithResolvers<void>,
): Promise<MqttClient> {
  const client = await connectAsync(url, { clientId: address, reconnectPeriod: 0 }, false);
  client.on("close", () => proven.reject(new Error(`${address} lost its connection`)));
  if (!untilProvable) return client;
  client.on("message", (_topic, payload) => {
    const { id, state } = JSON.parse(String(payload)) as { id: string; state: string };
    if (state === "refused" || state === "not-yet") proven.reject(new Error(String(payload)));
    if (state !== "provable") return;
    tally.provableMs.push(performance.now() - tally.sentMs.get(id)!);
    if (tally.provableMs.length === messages) proven.resolve();
  });
  await client.subscribeAsync(`lhg/v1/${address}/reply`, { qos: 0 });
  return client;
}

/** Devices that send by the clock begin at different moments of the interval. */
async function sendAll(
  { devices, window, intervalMs }: LoadOrder,
  i: number,
  client: MqttClient,
  tally: Tally,
): Promise<void> {
  const { address, messages } = devices[i]!;
  const startedMs = performance.now() + (i / devices.length) * intervalMs;
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < messages.length) {
      const turn = next++;
      const { id, bytes } = messages[turn]!;
      const waitMs = startedMs + turn * intervalMs - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      const sentMs = performance.now();
      tally.sentMs.set(id, sentMs);
      await client.publishAsync(`lhg/v1/${address}/up`, Buffer.from(bytes), { qos: 1 });
      tally.acknowledgedMs.push(performance.now() - sentMs);
    }
  };
  await Promise.all(Array.from({ length: window }, work));
}
