/** Hands commands to the devices that listen for them: what waits when they subscribe, and what becomes provable later. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { ChainUpdate } from "../../api/service.ts";
import type { CommandSource } from "../command-source.ts";
import type { Session } from "./session.ts";

export interface CommandDesk {
  /** The session has subscribed. */
  serve(session: Session): void;
  leave(session: Session): void;
  onBlock(update: ChainUpdate): void;
}

export interface DeskParts {
  readonly source: CommandSource;
  /** Addresses that transactions of this block name: only their commands are looked for. */
  readonly listNamed: (height: number) => Promise<ReadonlySet<string>>;
  readonly send: (session: Session, receipt: Uint8Array) => boolean;
  readonly onError: (error: unknown) => void;
}

/** Who is further behind looks at everybody once instead. */
const HEIGHTS_MAX = 100;
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 5_000;

export function createCommandDesk({ source, listNamed, send, onError }: DeskParts): CommandDesk {
  const listeners = new Map<string, Session>();
  /** Sessions to look after, one after the other: the ledger answers others too. */
  const due = new Set<Session>();
  let unproven: number[] = [];
  /** Provable and not looked through yet. */
  const heights = new Set<number>();
  let isWorking = false;
  let retryMs = RETRY_FIRST_MS;

  function wake(): void {
    if (isWorking) return;
    isWorking = true;
    void work();
  }

  /** Never rejects. Nothing can become due between its last look and the end of its work. */
  async function work(): Promise<void> {
    while (due.size > 0 || heights.size > 0) {
      try {
        await lookThroughNext();
        retryMs = RETRY_FIRST_MS;
      } catch (error) {
        if (isBusy(error)) {
          // Whoever wakes it meanwhile has no ledger to ask either.
          setTimeout(() => void work(), retryMs).unref();
          retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
          return;
        }
        // Other errors of the ledger are of this device, such as one that is not registered.
        if (!(error instanceof LhgError)) onError(error);
      }
    }
    isWorking = false;
  }

  /** What the ledger is too busy to answer stays due. */
  async function lookThroughNext(): Promise<void> {
    const height = heights.values().next().value;
    if (height !== undefined) {
      heights.delete(height);
      try {
        await findNamed(height);
      } catch (error) {
        if (isBusy(error)) addHeights([height]);
        throw error;
      }
    }
    const session = due.values().next().value;
    if (session === undefined) return;
    // Taken out first: what becomes of it while it is looked after makes it due again.
    due.delete(session);
    try {
      await deliver(session);
    } catch (error) {
      if (isBusy(error) && listeners.get(session.device) === session) due.add(session);
      throw error;
    }
  }

  function addHeights(added: readonly number[]): void {
    for (const height of added) heights.add(height);
    if (heights.size <= HEIGHTS_MAX) return;
    heights.clear();
    for (const session of listeners.values()) due.add(session);
  }

  async function findNamed(height: number): Promise<void> {
    for (const device of await listNamed(height)) {
      const session = listeners.get(device);
      if (session !== undefined) due.add(session);
    }
  }

  async function deliver(session: Session): Promise<void> {
    for (const { id, number } of await source.listPending(session.device)) {
      if (number <= session.commandNumber) continue;
      let receipt: Uint8Array;
      try {
        receipt = await source.getReceipt(id);
      } catch (error) {
        // The block that proves it comes at once, and names the device in the one before.
        if (error instanceof LhgError && error.code === "proof.not-yet") return;
        throw error;
      }
      if (!send(session, receipt)) return;
      session.commandNumber = number;
    }
  }

  return {
    serve(session) {
      listeners.set(session.device, session);
      due.add(session);
      wake();
    },
    leave(session) {
      if (listeners.get(session.device) === session) listeners.delete(session.device);
      due.delete(session);
      if (listeners.size === 0) heights.clear();
    },
    onBlock({ height, provableHeight = -1, executed }) {
      if (listeners.size === 0) unproven = [];
      else if (executed.length > 0) unproven.push(height);
      const provable = unproven.filter((each) => each <= provableHeight);
      if (provable.length === 0) return;
      unproven = unproven.filter((each) => each > provableHeight);
      addHeights(provable);
      wake();
    },
  };
}

function isBusy(error: unknown): boolean {
  return error instanceof LhgError && error.code === "node.busy";
}
