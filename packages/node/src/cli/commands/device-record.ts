import { readFile } from "node:fs/promises";
import { toHex } from "@lhg/protocol/core/bytes";
import type { Signer } from "@lhg/protocol/core/cose";
import type { PublicKey } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Chain, requireOk, submit, type Wait, waitFor } from "../chain.ts";
import { ensureCredits } from "../credit.ts";
import { findDevKeys, loadDevKeys } from "../dev-keys.ts";
import {
  costOfKept,
  countWaiting,
  type Desk,
  type DeviceMemory,
  describeKept,
  keptError,
  openDesk,
  type Reached,
  recallDevice,
  rememberDevice,
  sendWaiting,
  tryChain,
} from "../device-desk.ts";
import { formatCount } from "../output.ts";
import type { Session } from "../session.ts";
import { openAccount, resolvePublicKey } from "../signing.ts";

interface RecordOptions {
  readonly stream: number;
  readonly wait: Wait;
}

const INPUT_BYTES_MAX = 16 << 20;

interface Input {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** Signs what the files hold as collections of the device, then sends all that waits, earlier runs' included. */
export async function recordReadings(
  session: Session,
  keyName: string,
  files: readonly string[],
  options: RecordOptions,
): Promise<void> {
  const inputs: Input[] = [];
  for (const file of files) inputs.push({ file, bytes: await readInput(file) });
  const reached = await tryChain(session);
  const { address } = await resolvePublicKey(session, await loadDevKeys(session.options.data), keyName);
  const memory = await findMemory(session, reached, address);
  const { signer } = await openAccount(
    session,
    await findDevKeys(session.options.data, memory.chainId),
    keyName,
  );
  const desk = await openDesk(session, { name: keyName, signer, stream: options.stream, memory });
  const { device } = desk;
  const { headSeq: before } = device.state;
  for (const { file, bytes } of inputs) await naming(file, async () => device.check(bytes));
  try {
    for (const { file, bytes } of inputs) await naming(file, () => device.record(bytes));
  } catch (error) {
    if (countWaiting(desk) > 0) session.output.note(describeKept(desk));
    throw error;
  }
  if (reached instanceof LhgError) throw keptError(desk);
  const { sent, last } = await sendWaiting(session, reached, desk, options.wait);
  const recorded = device.state.headSeq - before;
  session.output.result(
    { ...describeDesk(desk), recorded, sent, height: last.height, status: last.status },
    `Recorded ${formatCount(recorded, "collection")} up to number ${device.state.headSeq}, block ${last.height}, id ${last.id}`,
  );
  if (sent > recorded) session.output.note(`Sent ${formatCount(sent - recorded, "collection")} that waited.`);
}

/** Sends what waits; that is signed already, so no passphrase is asked for. */
export async function flushReadings(
  session: Session,
  keyName: string,
  options: RecordOptions,
): Promise<void> {
  const reached = await tryChain(session);
  const { address, key } = await resolvePublicKey(session, await loadDevKeys(session.options.data), keyName);
  const memory = await findMemory(session, reached, address);
  const desk = await openDesk(session, {
    name: keyName,
    signer: makeLockedSigner(keyName, key),
    stream: options.stream,
    memory,
  });
  if (countWaiting(desk) === 0) {
    session.output.result({ ...describeDesk(desk), sent: 0 }, "Nothing waits.");
    return;
  }
  if (reached instanceof LhgError) throw keptError(desk);
  const { sent, last } = await sendWaiting(session, reached, desk, options.wait);
  session.output.result(
    { ...describeDesk(desk), sent, height: last.height, status: last.status },
    `Sent ${formatCount(sent, "collection")} up to number ${desk.device.state.headSeq}, block ${last.height}, id ${last.id}`,
  );
}

function makeLockedSigner(keyName: string, publicKey: PublicKey): Signer {
  return {
    publicKey,
    sign: () => {
      throw new LhgError("device.locked", "only sends what is signed already", keyName);
    },
  };
}

interface Gap {
  readonly from: number;
  readonly to: number;
}

/**
 * Sends what is kept of each gap that the chain shows in the device's stream, from the top down: each collection is known by the
 * id that the one above it names. Throws `device.forgotten` once all that is kept was sent, where something is not kept.
 */
export async function fillGaps(session: Session, keyName: string, options: RecordOptions): Promise<void> {
  const reached = await tryChain(session);
  if (reached instanceof LhgError) throw reached;
  const { client } = reached.chain;
  const { address, key } = await resolvePublicKey(session, await loadDevKeys(session.options.data), keyName);
  const memory = await findMemory(session, reached, address);
  const signer = makeLockedSigner(keyName, key);
  const desk = await openDesk(session, { name: keyName, signer, stream: options.stream, memory });
  const { device, stream } = desk;
  const { gaps } = await client.getStream(toHex(address), stream);
  const kept = new Map(device.state.kept.map((entry) => [entry.seq, entry]));
  const plans = gaps.map((gap) => planGap(gap, kept));
  const sendable = plans.filter(({ from, to }) => from <= to);
  const forgotten = plans.filter(({ lowest, from }) => lowest < from);
  const filled = sendable.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  if (filled > 0) {
    const { vendor } = await client.getDevice(toHex(address));
    const cost = sendable.reduce((sum, gap) => sum + costOfKept(device, reached.parameters, gap), 0);
    await ensureCredits(session, reached.chain, vendor, cost);
  }
  let sent = 0;
  for (const gap of sendable) {
    const submitFill = createFillSubmit(reached.chain);
    await device.fill(gap, (bytes) => {
      session.output.progress(`sending collection ${++sent} of ${filled}`);
      return submitFill(bytes);
    });
  }
  session.output.progress("waiting for the block");
  for (const { from } of sendable)
    await requireOk(reached.chain, await waitFor(reached.chain, toHex(kept.get(from)!.id), options.wait));
  const { gaps: left } = filled === 0 ? { gaps } : await client.getStream(toHex(address), stream);
  if (forgotten.length > 0) {
    if (filled > 0) session.output.note(`Filled ${formatCount(filled, "collection")}.`);
    const ranges = forgotten.map(({ lowest, from }) => describeRange(lowest, from - 1)).join(", ");
    throw new LhgError(
      "device.forgotten",
      `${ranges} cannot be sent from here, where not all is kept any more`,
      keyName,
    );
  }
  session.output.result(
    { ...describeDesk(desk), gaps: gaps.length, filled, left: left.length },
    gaps.length === 0
      ? "The stream has no gaps."
      : `Filled ${formatCount(filled, "collection")} of ${formatCount(gaps.length, "gap")}; ${left.length === 0 ? "none remains" : `${formatCount(left.length, "gap")} remain`}.`,
  );
}

/** A node takes a fill once the one above it is in a block. */
function createFillSubmit(chain: Chain): (bytes: Uint8Array) => Promise<void> {
  let above: string | undefined;
  return async (bytes) => {
    try {
      above = await submit(chain, bytes);
    } catch (error) {
      const isEarly = error instanceof LhgError && error.code === "collection.fill-order";
      if (!isEarly || above === undefined) throw error;
      await waitFor(chain, above, "committed");
      above = await submit(chain, bytes);
    }
  };
}

/** The part of a gap that is kept without a break below its upper end; `from` is above `to` where nothing is. */
function planGap({ from: lowest, to }: Gap, kept: ReadonlyMap<number, unknown>): Gap & { lowest: number } {
  let from = to + 1;
  while (from > lowest && kept.has(from - 1)) from -= 1;
  return { lowest, from, to };
}

function describeRange(from: number, to: number): string {
  return from === to ? `collection ${from}` : `collections ${from} to ${to}`;
}

/** What the chain says, which is remembered; where it cannot be reached, what was remembered. */
async function findMemory(
  session: Session,
  reached: Reached | LhgError,
  address: Uint8Array,
): Promise<DeviceMemory> {
  if (reached instanceof LhgError) {
    const remembered = await recallDevice(session, address);
    if (remembered === undefined) throw reached;
    return remembered;
  }
  const memory = { ...reached.parameters, chainId: reached.chain.chainId };
  await rememberDevice(session, address, memory);
  return memory;
}

function describeDesk({ device, stream }: Desk): object {
  const { headSeq, headId } = device.state;
  return { device: toHex(device.address), stream, seq: headSeq, id: toHex(headId) };
}

async function naming(file: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    throw new LhgError(error.code, error.message, file);
  }
}

async function readInput(file: string): Promise<Uint8Array> {
  return file === "-" ? readStandardInput() : new Uint8Array(await readFile(file));
}

async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of process.stdin) {
    sizeBytes += (chunk as Buffer).length;
    if (sizeBytes > INPUT_BYTES_MAX)
      throw new LhgError("file.too-large", `must be at most ${INPUT_BYTES_MAX} bytes`, "-");
    chunks.push(chunk as Buffer);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
