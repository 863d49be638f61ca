/** The sample world beside a node, as `npm start` brings it up: its story on the chain, and asked for as a stranger would. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fromJson } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { genesis } from "@lhg/protocol/core/genesis";
import { DEFAULT_TRACE_QUERY, TRACE_BACK } from "@lhg/protocol/modules/trace/trace-query";
import { type Client, createClient } from "@lhg/sdk/client/client";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { trustFromGenesis } from "@lhg/sdk/verify/trust";
import { verifyTrace } from "@lhg/sdk/verify/verify-trace";

const LHG = join(import.meta.dirname, "../src/cli/main.ts");
const WORLD = join(import.meta.dirname, "../../../examples/world/main.ts");
const FACTS = "world-facts.json";
const DEADLINE_MS = 60_000;
const LEISURELY_MS = 3_500;
/** Life as fast as the chain takes it: whole runs within seconds. */
const HURRIED_MS = 1;

interface Facts {
  readonly goodPhone: string;
  readonly clonedPhone: string;
  readonly badLot: string;
  readonly recalledPhones: readonly string[];
  readonly phones: readonly string[];
  readonly pallet: string;
  readonly oreLot: string;
  readonly ingotLot: string;
  readonly forged: {
    readonly phone: string;
    readonly capture: string;
    readonly status: string;
    readonly refusedCode: string;
  };
  readonly vendors: readonly { readonly name: string; readonly address: string }[];
  readonly devices: readonly { readonly name: string; readonly address: string; readonly urn: string }[];
}

interface World {
  readonly process: ChildProcess;
  readonly client: Client;
  readonly output: () => string;
}

let folder: string;
let world: World;
let facts: Facts;

/** A node with the world, once it has said where it listens. */
async function startWorld(paceMs: number): Promise<World> {
  const args = [LHG, "dev", "--data", folder, "--port", "0", "--with", WORLD];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LHG_WORLD_PACE_MS: String(paceMs) },
  });
  let output = "";
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      output += chunk.toString();
      const found = /API +(http:\/\/127\.0\.0\.1:\d+)\//.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.once("exit", (code) => reject(new Error(`lhg dev ended with ${code}:\n${output}`)));
  });
  return { process: child, client: createClient({ url }), output: () => output };
}

async function stopWorld(): Promise<number | null> {
  const exited = once(world.process, "exit");
  world.process.kill("SIGTERM");
  const [code] = await exited;
  return code;
}

/** Resolves when the world has written that its story is on the chain. */
async function waitForFacts(): Promise<Facts> {
  const changes = watch(folder);
  const signal = AbortSignal.timeout(DEADLINE_MS);
  try {
    for (;;) {
      const change = once(changes, "change", { signal });
      // Awaited below, if the look leads nowhere.
      change.catch(() => {});
      const text = await readFile(join(folder, FACTS), "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw error;
      });
      if (text !== undefined) return JSON.parse(text) as Facts;
      await change;
    }
  } catch (error) {
    throw new Error(`the story did not come to its end:\n${world.output()}`, { cause: error });
  } finally {
    changes.close();
  }
}

const addressOf = (name: string): string => facts.vendors.find((vendor) => vendor.name === name)!.address;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-world-"));
  world = await startWorld(LEISURELY_MS);
  facts = await waitForFacts();
});
after(async () => {
  if (world.process.exitCode === null) await stopWorld();
  await rm(folder, { recursive: true, force: true });
});

/** What was committed a moment ago is proven by the next block. */
async function askUntilProvable<T>(ask: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof LhgError) || error.code !== "proof.not-yet") throw error;
      await world.client.waitFor(facts.forged.capture, { until: "provable" });
    }
}

test("a good phone is traced back to the ore, complete, by a proof that needs no node", async () => {
  const { bytes } = await askUntilProvable(() =>
    world.client.getTraceBundle(facts.goodPhone, { direction: "back" }),
  );
  const { genesis: json } = await world.client.getChain();
  const trust = trustFromGenesis(fromJson(genesis, json, "genesis"), { hasher: nodeCrypto });
  const asked = { identity: facts.goodPhone, query: { ...DEFAULT_TRACE_QUERY, direction: TRACE_BACK } };
  const verdict = verifyTrace(bytes, trust, { asked, crypto: nodeCrypto });
  assert.ok(verdict.ok, JSON.stringify(verdict));
  assert.equal(verdict.isComplete, true);
  const items = new Set(verdict.events.flatMap(({ event }) => event.items.map(({ identity }) => identity)));
  assert.ok(items.has(facts.oreLot));
  assert.ok(items.has(facts.ingotLot));
  const captors = new Set(verdict.events.map(({ captor }) => captor));
  for (const name of ["Kivu Ridge Mine", "Baltic Smelting", "Halden Components", "Aurora Phones"])
    assert.ok(captors.has(addressOf(name)), name);
  const isOutsider = verdict.events.filter(({ log }) => log === "observation");
  assert.deepEqual(isOutsider, []);
});

test("devices check what they are commanded and answer it among their readings", async () => {
  const { client } = world;
  const { address } = facts.devices.find(({ name }) => name === "ore-container") ?? facts.devices[0]!;
  const answered = new Set<number>();
  for await (const message of client.stream({ types: ["block"], signal: AbortSignal.timeout(DEADLINE_MS) })) {
    if (message.type !== "block") continue;
    const { items } = await client.listCommands(address);
    for (const { number, acknowledgement } of items)
      if (acknowledgement?.result.startsWith("done")) answered.add(number);
    if (answered.size === 2) break;
  }
  assert.deepEqual([...answered].sort(), [1, 2]);
  assert.deepEqual((await client.listCommands(address, { state: "pending" })).items, []);
});

