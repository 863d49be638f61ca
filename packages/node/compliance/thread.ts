/** A thread's port in this thread: what is asked is answered later, in its turn, and not at all once the power is gone. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Random } from "../simulation/random.ts";

/** A turn of the event loop each: microtasks of everybody run between two of them. */
export async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

export interface Thread {
  /** Calls of rank 0 go first, each rank in its order, one at a time (threads/rpc.ts). */
  call<T>(rank: 0 | 1, task: () => T | Promise<T>): Promise<T>;
  /** Nothing more is done, and what is open fails with `store.closed`. */
  end(): void;
}

/** Of one way, there and back. */
const TURNS_MAX = 3;

export function createThread(random: Random): Thread {
  const queues: (() => Promise<void>)[][] = [[], []];
  const open = new Set<(error: LhgError) => void>();
  let isServing = false;
  let isOver = false;

  async function serve(): Promise<void> {
    isServing = true;
    for (;;) {
      await passTurns(random.below(TURNS_MAX));
      const next = queues.find((queue) => queue.length > 0)?.shift();
      if (next === undefined || isOver) break;
      await next();
    }
    isServing = false;
  }

  return {
    call(rank, task) {
      return new Promise((resolve, reject) => {
        if (isOver) return reject(noPower());
        open.add(reject);
        queues[rank]!.push(async () => {
          const settle = await Promise.resolve()
            .then(task)
            .then(
              (value) => () => resolve(value),
              (error) => () => reject(error),
            );
          if (open.delete(reject)) settle();
        });
        if (!isServing) void serve();
      });
    },
    end() {
      isOver = true;
      for (const reject of open) reject(noPower());
      open.clear();
    },
  };
}

function noPower(): LhgError {
  return new LhgError("store.closed", "the power is gone");
}
