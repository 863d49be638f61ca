/** Hands commands to the devices that listen for them: what waits when they subscribe, and what becomes provable later. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { ChainUpdate } from "../../api/service.ts";
import type { Session } from "./session.ts";

export interface CommandSource {
  /** Commands without acknowledgement, in the order in which the device is to follow them. */
  listPending(device: string): Promise<readonly { readonly id: string; readonly number: number }[]>;
  /** The encoded receipt of a command's statement. Throws `proof.not-yet`. */
  getReceipt(id: string): Promise<Uint8Array>;
}

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

export function createCommandDesk({ source, listNamed, send, onError }: DeskParts): CommandDesk {
  const listeners = new Map<string, Session>();
  /** Sessions to look after, one after the other: the ledger answers others too. */
  const due = new Set<Session>();
  let unproven: number[] = [];
  /** Provable and not looked through yet. */
  let heights: number[] = [];
  let isWorking = false;

  function wake(): void {
    if (isWorking) return;
    isWorking = true;
    work().finally(() => {
      isWorking = false;
    });
  }

  async function work(): Promise<void> {
    while (due.size > 0 || heights.length > 0) {
      const height = heights.shift();
      try {
        if (height !== undefined) await findNamed(height);
        const session = due.values().next().value;
        if (session === undefined) continue;
        due.delete(session);
        await deliver(session);
      } catch (error) {
        // A busy ledger: what is due stays pending on the chain, and is looked for when the device subscribes again.
        if (!(error instanceof LhgError)) onError(error);
      }
    }
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
    },
    onBlock({ height, provableHeight = -1, executed }) {
      if (listeners.size === 0) unproven = [];
      else if (executed.length > 0) unproven.push(height);
      const provable = unproven.filter((each) => each <= provableHeight);
      if (provable.length === 0) return;
      unproven = unproven.filter((each) => each > provableHeight);
      heights.push(...provable);
      if (heights.length > HEIGHTS_MAX) {
        heights = [];
        for (const session of listeners.values()) due.add(session);
      }
      wake();
    },
  };
}
