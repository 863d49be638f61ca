/** Whether nodes agree: on the state after a height, and in what they answer. */
import { isDeepStrictEqual } from "node:util";
import type { Client } from "@lhg/sdk/client/client";
import type { NodeStatus } from "@lhg/sdk/client/types";
import type { NodeProcess } from "../network/node-process.ts";
import { pollUntil } from "./poll.ts";

const LEVEL_MS_MAX = 120_000;
const TRIES = 10;

/** Throws where two nodes that are at one height have different app hashes. Returns how many could be compared. */
export function requireSameState(
  told: readonly (readonly [name: string, Pick<NodeStatus, "height" | "appHash">])[],
): number {
  const first = new Map<number, readonly [name: string, appHash: string]>();
  let compared = 0;
  for (const [name, { height, appHash }] of told) {
    const known = first.get(height);
    if (known === undefined) first.set(height, [name, appHash]);
    else if (known[1] !== appHash)
      throw new Error(`after block ${height} ${name} has app hash ${appHash}, ${known[0]} has ${known[1]}`);
    else compared++;
  }
  return compared;
}

export async function readStates(
  nodes: readonly NodeProcess[],
): Promise<(readonly [name: string, NodeStatus])[]> {
  return Promise.all(nodes.map(async (node) => [node.name, await node.patient.getStatus()] as const));
}

/** Waits, where nobody sends anything, until all nodes are at one height with one app hash, all of it provable. */
export function waitUntilLevel(nodes: readonly NodeProcess[]): Promise<NodeStatus> {
  let last = "";
  return pollUntil(
    () => `the nodes are not level: ${last}`,
    LEVEL_MS_MAX,
    async () => {
      const told = await readStates(nodes);
      requireSameState(told);
      const statuses = told.map(([, status]) => status);
      last = told.map(([name, { height }]) => `${name} ${height}`).join(", ");
      const [first] = statuses;
      const isLevel = statuses.every(
        ({ height, provableHeight, mempool }) =>
          height === first!.height && provableHeight === first!.provableHeight && mempool.statements === 0,
      );
      return isLevel ? first : undefined;
    },
  );
}

export interface Question {
  readonly name: string;
  ask(client: Client): Promise<unknown>;
}

/** Asks all nodes the same while nobody sends anything. A block without work may come in between: then once more. */
export async function requireSameAnswers(
  nodes: readonly NodeProcess[],
  questions: readonly Question[],
): Promise<void> {
  for (const { name, ask } of questions) {
    for (let tries = 1; ; tries++) {
      await waitUntilLevel(nodes);
      const answers = await Promise.all(nodes.map((node) => ask(node.patient)));
      const other = answers.findIndex((answer) => !isDeepStrictEqual(answer, answers[0]));
      if (other < 0) break;
      if (tries < TRIES) continue;
      const [one, two] = [answers[0], answers[other]].map((answer) => JSON.stringify(answer));
      throw new Error(
        `${nodes[0]!.name} and ${nodes[other]!.name} answer differently to ${name}:\n${one}\n${two}`,
      );
    }
  }
}
