/**
 * From the spool to the chain: each event in one capture that succeeds. A capture is on disk before it is sent, and another one is made
 * for the same events only where the chain shows that the first can never be admitted.
 */
import { type Address, digest } from "@lhg/protocol/core/account";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import {
  array,
  bytes,
  decode,
  encode,
  type Infer,
  nullable,
  record,
  uint,
} from "@lhg/protocol/core/codec/definition";
import type { Signer } from "@lhg/protocol/core/cose";
import { LhgError } from "@lhg/protocol/core/errors";
import { buildCapture } from "@lhg/sdk/capture/build";
import type { Client } from "@lhg/sdk/client/client";
import type { Refusal, StatementState, SubmitResult } from "@lhg/sdk/client/types";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import type { createFileStore } from "@lhg/sdk/device/file-store";
import { makeDocument } from "./event.ts";
import type { Spool } from "./spool.ts";

const CAPTURE_BYTES_MAX = 5 << 20;
const DOCUMENT_BYTES_MAX = 512 << 10;
const ATTEMPTS_MAX = 1_000;
const WAIT_MS = 5_000;

const attempt = record(undefined, { id: digest, captureSeq: uint() });
const memory = record(1, {
  /** Events up to this number are recorded, or refused for good. */
  doneThrough: uint(),
  /** Up to this number events go alone: one of them spoiled a capture of many. */
  aloneThrough: uint(),
  batch: nullable(
    record(undefined, {
      through: uint(),
      /** Captures signed for these events, the last one in force. */
      attempts: array(attempt, { min: 1, max: ATTEMPTS_MAX }),
      signedBy: bytes({ min: 32, max: 33 }),
      bytes: bytes({ min: 1, max: CAPTURE_BYTES_MAX }),
    }),
  ),
});
type Memory = Infer<typeof memory>;
type Batch = NonNullable<Memory["batch"]>;
type DeviceStore = ReturnType<typeof createFileStore>;

export interface OutboxParts {
  readonly client: Pick<Client, "submit" | "waitFor" | "getStatementState" | "getStatement" | "getVendor">;
  readonly chainId: string;
  readonly vendor: Address;
  readonly signer: Signer;
  readonly store: DeviceStore;
  readonly spool: Spool;
  readonly eventsMax: number;
  readonly nowMs: () => number;
  /** Keeps an event that the chain refuses for good, durably. */
  readonly keepRefused: (event: string, reason: Refusal) => Promise<void>;
  readonly onRecorded: (events: number, id: string, height: number) => void;
}

/** `waits`: try again later, for this reason. */
export type StepResult =
  | { readonly state: "idle" | "done" }
  | { readonly state: "waits"; readonly reason: Refusal };

export interface Outbox {
  /** Takes the oldest events one step further. Rejects with `client.*` where the node cannot be reached. */
  step(): Promise<StepResult>;
}

export async function loadDoneThrough(store: DeviceStore): Promise<number> {
  return (await loadMemory(store)).doneThrough;
}

async function loadMemory(store: DeviceStore): Promise<Memory> {
  const stored = await store.load();
  return stored === undefined
    ? { doneThrough: 0, aloneThrough: 0, batch: null }
    : decode(memory, stored, "gateway.state");
}

