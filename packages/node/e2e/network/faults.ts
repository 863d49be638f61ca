/** What can go wrong with a network, and how it is mended. */

import type { Client } from "@lhg/sdk/client/client";
import { fillDisk, freeDisk } from "./disk.ts";
import type { Fabric, Seating } from "./fabric.ts";
import type { Load } from "./load.ts";
import type { NodeProcess } from "./node-process.ts";
import type { TestNetwork } from "./test-network.ts";

export interface Fault<Seats extends Seating = Fabric> {
  readonly name: string;
  /** How many validators it hits of so many. */
  readonly hits: (validators: number) => number;
  strike(network: TestNetwork<Seats>, hit: readonly number[]): Promise<Struck>;
}

export interface Struck {
  /** Who can be expected to decide meanwhile; none where no quorum is left. */
  readonly sound: readonly NodeProcess[];
  /** Looks at what the fault does, and says it in a few words; throws where it is wrong. */
  observe?(load: Load): Promise<string>;
  /** Takes the fault away: links are open, processes run. Resolves when all nodes answer. */
  heal(): Promise<void>;
}

/** F of N: what dBFT outlasts. */
const tolerated = (validators: number): number => Math.floor((validators - 1) / 3);
const half = (validators: number): number => Math.floor(validators / 2);

function othersOf({ validators }: TestNetwork, hit: readonly number[]): NodeProcess[] {
  return validators.filter((_, seat) => !hit.includes(seat));
}

/** Those that can decide without the ones that were hit. */
function soundWithout(network: TestNetwork, hit: readonly number[]): NodeProcess[] {
  return hit.length <= tolerated(network.validators.length) ? othersOf(network, hit) : [];
}

function pick({ validators }: TestNetwork, hit: readonly number[]): NodeProcess[] {
  return hit.map((seat) => validators[seat]!);
}

async function restart(
  nodes: readonly NodeProcess[],
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (const node of nodes) node.spawn(environment);
  await Promise.all(nodes.map((node) => node.waitUntilUp()));
}

async function cutOff({ fabric, validators, observers }: TestNetwork, hit: readonly number[]): Promise<void> {
  const seats = [...validators, ...observers].keys();
  for (const other of seats) {
    if (hit.includes(other)) continue;
    for (const seat of hit) {
      await fabric.cut(seat, other);
      await fabric.cut(other, seat);
    }
  }
}

export const killed: Fault = {
  name: "kill -9",
  hits: tolerated,
  async strike(network, hit) {
    const nodes = pick(network, hit);
    await Promise.all(nodes.map((node) => node.kill()));
    return { sound: soundWithout(network, hit), heal: () => restart(nodes) };
  },
};

export const allKilled: Fault = {
  name: "all killed at once and restarted",
  hits: (validators) => validators,
  async strike(network, hit) {
    const nodes = pick(network, hit);
    await Promise.all(nodes.map((node) => node.kill()));
    return { sound: [], heal: () => restart(nodes) };
  },
};

export const paused: Fault = {
  name: "pause",
  hits: tolerated,
  async strike(network, hit) {
    const nodes = pick(network, hit);
    for (const node of nodes) node.pause();
    return {
      sound: soundWithout(network, hit),
      heal: async () => {
        for (const node of nodes) node.resume();
      },
    };
  },
};

export const disconnected: Fault = {
  name: "disconnect",
  hits: tolerated,
  async strike(network, hit) {
    await cutOff(network, hit);
    return { sound: soundWithout(network, hit), heal: () => network.fabric.heal() };
  },
};

/** No part has a quorum: nothing may be decided, and nothing has to be undone. */
export const split: Fault = {
  name: "split in two halves",
  hits: half,
  async strike(network, hit) {
    await cutOff(network, hit);
    return { sound: [], heal: () => network.fabric.heal() };
  },
};

/** The ones that were hit hear the others and are not heard. */
export const mute: Fault = {
  name: "one-way cut",
  hits: tolerated,
  async strike(network, hit) {
    const { fabric, validators } = network;
    for (const other of validators.keys())
      if (!hit.includes(other)) for (const seat of hit) await fabric.cut(seat, other);
    return { sound: soundWithout(network, hit), heal: () => fabric.heal() };
  },
};

