/** The stream that a device signs into: the one it remembers, or another where its memory was lost. */
import { join } from "node:path";
import { fromHex } from "@lhg/protocol/core/bytes";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { createDevice, type Device, type DeviceOptions } from "@lhg/sdk/device/device";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { makeStreamOpening } from "@lhg/sdk/transaction/messages";
import type { Chain } from "./captors.ts";
import type { Account } from "./keys.ts";
import { sendMessages } from "./transactions.ts";

export interface StreamRequest {
  readonly name: string;
  readonly device: Account;
  /** Opens another stream for it. */
  readonly vendor: Account;
  /** Folder of the states, one file a stream. */
  readonly states: string;
  readonly options: Pick<DeviceOptions, "keptBytesMax" | "batch">;
}

const STREAMS_MAX = 200;

/**
 * The last stream that the chain knows of the device. Where the device remembers nothing of it, or was refused, its
 * vendor opens the next: going on from a guess would sign a sequence twice.
 */
export async function openStream(chain: Chain, request: StreamRequest): Promise<Device> {
  const { items } = await chain.client.listStreams(request.device.hex, { limit: STREAMS_MAX });
  const last = items.at(-1);
  if (last === undefined) return openState(chain, request, 0);
  const device = await openState(chain, request, last.stream);
  const { blocked, headSeq } = device.state;
  if (blocked === null && (headSeq > 0 || last.headSeq === 0)) return device;
  const next = last.stream + 1;
  const opening = makeStreamOpening(request.device.address, next, last.stream, fromHex(last.headId));
  await sendMessages(chain, request.vendor, [opening]);
  return openState(chain, request, next);
}

function openState(
  { chainId }: Chain,
  { name, device, states, options }: StreamRequest,
  stream: number,
): Promise<Device> {
  return createDevice({
    ...options,
    signer: device.signer,
    chainId,
    stream,
    store: createFileStore(join(states, `${name}.${stream}.state`)),
    crypto: nodeCrypto,
  });
}
