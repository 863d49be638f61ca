/** The gateway for devices that cannot sign: plain readings in by HTTP and by a real MQTT broker, events on chain exactly once. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as connectTcp, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Client, createClient } from "@lhg/sdk/client/client";
import type { EventSummary } from "@lhg/sdk/client/types";
import { connectAsync } from "mqtt";
import {
  type DevCommand,
  type RunningCommand,
  runLhgJson,
  startDevCommand,
  startLhg,
} from "./dev-command.ts";

const MOSQUITTO = "/usr/sbin/mosquitto";
const DEVICE = "urn:dev:mac:0024befffe804ff1";
const UNTIL_MS = 120_000;

let folder: string;
let dev: DevCommand;
let client: Client;
const closers: (() => Promise<unknown>)[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-gateway-"));
  dev = await startDevCommand(folder);
  client = createClient({ url: dev.url });
});

after(async () => {
  for (const close of closers.reverse()) await close();
  await dev.stop();
  await rm(folder, { recursive: true, force: true });
});

async function configure(name: string, item: string, over: object = {}): Promise<string> {
  const config = {
    name,
    vendor: "acme-manufacturing",
    key: name,
    batch: { eventsMax: 20, delayMs: 50 },
    devices: {
      "fridge-3": {
        deviceId: DEVICE,
        items: [item],
        readings: { temperature: { type: "Temperature", uom: "CEL" } },
      },
    },
    ...over,
  };
  await writeFile(join(folder, `${name}.json`), JSON.stringify(config));
  await runLhgJson(dev, "keys", "new", name);
  return `${name}.json`;
}

async function start(
  config: string,
  ...flags: readonly string[]
): Promise<RunningCommand & { readonly place: string }> {
  const gateway = await startLhg(dev, "gateway", "--config", config, ...flags);
  closers.push(() => gateway.end("SIGTERM"));
  const [place = ""] = gateway.said.places as string[];
  return { ...gateway, place: place.replace("<device>", "fridge-3") };
}

async function post(place: string, body: unknown): Promise<number> {
  const init = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  return (await fetch(place, init)).status;
}

async function listEvents(item: string): Promise<EventSummary[]> {
  const events: EventSummary[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await client.listEvents({ item, limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    events.push(...page.items);
    cursor = page.next;
    if (cursor === undefined) return events;
  }
}

/** Waits for so many events of the item, asking again after every block. */
async function waitForEvents(item: string, count: number): Promise<EventSummary[]> {
  const signal = AbortSignal.timeout(UNTIL_MS);
  let events = await listEvents(item);
  for await (const _ of client.stream({ signal })) {
    events = await listEvents(item);
    if (events.length >= count) return events;
  }
  throw new Error(`${events.length} events of ${count}`);
}

const at = (second: number): string => new Date(Date.UTC(2026, 0, 5, 12, 0, second)).toISOString();

test("a plain reading becomes an event that says that the gateway vouches, once its key is delegated", async () => {
  const item = "urn:epc:id:sgtin:0012345.011111.701";
  const gateway = await start(await configure("front-door", item), "--http-port", "0");
  assert.equal(await post(gateway.place, { temperature: 4.125, time: at(1) }), 202);
  assert.equal(await post(gateway.place, { humidity: 4.125 }), 400);
  assert.equal(await post(gateway.place.replace("fridge-3", "fridge-4"), { temperature: 4 }), 404);
  assert.equal((await listEvents(item)).length, 0);
  await runLhgJson(dev, "vendor", "delegate", "front-door", "--prefix", "0012345", "--days", "30");
  const [summary] = await waitForEvents(item, 1);
  const { source } = await client.getEvent(summary!.id);
  const event = JSON.parse(source!);
  assert.deepEqual(event["lhg:recordedBy"], {
    "lhg:role": "gateway",
    "lhg:gateway": "front-door",
    "lhg:deviceSigned": false,
  });
  assert.deepEqual(event.sensorElementList[0].sensorMetadata, { time: at(1), deviceID: DEVICE });
  assert.match(source!, /"type":"Temperature","value":4\.125,"uom":"CEL"/);
  const trace = await runLhgJson(dev, "trace", item, "--verify");
  assert.deepEqual([trace.isComplete, trace.events.length], [true, 1]);
  const receipt = join(folder, "plain.receipt");
  await runLhgJson(dev, "receipt", summary!.id, "--out", receipt);
  const proven = await runLhgJson(dev, "verify", receipt);
  assert.equal(proven.event.gateway, "front-door");
  assert.ok(proven.claimed.some(({ what }: { what: string }) => what === "event.gateway"));
  await runLhgJson(dev, "vendor", "revoke-delegate", "front-door");
  await gateway.end("SIGTERM");
});