export const lossy: Fault = {
  name: "20 % loss",
  hits: () => 0,
  async strike(network) {
    await network.fabric.setLoss(20);
    return { sound: network.validators, heal: () => network.fabric.heal() };
  },
};

export const slow: Fault = {
  name: "200 ms delay",
  hits: () => 0,
  async strike(network) {
    await network.fabric.setDelay(200);
    return { sound: network.validators, heal: () => network.fabric.heal() };
  },
};

const LYING_MS = 8_000;
const EVIDENCE_MS = 30_000;

/** The first block from `from` on that accuses somebody. Throws where none does within the limit. */
export async function waitForEvidence(
  client: Client,
  limitMs: number,
  from = 1,
): Promise<{ readonly height: number; readonly evidence: readonly string[] }> {
  const endMs = performance.now() + limitMs;
  for (let next = from; ; ) {
    const { height } = await client.getStatus();
    for (; next <= height; next++) {
      const { evidence } = await client.getBlock(next);
      if (evidence.length > 0) return { height: next, evidence };
    }
    if (performance.now() > endMs) throw new Error(`no evidence in ${height} blocks`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A traitor in the network lies all the time: this only gives it time, and looks for the evidence. */
export const lying: Fault = {
  name: "equivocation",
  hits: () => 0,
  async strike(network) {
    return {
      sound: network.validators,
      async observe() {
        const { patient: client } = network.validators[0]!;
        const { height } = await waitForEvidence(client, EVIDENCE_MS);
        await new Promise((resolve) => setTimeout(resolve, LYING_MS));
        return `evidence in block ${height}`;
      },
      heal: async () => {},
    };
  },
};

/** Of the node that `mountDisk` gave a small disk. */
export const DISK_SEAT = 1;
/** A node without room says so with one of these, or is gone. Whoever asked goes elsewhere. */
const NO_ROOM = /^(inbox|store|node|disk)\.|^client\.unreachable$/;
const NO_ROOM_TRIES = 100;
const NO_ROOM_PAUSE_MS = 200;
const NO_ROOM_END_MS = 60_000;

export const diskFull: Fault = {
  name: "disk full on one",
  hits: () => 0,
  async strike(network) {
    const node = network.validators[DISK_SEAT]!;
    await fillDisk(node.seat.home);
    return {
      sound: soundWithout(network, [DISK_SEAT]),
      async observe(load) {
        for (let tries = 0; tries < NO_ROOM_TRIES; tries++) {
          const answer = await load.tryAt(node);
          if (answer === "accepted") continue;
          // The block with the one before is not in its ledger yet: nothing is promised either.
          if (answer === "transaction.nonce-gap") {
            await new Promise((resolve) => setTimeout(resolve, NO_ROOM_PAUSE_MS));
            continue;
          }
          if (!NO_ROOM.test(answer))
            throw new Error(`a full disk is answered with ${answer}:\n${node.tellLog()}`);
          // Who is gone has to be gone for good, not hang.
          if (/unreachable|stopping/.test(answer)) await node.waitForEnd(NO_ROOM_END_MS);
          const { ending } = node;
          return `it answers ${answer} and ${ending === undefined ? "runs on" : `ended with ${ending}`}`;
        }
        throw new Error(`the node takes statements with a full disk:\n${node.tellLog()}`);
      },
      async heal() {
        await freeDisk(node.seat.home);
        await node.kill();
        await restart([node]);
      },
    };
  },
};

/** A node whose clock is off takes no part in the votes, and follows. */
export function clockOff(hours: number): Fault {
  const preload = new URL("clock-shift.ts", import.meta.url).pathname;
  return {
    name: `clock ${Math.abs(hours)} h ${hours > 0 ? "ahead" : "behind"}`,
    hits: () => 1,
    async strike(network, hit) {
      const nodes = pick(network, hit);
      const restartAll = async (environment?: Record<string, string>): Promise<void> => {
        await Promise.all(nodes.map((node) => node.stop()));
        await restart(nodes, environment);
      };
      await restartAll({ LHG_TEST_CLOCK_MS: String(hours * 3_600_000), NODE_OPTIONS: `--import ${preload}` });
      return { sound: network.validators, heal: () => restartAll() };
    },
  };
}
