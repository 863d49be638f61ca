/** A device of this machine: what it has recorded, and what it must know to record while no node can be reached. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deriveAddress } from "@lhg/protocol/core/account";
import { toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { decodeSign1, type Signer } from "@lhg/protocol/core/cose";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Parameters } from "@lhg/protocol/core/parameters";
import { submission } from "@lhg/protocol/core/statement/submission";
import { computeCollectionCost } from "@lhg/protocol/modules/collection/collection";
import { collection } from "@lhg/protocol/modules/collection/messages";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { createDevice, type Device } from "@lhg/sdk/device/device";
import { createFileStore } from "@lhg/sdk/device/file-store";
import {
  type Chain,
  getParameters,
  openChain,
  requireOk,
  type Settled,
  submit,
  type Wait,
  waitFor,
} from "./chain.ts";
import { ensureCredits } from "./credit.ts";
import { UNREACHABLE_CODES } from "./exit-codes.ts";
import { formatCount } from "./output.ts";
import { commandName, type GlobalOptions, type Session } from "./session.ts";

type Limits = Pick<Parameters, "collectionReadingsMax" | "collectionSizeBytesMax">;

/** What is remembered of the chain of a device, in `<data>/devices/<address>.json`. */
export interface DeviceMemory extends Limits {
  readonly chainId: string;
}

export interface Reached {
  readonly chain: Chain;
  readonly parameters: Parameters;
}

/** The chain, or the error for which it cannot be reached; any other error is thrown. */
export async function tryChain(session: Session): Promise<Reached | LhgError> {
  try {
    const chain = await openChain(session);
    return { chain, parameters: await getParameters(chain) };
  } catch (error) {
    if (isUnreachable(error)) return error;
    throw error;
  }
}

function isUnreachable(error: unknown): error is LhgError {
  return error instanceof LhgError && UNREACHABLE_CODES.has(error.code);
}

function folderOf({ data }: GlobalOptions): string {
  return join(data, "devices");
}

/** Where a device of this machine remembers which commands it took up; its folder is there. */
export async function preparePathOfCommands({ options }: Session, address: Uint8Array): Promise<string> {
  const folder = folderOf(options);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return join(folder, `${toHex(address)}.commands`);
}

export async function rememberDevice(
  { options }: Session,
  address: Uint8Array,
  { chainId, collectionReadingsMax, collectionSizeBytesMax }: DeviceMemory,
): Promise<void> {
  const path = memoryPathOf(options, address);
  const memory: DeviceMemory = { chainId, collectionReadingsMax, collectionSizeBytesMax };
  const text = `${JSON.stringify(memory, undefined, 2)}\n`;
  if ((await readIfThere(path)) === text) return;
  await mkdir(folderOf(options), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.next`, text, { mode: 0o600, flush: true });
  await rename(`${path}.next`, path);
}

/** Undefined for a device that was never in contact with a chain from here. Throws `device.memory` for a damaged file. */
export async function recallDevice(
  { options }: Session,
  address: Uint8Array,
): Promise<DeviceMemory | undefined> {
  const path = memoryPathOf(options, address);
  const text = await readIfThere(path);
  return text === undefined ? undefined : parseMemory(text, path);
}

function memoryPathOf(options: GlobalOptions, address: Uint8Array): string {
  return join(folderOf(options), `${toHex(address)}.json`);
}

function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

function parseMemory(text: string, path: string): DeviceMemory {
  try {
    const memory = JSON.parse(text) as Partial<DeviceMemory> | null;
    const { chainId, collectionReadingsMax, collectionSizeBytesMax } = memory ?? {};
    if (
      typeof chainId === "string" &&
      Number.isSafeInteger(collectionReadingsMax) &&
      Number.isSafeInteger(collectionSizeBytesMax)
    )
      return memory as DeviceMemory;
  } catch {
    // Said below, as for every other text that is no memory.
  }
  throw new LhgError("device.memory", "does not say of which chain the device is: remove it", path);
}

export interface Desk {
  readonly name: string;
  readonly stream: number;
  readonly device: Device;
}

/** Opens what the device has recorded here. Throws `device.state-foreign` where that is of another chain. */
export async function openDesk(
  session: Session,
  { name, signer, stream, memory }: Pick<Desk, "name" | "stream"> & { signer: Signer; memory: DeviceMemory },
): Promise<Desk> {
  const folder = folderOf(session.options);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const fileOf = (address: Uint8Array): string => join(folder, `${toHex(address)}-${stream}.state`);

  const device = await createDevice({
    signer,
    chainId: memory.chainId,
    stream,
    store: createFileStore(fileOf(deriveAddress(nodeCrypto, signer.publicKey))),
    limits: memory,
    crypto: nodeCrypto,
  });
  return { name, stream, device };
}

export function countWaiting({ device: { state } }: Desk): number {
  return state.headSeq - state.acknowledgedSeq;
}

/** Where the readings stand, and how they get on: said whenever something stops them. */
export function describeKept({ name, stream, device }: Desk): string {
  const { headSeq, acknowledgedSeq, blocked } = device.state;
  const waiting = headSeq - acknowledgedSeq;
  if (blocked !== null)
    return `Kept: ${formatCount(waiting, "collection")}, of which the chain takes none in this stream (${blocked})`;
  const option = stream === 0 ? "" : ` --stream ${stream}`;
  const flush = `${commandName()} device flush ${name}${option}`;
  const text = waiting === 1 ? "1 collection waits; it is" : `${waiting} collections wait; they are`;
  return `Kept: ${text} sent with the next record or with: ${flush}`;
}

export interface Sent {
  readonly sent: number;
  readonly last: Settled;
}

/**
 * Sends what waits and waits for the last of it. Nothing is lost where that fails: throws `device.kept` where no node was
 * reached, else says what is kept and throws why it stopped.
 */
export async function sendWaiting(
  session: Session,
  { chain, parameters }: Reached,
  desk: Desk,
  wait: Wait,
): Promise<Sent> {
  const { device } = desk;
  const before = device.state.acknowledgedSeq;
  try {
    const { vendor } = await chain.client.getDevice(toHex(device.address));
    if (countWaiting(desk) > 0)
      await ensureCredits(
        session,
        chain,
        vendor,
        costOfKept(device, parameters, {
          from: device.state.acknowledgedSeq + 1,
          to: device.state.headSeq,
        }),
      );
    let sent = 0;
    const { problem } = await device.flush((bytes) => {
      session.output.progress(`sending collection ${++sent}`);
      return submit(chain, bytes);
    });
    if (problem !== undefined) throw problem;
  } catch (error) {
    if (isUnreachable(error)) throw keptError(desk);
    if (countWaiting(desk) > 0) session.output.note(describeKept(desk));
    throw error;
  }
  session.output.progress("waiting for the block");
  const last = await requireOk(chain, await waitFor(chain, toHex(device.state.headId), wait));
  return { sent: device.state.acknowledgedSeq - before, last };
}

export function keptError(desk: Desk): LhgError {
  return new LhgError("device.kept", describeKept(desk));
}

/** Credits that the collections `from`..`to` cost. */
export function costOfKept(
  { state }: Device,
  parameters: Parameters,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  return state.kept
    .filter(({ seq }) => seq >= from && seq <= to)
    .reduce((sum, { bytes }) => {
      const { statement } = decode(submission, bytes, "submission");
      const { readings } = decode(collection, decodeSign1(statement).payload, "collection");
      return sum + computeCollectionCost(parameters, readings.length, statement.length);
    }, 0);
}