test("what was acknowledged is recorded once, though the gateway is killed and the node is away", async () => {
  const item = "urn:epc:id:sgtin:0012345.011111.702";
  const config = await configure("cellar", item);
  await runLhgJson(dev, "vendor", "delegate", "cellar");
  const acknowledged = new Set<string>();
  let second = 0;
  const postSome = async (place: string, count: number): Promise<void> => {
    const posts = Array.from({ length: count }, async () => {
      second += 1;
      const time = at(second);
      // A post that fails may have been taken or not: only an answer is a promise.
      const status = await post(place, { temperature: second, time }).catch(() => undefined);
      if (status === 202) acknowledged.add(time);
    });
    await Promise.all(posts);
  };
  for (let round = 0; round < 3; round++) {
    const gateway = await start(config, "--http-port", "0");
    await postSome(gateway.place, 25);
    const late = postSome(gateway.place, 25);
    await gateway.end("SIGKILL");
    await late;
  }
  const { port } = new URL(dev.url);
  const gateway = await start(config, "--http-port", "0");
  await dev.stop();
  await postSome(gateway.place, 10);
  await gateway.end("SIGKILL");
  // Back before the node is.
  const early = await start(config, "--http-port", "0");
  await postSome(early.place, 10);
  dev = await startDevCommand(folder, Number(port));
  assert.ok(acknowledged.size >= 95, `${acknowledged.size}`);
  await waitForEvents(item, acknowledged.size);
  await early.end("SIGTERM");
  const times = (await listEvents(item)).map(({ eventTimeMs }) => new Date(eventTimeMs).toISOString());
  assert.equal(new Set(times).size, times.length, "an event stands twice");
  for (const time of acknowledged) assert.ok(times.includes(time), `${time} is missing`);
});

async function startMosquitto(): Promise<string> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  const config = join(folder, "mosquitto.conf");
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  const broker = spawn(MOSQUITTO, ["-c", config], { stdio: "ignore" });
  closers.push(async () => {
    if (broker.exitCode !== null) return;
    const exited = once(broker, "exit");
    broker.kill("SIGTERM");
    await exited;
  });
  const isUp = () =>
    new Promise<boolean>((resolve) => {
      const socket = connectTcp(port, "127.0.0.1");
      socket.once("connect", () => resolve(socket.destroy() !== undefined));
      socket.once("error", () => resolve(false));
    });
  while (!(await isUp())) if (broker.exitCode !== null) throw new Error("mosquitto ended");
  return `mqtt://127.0.0.1:${port}`;
}

const skip = existsSync(MOSQUITTO) ? false : `${MOSQUITTO} is not installed`;

test("plain readings at Mosquitto are recorded, those of a time without the gateway too", {
  skip,
}, async () => {
  const item = "urn:epc:id:sgtin:0012345.011111.703";
  const url = await startMosquitto();
  const config = await configure("yard", item);
  await runLhgJson(dev, "vendor", "delegate", "yard");
  const sensor = await connectAsync(url);
  closers.push(() => sensor.endAsync(true));
  const publish = (body: string) => sensor.publishAsync("plain/fridge-3/readings", body, { qos: 1 });
  const gateway = await start(config, "--broker", url);
  // Subscribed once a first reading arrives; until then the broker has nobody to keep it for.
  const first = waitForEvents(item, 1);
  const timer = setInterval(() => void publish(JSON.stringify({ temperature: 3, time: at(1) })), 200);
  await first.finally(() => clearInterval(timer));
  await publish("no readings at all");
  await publish('[{"bn":"urn:dev:mac:1:","n":"temperature","t":1767614402,"v":2.5}]');
  await waitForEvents(item, 2);
  await gateway.end("SIGKILL");
  await publish(JSON.stringify({ temperature: 1, time: at(3) }));
  const again = await start(config, "--broker", url);
  const events = await waitForEvents(item, 3);
  assert.deepEqual(events.map(({ eventTimeMs }) => new Date(eventTimeMs).toISOString()).sort(), [
    at(1),
    at(2),
    at(3),
  ]);
  await again.end("SIGTERM");
});
