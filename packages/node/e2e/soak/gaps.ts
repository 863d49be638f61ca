/** A device that sends its newest collection before older ones that wait: the chain records a gap, and the device fills it downward. */
import type { Client } from "@lhg/sdk/client/client";
import type { createMqttSend } from "@lhg/sdk/device/mqtt-send";
import type { TestDevice } from "../mqtt-devices.ts";

/** Older collections that wait while the newest is sent. */
const GAP_COLLECTIONS = 2;
const RETRY_MS = 250;
/** Kills and restarts of the node come in between. */
const DEADLINE_MS = 60_000;

export interface GapParts {
  readonly device: TestDevice;
  readonly client: Client;
  readonly send: ReturnType<typeof createMqttSend>;
  /** Signs one collection, and sends nothing. */
  readonly record: () => Promise<void>;
  /** Hears of the gap once the chain shows it, and once it shows none there any more. */
  readonly note: (what: "made" | "filled") => void;
}

/** Nothing else may send for the device meanwhile. */
export async function makeAndFillGap({ device, client, send, record, note }: GapParts): Promise<void> {
  const { kit, address } = device;
  for (let i = 0; i <= GAP_COLLECTIONS; i++) await record();
  const { headSeq, kept } = kit.state;
  const newest = kept.find(({ seq }) => seq === headSeq)!;
  const gap = { from: headSeq - GAP_COLLECTIONS, to: headSeq - 1 };
  await insist(() => send(newest.bytes));
  const isOpen = async (): Promise<boolean> => {
    const stream = await client.getStream(address, 0);
    if (stream.headSeq < headSeq) throw new Error("is not in a block yet");
    return stream.gaps.some(({ from, to }) => from <= gap.to && to >= gap.from);
  };
  if (!(await insist(isOpen))) throw new Error(`${address} has no gap below ${headSeq}`);
  note("made");
  await insist(() => kit.fill(gap, send));
  await insist(async () => {
    if (await isOpen()) throw new Error("is not in a block yet");
  });
  note("filled");
}

/** Again while the node is away, or does not take it yet. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
