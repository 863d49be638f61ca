/** Asks the worker and waits. One worker for the page, started when the first proof comes. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { AnswerTo, Job, Reply, Request } from "./messages.ts";

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

const waiting = new Map<number, Waiting>();
let worker: Worker | undefined;
let asked = 0;

/** Rejects with LhgError; `verify.worker` where the browser can't run the worker at all. */
export function check<J extends Job>(job: J): Promise<AnswerTo<J>> {
  const asking = startWorker();
  const number = asked++;
  return new Promise((resolve, reject) => {
    waiting.set(number, { resolve, reject });
    asking.postMessage({ number, job } satisfies Request);
  });
}

function startWorker(): Worker {
  if (worker !== undefined) return worker;
  const started = new Worker(new URL("./verify-worker.ts", import.meta.url), { type: "module" });
  started.onmessage = ({ data }: MessageEvent<Reply>) => {
    const asker = waiting.get(data.number);
    waiting.delete(data.number);
    if (asker === undefined) return;
    if ("answer" in data) asker.resolve(data.answer as never);
    else asker.reject(new LhgError(data.problem.code, data.problem.message, data.problem.field));
  };
  started.onerror = ({ message }) => {
    worker = undefined;
    started.terminate();
    for (const { reject } of waiting.values())
      reject(
        new LhgError("verify.worker", message || "the verifier could not be started in this browser", ""),
      );
    waiting.clear();
  };
  worker = started;
  return started;
}