export async function openOutbox(parts: OutboxParts): Promise<Outbox> {
  const { client, spool, store } = parts;
  const vendor = toHex(parts.vendor);
  let state = await loadMemory(store);

  async function save(next: Memory): Promise<void> {
    await store.save(encode(memory, next, "gateway.state"));
    state = next;
  }

  /** Signs the oldest events under the number that the chain expects next. */
  async function sign(count: number, before: Batch["attempts"]): Promise<Batch> {
    const events = spool.peek(count, DOCUMENT_BYTES_MAX);
    const { nextCaptureSeq: captureSeq } = await client.getVendor(vendor);
    const signed = buildCapture({
      chainId: parts.chainId,
      vendor: parts.vendor,
      captureSeq,
      document: makeDocument(
        events.map(({ event }) => event),
        parts.nowMs(),
      ),
      signer: parts.signer,
      hasher: nodeCrypto,
    });
    const attempts = [...before, { id: signed.id, captureSeq }].slice(-ATTEMPTS_MAX);
    const { bytes: signedBy } = parts.signer.publicKey;
    const batch = { through: events.at(-1)!.number, attempts, signedBy, bytes: signed.bytes };
    await save({ ...state, batch });
    return batch;
  }

  function countOf({ through }: Batch): number {
    return spool.countThrough(through);
  }

  async function finish(through: number): Promise<void> {
    await save({ ...state, doneThrough: through, batch: null });
    spool.settle(through);
  }

  /** A capture that failed took its number: its events go alone, and one that fails alone is kept aside. */
  async function giveUp(batch: Batch, reason: Refusal): Promise<StepResult> {
    if (countOf(batch) > 1) {
      await save({ ...state, aloneThrough: batch.through, batch: null });
      return { state: "done" };
    }
    const [entry] = spool.peek(1, DOCUMENT_BYTES_MAX);
    if (entry !== undefined) await parts.keepRefused(entry.event, reason);
    await finish(batch.through);
    return { state: "done" };
  }

  async function conclude(batch: Batch, id: string, found: StatementState): Promise<StepResult | undefined> {
    if (found.state !== "committed" && found.state !== "provable") return undefined;
    if (found.status !== "ok") return giveUp(batch, await describeFailure(id, found.status));
    const events = countOf(batch);
    await finish(batch.through);
    parts.onRecorded(events, id, found.height);
    return { state: "done" };
  }

  async function describeFailure(id: string, status: string): Promise<Refusal> {
    const { failure } = await client.getStatement(id);
    return { code: status, field: failure?.field ?? "", message: failure?.message ?? "had no effect" };
  }

  async function findConcluded({
    attempts,
  }: Batch): Promise<{ id: string; found: StatementState } | undefined> {
    for (const { id } of attempts.map((entry) => ({ id: toHex(entry.id) }))) {
      const found = await client.getStatementState(id);
      if (found.state === "committed" || found.state === "provable") return { id, found };
    }
    return undefined;
  }

  /** One of the captures signed for these events may be on chain; else they are signed anew once its number is another's. */
  async function resolve(batch: Batch, reason: Refusal): Promise<StepResult> {
    const { nextCaptureSeq } = await client.getVendor(vendor);
    // Asked after the number: what took it is committed by then.
    const concluded = await findConcluded(batch);
    if (concluded !== undefined) return (await conclude(batch, concluded.id, concluded.found))!;
    const isTaken = nextCaptureSeq > batch.attempts.at(-1)!.captureSeq;
    if (!isTaken && isContentRefused(reason)) return giveUp(batch, reason);
    if (!isTaken && equalBytes(batch.signedBy, parts.signer.publicKey.bytes))
      return { state: "waits", reason };
    // Its number is another's, or its key is no longer this gateway's. Of two under one number the chain takes one.
    await sign(countOf(batch), batch.attempts);
    return { state: "done" };
  }

  return {
    async step() {
      if (state.batch === null && spool.count === 0) return { state: "idle" };
      const alone = state.doneThrough < state.aloneThrough;
      const batch = state.batch ?? (await sign(alone ? 1 : parts.eventsMax, []));
      const id = toHex(batch.attempts.at(-1)!.id);
      const result: SubmitResult = await client.submit(batch.bytes);
      if (result.state === "refused") return resolve(batch, result);
      if (result.state === "not-yet") return { state: "waits", reason: result };
      const found = await client.waitFor(id, { until: "committed", timeoutMs: WAIT_MS });
      const concluded = await conclude(batch, id, found);
      if (concluded !== undefined) return concluded;
      if (found.state === "refused") return resolve(batch, found);
      const waitingFor = found.state === "pending" ? found.waitingFor : undefined;
      return { state: "waits", reason: waitingFor ?? NOT_YET };
    },
  };
}

const NOT_YET: Refusal = { code: "statement.waiting", field: "", message: "waits for its block" };

/** What signing again does not mend, as opposed to keys, standing and numbers. */
function isContentRefused({ code }: Refusal): boolean {
  return code === "statement.oversize" || code === "capture.events" || code === "capture.content-type";
}

/** An error that time may mend: nothing is lost by trying again. */
export function isTransient(error: unknown): error is LhgError {
  return (
    error instanceof LhgError &&
    /^(?:client\.(?:unreachable|timeout|answer)|node\.|mempool\.|rate\.|inbox\.full)/.test(error.code)
  );
}
