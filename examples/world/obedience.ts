/** Devices take up what they are commanded: each checks the command's receipt itself, and answers among its readings. */
import { join } from "node:path";
import { decodeUtf8 } from "@lhg/protocol/core/bytes";
import { fromJson } from "@lhg/protocol/core/codec/definition";
import { genesis } from "@lhg/protocol/core/genesis";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { type CommandReceiver, createCommandReceiver, type DeviceCommand } from "@lhg/sdk/device/commands";
import type { Device } from "@lhg/sdk/device/device";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { type Trust, trustFromGenesis } from "@lhg/sdk/verify/trust";
import type { Chain } from "./captors.ts";

export interface Obedient {
  readonly name: string;
  /** Hex. */
  readonly address: string;
  /** The one it signs with at the moment. */
  readonly device: () => Device;
  readonly describe: () => string;
  readonly setInterval: (intervalMs: number) => void;
}

const INTERVAL_MS_MIN = 1_000;
const INTERVAL_MS_MAX = 60_000;

/** A real device is given this when it is set up, and never asks a node for it. */
export async function pinChain({ client }: Chain): Promise<Trust> {
  const { genesis: json } = await client.getChain();
  return trustFromGenesis(fromJson(genesis, json, "genesis"), { hasher: nodeCrypto });
}

export function openReceiver(
  folder: string,
  trust: Trust,
  { name, device }: Obedient,
): Promise<CommandReceiver> {
  return createCommandReceiver({
    device: { address: device().address, record: (readings) => device().record(readings) },
    trust,
    store: createFileStore(join(folder, `${name}.commands`)),
    nowMs: Date.now,
    crypto: nodeCrypto,
  });
}

/** Follows what waits for the device; what does not hold is passed over and complained of. */
export async function obey(
  { client }: Chain,
  receiver: CommandReceiver,
  obedient: Obedient,
  onProblem: (error: unknown, device: string) => void,
): Promise<void> {
  const { items } = await client.listCommands(obedient.address, { state: "pending" });
  for (const { id, number } of items) {
    if (number <= receiver.lastNumber) continue;
    const { bytes } = await client.getReceipt(id);
    const verdict = await receiver.receive(bytes, (command) => follow(obedient, command));
    if (!verdict.ok) onProblem(new Error(`${verdict.message} (${verdict.code})`), obedient.name);
  }
}

function follow({ describe, setInterval }: Obedient, { name, payload }: DeviceCommand): string {
  if (name === "identify") return `done: ${describe()}`;
  if (name !== "configure") return "refused: knows configure and identify";
  const { intervalMs } = JSON.parse(decodeUtf8(payload)) as { intervalMs?: unknown };
  if (
    !Number.isSafeInteger(intervalMs) ||
    (intervalMs as number) < INTERVAL_MS_MIN ||
    (intervalMs as number) > INTERVAL_MS_MAX
  )
    return `refused: intervalMs must be ${INTERVAL_MS_MIN} to ${INTERVAL_MS_MAX}`;
  setInterval(intervalMs as number);
  return "done";
}
