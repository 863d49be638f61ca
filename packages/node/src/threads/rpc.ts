/** Calls between threads: promises over a MessagePort, errors with their code and field, work in order of arrival. */
import type { MessagePort, Worker } from "node:worker_threads";
import { LhgError } from "@lhg/protocol/core/errors";

type Endpoint = Pick<MessagePort, "postMessage" | "on"> | Pick<Worker, "postMessage" | "on">;

interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}
type Reply =
  | { readonly id: number; readonly result: unknown }
  | {
      readonly id: number;
      readonly error: { readonly code: string; readonly message: string; readonly field: string };
    };

/** What a method returns that goes on in the background: the calls after it are served meanwhile. */
export class Background<T> {
  readonly result: Promise<T>;

  constructor(result: Promise<T>) {
    this.result = result;
  }
}

type Answer<T> = Awaited<T> extends Background<infer R> ? R : Awaited<T>;

// biome-ignore lint/suspicious/noExplicitAny: arguments differ by method; both ends share the interface
export type Methods = { readonly [method: string]: (...args: any[]) => any };
export type Remote<M extends Methods> = {
  readonly [K in keyof M]: (...args: Parameters<M[K]>) => Promise<Answer<ReturnType<M[K]>>>;
};

/**
 * Serves `methods` on this port, one call at a time: those of an earlier rank before those of a later one, methods of no rank
 * last, each rank in the order of arrival. `onFatal` hears of errors that are no LhgError.
 */
export function serveCalls(
  port: Endpoint,
  methods: Methods,
  onFatal: (error: unknown) => void,
  ranks: readonly ReadonlySet<string>[] = [],
): void {
  const queues: Call[][] = [...ranks.map(() => []), []];
  const last = queues.at(-1)!;
  let isServing = false;
  const take = (): Call | undefined => queues.find((queue) => queue.length > 0)?.shift();
  const serve = async (): Promise<void> => {
    isServing = true;
    for (;;) {
      const call = take();
      if (call === undefined) break;
      await answerCall(port, methods, call, onFatal);
      // Calls that came meanwhile are heard before the next is chosen.
      if (last.length > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    isServing = false;
  };
  port.on("message", (call: Call) => {
    const rank = ranks.findIndex((methodsOfRank) => methodsOfRank.has(call.method));
    (queues[rank] ?? last).push(call);
    if (!isServing) void serve();
  });
}

async function answerCall(
  port: Endpoint,
  methods: Methods,
  { id, method, args }: Call,
  onFatal: (error: unknown) => void,
): Promise<void> {
  const answer = (result: unknown): void => port.postMessage({ id, result } satisfies Reply);
  const refuse = (error: unknown): void => {
    if (!(error instanceof LhgError)) onFatal(error);
    port.postMessage({ id, error: toPlainError(error) } satisfies Reply);
  };
  try {
    const result = await methods[method]!(...args);
    if (result instanceof Background) void result.result.then(answer).catch(refuse);
    else answer(result);
  } catch (error) {
    refuse(error);
  }
}

function toPlainError(error: unknown): { code: string; message: string; field: string } {
  if (error instanceof LhgError) return { code: error.code, message: error.message, field: error.field };
  return {
    code: "internal",
    message: error instanceof Error ? `${error.message}\n${error.stack}` : String(error),
    field: "",
  };
}

/** An error of the other side; its message already names the field. */
class RemoteError extends LhgError {
  constructor({ code, message, field }: { code: string; message: string; field: string }) {
    super(code, message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message, field);
  }
}

/** Calls what `serveCalls` serves on the other side; when the thread ends, open calls fail. */
export function connectCalls<M extends Methods>(
  port: Endpoint,
): { readonly remote: Remote<M>; readonly fail: (error: Error) => void } {
  const open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let nextId = 0;
  let failure: Error | undefined;
  port.on("message", (reply: Reply) => {
    const waiting = open.get(reply.id);
    open.delete(reply.id);
    if ("error" in reply) waiting?.reject(new RemoteError(reply.error));
    else waiting?.resolve(reply.result);
  });
  const remote = new Proxy({} as Remote<M>, {
    get:
      (_, method: string) =>
      (...args: readonly unknown[]) =>
        new Promise((resolve, reject) => {
          if (failure !== undefined) return reject(failure);
          const id = nextId++;
          open.set(id, { resolve, reject });
          port.postMessage({ id, method, args } satisfies Call);
        }),
  });
  const fail = (error: Error): void => {
    failure = error;
    for (const { reject } of open.values()) reject(error);
    open.clear();
  };
  return { remote, fail };
}
