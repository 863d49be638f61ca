/** Gathers what devices send into few calls of the node: it verifies, checks and fsyncs by the batch. */
import { LhgError } from "@lhg/protocol/core/errors";
import { wrapStatement } from "@lhg/protocol/core/statement/submission";
import type { NodeService, SubmitResult } from "../api/service.ts";

export interface Submitter {
  /**
   * Takes one COSE_Sign1 or one encoded submission. What one sender sends is submitted in its order. Rejects with
   * `gateway.busy` where too much waits, else as the node does. Who is known to be who it says waits for no stranger, and nobody for all that
   * another one sends: senders take turns.
   */
  submit(sender: string, payload: Uint8Array, isKnown?: boolean): Promise<SubmitResult>;
  /** Resolves when nothing is under way. */
  drain(): Promise<void>;
}

/** The initial byte of a tagged COSE_Sign1 (tag 18); a submission begins with an array. */
const SIGN1_FIRST_BYTE = 0xd2;
/** While one lane waits for the disk, the other has the verifiers busy. */
const LANES_KNOWN = 2;
const LANES_STRANGERS = 2;
const BATCH_STATEMENTS_MAX = 512;
const BATCH_BYTES_MAX = 4 << 20;
const WAITING_BYTES_MAX = 64 << 20;

interface Entry {
  readonly submission: Uint8Array;
  readonly resolve: (result: SubmitResult) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  /** By sender; who comes first is served next, and goes to the end while more of it waits. */
  readonly queues: Map<string, Entry[]>;
  running: Promise<void> | undefined;
}

export function createSubmitter(submit: NodeService["submit"]): Submitter {
  const lanes = Array.from(
    { length: LANES_KNOWN + LANES_STRANGERS },
    (): Lane => ({ queues: new Map(), running: undefined }),
  );
  let waitingBytes = 0;

  async function runLane(lane: Lane): Promise<void> {
    // What comes within one turn of the event loop goes together.
    await new Promise((resolve) => setImmediate(resolve));
    while (lane.queues.size > 0) await submitBatch(takeBatch(lane));
    lane.running = undefined;
  }

  async function submitBatch(batch: readonly Entry[]): Promise<void> {
    try {
      const results = await submit(batch.map(({ submission }) => submission));
      for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    for (const { submission } of batch) waitingBytes -= submission.length;
  }

  return {
    submit(sender, payload, isKnown = false) {
      const submission = toSubmission(payload);
      if (waitingBytes + submission.length > WAITING_BYTES_MAX)
        return Promise.reject(new LhgError("gateway.busy", "too much waits for the node; try again"));
      waitingBytes += submission.length;
      const lane = lanes[chooseLane(sender, isKnown)]!;
      return new Promise((resolve, reject) => {
        const queue = lane.queues.get(sender);
        const entry = { submission, resolve, reject };
        if (queue === undefined) lane.queues.set(sender, [entry]);
        else queue.push(entry);
        lane.running ??= runLane(lane);
      });
    },
    async drain() {
      while (lanes.some(({ running }) => running !== undefined))
        await Promise.all(lanes.map(({ running }) => running));
    },
  };
}

/** What a device publishes, as the node takes it. Whether it is a statement is the node's to say. */
export function toSubmission(payload: Uint8Array): Uint8Array {
  return payload[0] === SIGN1_FIRST_BYTE ? wrapStatement(payload) : payload;
}

/** Senders are addresses in hex: their last digits are as good as random. */
function chooseLane(sender: string, isKnown: boolean): number {
  const digit = sender.charCodeAt(sender.length - 1) || 0;
  return isKnown ? digit % LANES_KNOWN : LANES_KNOWN + (digit % LANES_STRANGERS);
}

/** One of each sender in turn; of one sender in its order. */
function takeBatch({ queues }: Lane): Entry[] {
  const batch: Entry[] = [];
  let bytes = 0;
  for (const [sender, queue] of queues) {
    const [entry] = queue;
    bytes += entry!.submission.length;
    if (batch.length > 0 && (batch.length === BATCH_STATEMENTS_MAX || bytes > BATCH_BYTES_MAX)) break;
    batch.push(queue.shift()!);
    // A map is walked in the order of insertion, and what is inserted meanwhile is walked, too.
    queues.delete(sender);
    if (queue.length > 0) queues.set(sender, queue);
  }
  return batch;
}
