import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { decodeSign1 } from "@lhg/protocol/core/cose";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Parameters } from "@lhg/protocol/core/parameters";
import { submission } from "@lhg/protocol/core/statement/submission";
import { computeCollectionCost } from "@lhg/protocol/modules/collection/collection";
import { collection } from "@lhg/protocol/modules/collection/messages";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { createDevice, type Device } from "@lhg/sdk/device/device";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { type Chain, getParameters, openChain, requireOk, submit, type Wait, waitFor } from "../chain.ts";
import { ensureCredits } from "../credit.ts";
import type { Session } from "../session.ts";
import { openAccount } from "../signing.ts";

interface RecordOptions {
  readonly stream: number;
  readonly wait: Wait;
}

const INPUT_BYTES_MAX = 16 << 20;

/** Signs what the files hold as collections of the device, then sends all that waits, earlier runs' included. */
export async function recordReadings(
  session: Session,
  keyName: string,
  files: readonly string[],
  options: RecordOptions,
): Promise<void> {
  const chain = await openChain(session);
  const account = await openAccount(session, chain.devKeys, keyName);
  const parameters = await getParameters(chain);
  const folder = join(session.options.data, "devices");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const device = await createDevice({
    signer: account.signer,
    chainId: chain.chainId,
    stream: options.stream,
    store: createFileStore(join(folder, `${toHex(account.address)}-${options.stream}.state`)),
    limits: parameters,
    crypto: nodeCrypto,
  });
  const { headSeq: before } = device.state;
  for (const file of files) await recordFile(device, file);
  const { vendor } = await chain.client.getDevice(toHex(device.address));
  await ensureCredits(session, chain, vendor, costOfWaiting(device, parameters));
  const last = await flush(session, chain, device, options.wait);
  const recorded = device.state.headSeq - before;
  session.output.result(
    {
      device: toHex(device.address),
      stream: options.stream,
      recorded,
      seq: device.state.headSeq,
      id: toHex(device.state.headId),
      height: last.height,
      status: last.status,
    },
    `Recorded ${recorded} collections up to number ${device.state.headSeq}, block ${last.height}, id ${last.id}`,
  );
}

/** Credits that the collections cost which no node has confirmed yet. */
function costOfWaiting({ state }: Device, parameters: Parameters): number {
  return state.kept
    .filter(({ seq }) => seq > state.acknowledgedSeq)
    .reduce((sum, { bytes }) => {
      const { statement } = decode(submission, bytes, "submission");
      const { readings } = decode(collection, decodeSign1(statement).payload, "collection");
      return sum + computeCollectionCost(parameters, readings.length, statement.length);
    }, 0);
}

async function recordFile(device: Device, file: string): Promise<void> {
  const bytes = file === "-" ? await readStandardInput() : new Uint8Array(await readFile(file));
  try {
    await device.record(bytes);
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    throw new LhgError(error.code, error.message, file);
  }
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

async function flush(session: Session, chain: Chain, device: Device, wait: Wait) {
  let sent = 0;
  const { problem } = await device.flush((bytes) => {
    session.output.progress(`sending collection ${++sent}`);
    return submit(chain, bytes);
  });
  if (problem !== undefined) throw problem;
  session.output.progress("waiting for the block");
  return requireOk(chain, await waitFor(chain, toHex(device.state.headId), wait));
}
