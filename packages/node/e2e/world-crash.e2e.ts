/** The sample world as a program of its own: killed in the midst of its story, and left alone by its node. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Client, createClient } from "@lhg/sdk/client/client";
import { type DevNode, startDevNode } from "./dev-node.ts";

const WORLD = join(import.meta.dirname, "../../../examples/world/main.ts");
const DEADLINE_MS = 60_000;

interface Facts {
  readonly badLot: string;
  readonly pallet: string;
  readonly phones: readonly string[];
  readonly recalledPhones: readonly string[];
  readonly vendors: readonly { readonly name: string; readonly address: string }[];
  readonly devices: readonly { readonly name: string; readonly address: string }[];
}

let folder: string;
let node: DevNode;
let world: ChildProcess;
let client: Client;
let output = "";

function startWorld(): ChildProcess {
  const child = spawn(process.execPath, [WORLD], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LHG_URL: node.url, LHG_DATA: folder, LHG_WORLD_PACE_MS: "20" },
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, "exit");
  child.kill(signal);
  const [code] = await exited;
  return code;
}

/** Looks whenever something in the folder changes. */
async function watchFolder<T>(look: () => Promise<T | undefined>): Promise<T> {
  const changes = watch(folder);
  const signal = AbortSignal.timeout(DEADLINE_MS);
  try {
    for (;;) {
      const change = once(changes, "change", { signal });
      // Awaited below, if the look leads nowhere.
      change.catch(() => {});
      const found = await look();
      if (found !== undefined) return found;
      await change;
    }
  } catch (error) {
    throw new Error(`did not come about:\n${output}`, { cause: error });
  } finally {
    changes.close();
  }
}

async function readJson(name: string): Promise<Record<string, unknown> | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, name), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const readFacts = async (): Promise<Facts | undefined> =>
  (await readJson("world-facts.json")) as Facts | undefined;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-world-crash-"));
  node = await startDevNode(folder);
  client = createClient({ url: node.url });
});
after(async () => {
  await end(world, "SIGKILL");
  await end(node.process, "SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

test("a story that was cut off by a kill is completed, and nothing of it stands twice", async () => {
  world = startWorld();
  await watchFolder(async () => {
    const told = (await readJson("world.json"))?.told as number | undefined;
    return told !== undefined && told >= 5 ? told : undefined;
  });
  await end(world, "SIGKILL");
  world = startWorld();
  const facts = await watchFolder(readFacts);
  const trace = await client.getTrace(facts.badLot, { direction: "forward" });
  const found = trace.items.map(({ identity }) => identity).filter((id) => facts.phones.includes(id));
  assert.deepEqual(found.sort(), [...facts.recalledPhones].sort());
  const { items } = await client.listItemEvents(facts.pallet, { log: "custody" });
  const told = items.map(({ event, role }) => `${event.bizStep} ${event.eventTimeMs} ${role}`);
  assert.equal(new Set(told).size, told.length);
  assert.equal(items.filter(({ event }) => event.flags.includes("handedOver")).length, 2);
});

test("when its node is killed and comes back, the world waits and goes on", async () => {
  const facts = (await readFacts())!;
  const address = facts.devices.find(({ name }) => name === "ore-container")!.address;
  const mine = facts.vendors.find(({ name }) => name === "Kivu Ridge Mine")!.address;
  const before = await client.getStream(address, 0);
  const lived = await client.getVendor(mine);
  await end(node.process, "SIGKILL");
  // What the world tries meanwhile fails: it notes the step before it sends it, and does not get on.
  const { life } = (await readJson("world.json")) as { life: { run: number; step: number } };
  node = await startDevNode(folder, { port: Number(new URL(node.url).port) });
  await watchFolder(async () => {
    const now = ((await readJson("world.json")) as { life: typeof life }).life;
    return now.run > life.run + 1 ? true : undefined;
  });
  assert.ok((await client.getVendor(mine)).nextCaptureSeq > lived.nextCaptureSeq);
  for await (const message of client.stream({ signal: AbortSignal.timeout(DEADLINE_MS) })) {
    if (message.type !== "block") continue;
    const now = await client.getStream(address, 0);
    if (now.headSeq <= before.headSeq + 3) continue;
    assert.deepEqual(now.gaps, []);
    break;
  }
  assert.equal(world.exitCode, null, output);
});

test("a second world in the same folder is refused: its devices would fork their streams", async () => {
  const second = startWorld();
  const [code] = await once(second, "exit");
  assert.equal(code, 1);
  assert.match(output, /runs already \(world\.running\)/);
  assert.equal(world.exitCode, null);
});

test("it ends by a signal, and cleanly", async () => {
  assert.equal(await end(world, "SIGINT"), 0, output);
});

test("devices that lost their memory go on in another stream", async () => {
  const facts = (await readFacts())!;
  const device = facts.devices.find(({ name }) => name === "phone-truck")!.address;
  const before = await client.getStream(device, 0);
  await rm(join(folder, "world-devices"), { recursive: true });
  world = startWorld();
  for await (const message of client.stream({ signal: AbortSignal.timeout(DEADLINE_MS) })) {
    if (message.type !== "block") continue;
    const { items } = await client.listStreams(device);
    if ((items[1]?.headSeq ?? 0) < 2) continue;
    assert.deepEqual(items[1]!.continues, { stream: 0, lastId: before.headId });
    break;
  }
  assert.equal(await end(world, "SIGTERM"), 0, output);
});

test("without its keys it says why it can't go on", async () => {
  await rm(join(folder, "world.json"));
  world = startWorld();
  const [code] = await once(world, "exit");
  assert.equal(code, 1);
  assert.match(output, /world\.json: .*keys are gone \(identity\.prefix-taken\)/);
});