test("a recall of the bad lot finds its phones, and no other", async () => {
  const trace = await world.client.getTrace(facts.badLot, { direction: "forward", observations: "ignore" });
  assert.equal(trace.isTruncated, false);
  const found = trace.items
    .map(({ identity }) => identity)
    .filter((identity) => facts.phones.includes(identity));
  assert.deepEqual(found.sort(), [...facts.recalledPhones].sort());
  assert.equal(facts.recalledPhones.length, 6);
  assert.equal(facts.phones.length, 24);
  assert.ok(!facts.recalledPhones.includes(facts.goodPhone));
});

test("hand-overs changed who answers for the goods, agreed by both sides", async () => {
  const { items } = await world.client.listItemEvents(facts.pallet, { log: "custody" });
  const passed = items.filter(({ event }) => event.flags.some((flag) => /handedOver|received/.test(flag)));
  assert.deepEqual(
    passed
      .toReversed()
      .map(({ event }) => [event.vendor, event.flags.includes("received") ? "received" : "handedOver"]),
    [
      [addressOf("Aurora Phones"), "handedOver"],
      [addressOf("Sea Route Logistics"), "received"],
      [addressOf("Sea Route Logistics"), "handedOver"],
      [addressOf("Nordlicht Shops"), "received"],
    ],
  );
  for (const id of [facts.pallet, facts.goodPhone]) {
    const { holder, custodian, pending } = await world.client.getItem(id);
    assert.equal(holder?.vendor, addressOf("Aurora Phones"));
    assert.equal(custodian, addressOf("Nordlicht Shops"));
    assert.equal(pending, null);
  }
  const { containers } = await world.client.getItem(facts.goodPhone);
  assert.deepEqual(containers, [], "the phone was unpacked");
});

test("nothing in the story is flagged but the clone", async () => {
  const flags = new Map<string, number>();
  for (const id of [...facts.phones, facts.pallet, facts.oreLot, facts.ingotLot, facts.badLot]) {
    const trace = await world.client.getTrace(id, { direction: "both" });
    for (const { event } of trace.steps)
      for (const flag of event.flags) flags.set(`${flag} ${event.id}`, event.eventTimeMs);
  }
  const kinds = [...flags.keys()].map((key) => key.split(" ")[0]!);
  assert.deepEqual([...new Set(kinds)].sort(), ["handedOver", "observed", "received"]);
  assert.equal(kinds.filter((kind) => kind === "observed").length, 1);
});

test("the cloned serial is seen by somebody who does not have the phone", async () => {
  const { items } = await world.client.listItemEvents(facts.clonedPhone, { log: "observations" });
  assert.equal(items.length, 1);
  const [{ event }] = items as [(typeof items)[0]];
  assert.equal(event.vendor, addressOf("Harbour Telecom"));
  assert.ok(event.flags.includes("observed"));
  const { custodian } = await world.client.getItem(facts.clonedPhone);
  assert.equal(custodian, addressOf("Nordlicht Shops"));
});

test("the forged event failed on the chain, and the bent signature never came so far", async () => {
  const { forged } = facts;
  const found = await world.client.getStatement(forged.capture);
  assert.equal(found.status.name, "trace.prefix-not-owned");
  const { items } = await world.client.listEvents({ item: forged.phone });
  assert.deepEqual(items, []);
  assert.equal(forged.refusedCode, "statement.signature");
});

/** Watches the chain until something holds. */
async function watchUntil(holds: () => Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  if (await holds()) return;
  for await (const message of world.client.stream({ signal }))
    if (message.type === "block" && (await holds())) return;
  assert.fail(`did not come about:\n${world.output()}`);
}

test("devices send temperature, position and tamper", async () => {
  const device = facts.devices.find(({ name }) => name === "phone-truck")!;
  await watchUntil(async () => (await world.client.getStream(device.address, 0)).collections >= 2);
  const { items } = await world.client.listCollections(device.address);
  const units = items[0]!.readings.map(({ name, unit }) => [name, unit]);
  assert.deepEqual(units, [
    [`${device.urn}:temperature`, "Cel"],
    [`${device.urn}:latitude`, "lat"],
    [`${device.urn}:longitude`, "lon"],
    [`${device.urn}:tamper`, undefined],
  ]);
});

test("after a restart the same world lives on, and what it makes is sold like the first", async () => {
  const device = facts.devices[0]!.address;
  const sent = await world.client.getStream(device, 0);
  assert.equal(await stopWorld(), 0, world.output());
  assert.match(world.output(), /stopped/);
  await rm(join(folder, FACTS));
  world = await startWorld(HURRIED_MS);
  assert.deepEqual(await waitForFacts(), facts);
  const listSales = async () => (await world.client.listEvents({ bizStep: "retail_selling" })).items;
  const told = (await listSales()).length;
  assert.equal(told, 10);
  await watchUntil(async () => (await listSales()).length > told + 3);
  for (const { items } of (await listSales()).slice(0, 3)) {
    const trace = await world.client.getTrace(items[0]!.identity, { direction: "back" });
    const flags = new Set(trace.steps.flatMap(({ event }) => event.flags));
    assert.deepEqual([...flags].sort(), ["handedOver", "received"]);
    const vendors = new Set(trace.steps.map(({ event }) => event.vendor));
    assert.ok(vendors.has(addressOf("Kivu Ridge Mine")));
  }
  await watchUntil(async () => (await world.client.getStream(device, 0)).headSeq > sent.headSeq + 1);
  const { gaps } = await world.client.getStream(device, 0);
  assert.deepEqual(gaps, []);
  assert.doesNotMatch(world.output(), /warning|sample world:/);
});
