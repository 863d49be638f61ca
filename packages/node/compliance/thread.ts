/** A thread's port in this thread: what is asked is answered later, in its turn, and not at all once the power is gone. */
import type { Random } from "../simulation/random.ts";

/** A turn of the event loop each: microtasks of everybody run between two of them. */
export async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

export interface Thread {
  /** Calls of rank 0 go first, each rank in its order, one at a time (threads/rpc.ts). */
  call<T>(rank: 0 | 1, task: () => T | Promise<T>): Promise<T>;
  /** Nothing of it is heard any more. */
  end(): void;
}

/** Of one way, there and back. */
const TURNS_MAX = 3;

export function createThread(random: Random): Thread {
  const queues: (() => Promise<void>)[][] = [[], []];
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
        queues[rank]!.push(async () => {
          const result = await Promise.resolve()
            .then(task)
            .then(
              (value) => () => resolve(value),
              (error) => () => reject(error),
            );
          if (!isOver) result();
        });
        if (!isServing && !isOver) void serve();
      });
    },
    end() {
      isOver = true;
    },
  };
}
