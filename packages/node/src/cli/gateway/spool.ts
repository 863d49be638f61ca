/** What a gateway has taken and not yet captured: on disk before it is acknowledged, in order, numbered for ever. */
import { decodeUtf8, encodeUtf8 } from "@lhg/protocol/core/bytes";
import { bytes, decode, encode, record, uint } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import type { FilePort } from "../../store/file-port.ts";
import { openInboxLog } from "../../store/inbox-log.ts";

export interface SpooledEvent {
  /** From 1, ascending. */
  readonly number: number;
  readonly event: string;
}

export interface Spool {
  /** Resolves when the event survives a power cut. Rejects with `gateway.full` where too much waits. */
  add(event: string): Promise<void>;
  /** The oldest that wait, at most so many events and bytes. */
  peek(eventsMax: number, bytesMax: number): readonly SpooledEvent[];
  /** All up to this number are done. The caller has that on disk. */
  settle(through: number): void;
  readonly count: number;
  /** How many of those that wait have a number up to this one. */
  countThrough(through: number): number;
  close(): Promise<void>;
}

export interface SpoolLimits {
  readonly countMax: number;
  readonly bytesMax: number;
}

const DEFAULT_LIMITS: SpoolLimits = { countMax: 200_000, bytesMax: 64 << 20 };
const EVENT_BYTES_MAX = 1 << 20;

const spooled = record(1, { number: uint(), event: bytes({ min: 1, max: EVENT_BYTES_MAX }) });

interface Waiting extends SpooledEvent {
  readonly position: number;
}

/** `doneThrough` is the last number that is done, as its owner remembers it. Throws `inbox.*` for damaged files. */
export async function openSpool(
  files: FilePort,
  doneThrough: number,
  limits: SpoolLimits = DEFAULT_LIMITS,
): Promise<Spool> {
  const log = await openInboxLog(files, { maxRecordBytes: EVENT_BYTES_MAX + 64 });
  let waiting: Waiting[] = [];
  let nextNumber = doneThrough + 1;
  let heldBytes = 0;
  for await (const { position, record: stored } of log.recover()) {
    const { number, event } = decode(spooled, stored, "spool");
    if (number <= doneThrough) log.markSettled(position);
    else {
      waiting.push({ number, event: decodeUtf8(event), position });
      heldBytes += event.length;
      nextNumber = number + 1;
    }
  }
  let pending = 0;

  return {
    get count() {
      return waiting.length;
    },
    async add(event) {
      const stored = encodeUtf8(event);
      if (waiting.length + pending >= limits.countMax || heldBytes + stored.length > limits.bytesMax)
        throw new LhgError("gateway.full", "too much waits to be recorded; try again later");
      const number = nextNumber;
      nextNumber += 1;
      heldBytes += stored.length;
      pending += 1;
      try {
        // Appends become durable in their order, so these resolve in the order of their numbers.
        const position = await log.append(encode(spooled, { number, event: stored }, "spool"));
        waiting.push({ number, event, position });
      } catch (error) {
        heldBytes -= stored.length;
        throw error;
      } finally {
        pending -= 1;
      }
    },
    peek(eventsMax, bytesMax) {
      let sizeBytes = 0;
      const end = waiting.slice(0, eventsMax).findIndex(({ event }, i) => {
        sizeBytes += event.length;
        return i > 0 && sizeBytes > bytesMax;
      });
      return waiting.slice(0, end === -1 ? eventsMax : end);
    },
    countThrough(through) {
      const end = waiting.findIndex(({ number }) => number > through);
      return end === -1 ? waiting.length : end;
    },
    settle(through) {
      for (const { number, event, position } of waiting) {
        if (number > through) break;
        heldBytes -= encodeUtf8(event).length;
        log.markSettled(position);
      }
      waiting = waiting.filter(({ number }) => number > through);
    },
    close: () => log.close(),
  };
}
