import { readFile } from "node:fs/promises";
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Wait } from "../chain.ts";
import { findDevKeys, loadDevKeys } from "../dev-keys.ts";
import {
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
  const signer = {
    publicKey: key,
    sign: () => {
      throw new LhgError("device.locked", "only sends what is signed already", keyName);
    },
  };
  const desk = await openDesk(session, { name: keyName, signer, stream: options.stream, memory });
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
