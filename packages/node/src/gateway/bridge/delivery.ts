/**
 * From the bridge to the node, until the node has answered for the statement itself. Nothing else is final: what the broker was told
 * is taken exists nowhere but at the node.
 */
import { LhgError } from "@lhg/protocol/core/errors";
import type { NodeService, SubmitResult } from "../../api/service.ts";
import { type Reply, refuse } from "../replies.ts";
import { createSubmitter, toSubmission } from "../submitter.ts";

/** A request as a whole failed: by the node, by what stands before it, or because neither could be reached. */
export class RequestFailure extends Error {
  /** `client.answer` where a node did not say so. */
  readonly reason: LhgError;
  /** Of HTTP; undefined where no answer came. */
  readonly status: number | undefined;

  constructor(reason: LhgError, status: number | undefined) {
    super(reason.message);
    this.name = "RequestFailure";
    this.reason = reason;
    this.status = status;
  }
}

export interface DeliveryParts {
  /** Rejects with a RequestFailure. */
  readonly submit: NodeService["submit"];
  /** The first wait of a message that the node did not answer; each further one is twice as long, up to ten times this. */
  readonly retryMs: number;
  readonly signal: AbortSignal;
  /** Messages wait; not said again before none does. */
  readonly onWaiting: (message: string) => void;
  /** No message can come through until somebody changes a setting. */
  readonly onBarred: (failure: RequestFailure) => void;
}

/** Resolves with the node's answer, or a refusal of what the node never takes; stays open where there is none, also after the signal. */
export type Deliver = (device: string, payload: Uint8Array) => Promise<Reply>;

const RETRY_FACTOR_MAX = 10;
const STATES: ReadonlySet<unknown> = new Set(["accepted", "not-yet", "refused"]);

export function createDelivery(parts: DeliveryParts): Deliver {
  const { retryMs, signal, onWaiting, onBarred } = parts;
  const submitter = createSubmitter(parts.submit);
  let waiting = 0;

  async function submitAlone(payload: Uint8Array): Promise<SubmitResult> {
    const [result] = await parts.submit([toSubmission(payload)]);
    return result!;
  }

  return async (device, payload) => {
    let isWaiting = false;
    let isAlone = false;
    try {
      for (let delayMs = retryMs; ; ) {
        try {
          // What shares a request shares its failure: after the first one each goes by itself.
          const result = await (isAlone ? submitAlone(payload) : submitter.submit(device, payload));
          if (isResult(result)) return result;
          throw new RequestFailure(NO_RESULT, undefined);
        } catch (error) {
          const meaning = judge(error);
          if (meaning === "barred") {
            onBarred(error as RequestFailure);
            return await new Promise<never>(() => {});
          }
          if (meaning === "spoiled" && isAlone) return toRefusal(error as RequestFailure);
          isAlone = true;
          if (meaning === "spoiled") continue;
          if (!isWaiting) {
            isWaiting = true;
            waiting += 1;
            if (waiting === 1) onWaiting((error as Error).message);
          }
        }
        await sleep(delayMs, signal);
        delayMs = Math.min(2 * delayMs, RETRY_FACTOR_MAX * retryMs);
      }
    } finally {
      if (isWaiting) waiting -= 1;
    }
  };
}

const NO_RESULT = new LhgError("client.answer", "answered with something that is no result");
const NO_NODE = "client.answer";

/**
 * `spoiled`: something in the request is never taken. `barred`: nobody gets in this way. Throws what is no failure of a request.
 * Statuses that a proxy gives while the node behind it is being replaced (404 among them) pass by themselves.
 */
function judge(error: unknown): "again" | "spoiled" | "barred" {
  if (error instanceof LhgError) return "again";
  if (!(error instanceof RequestFailure)) throw error;
  const { status, reason } = error;
  if (status === 403 || status === 421) return "barred";
  if (status === 413) return "spoiled";
  return (status === 400 || status === 422) && reason.code !== NO_NODE ? "spoiled" : "again";
}

function toRefusal({ reason: { code, field, message } }: RequestFailure): Reply {
  return code === NO_NODE
    ? refuse("body.too-large", "is larger than what stands before the node lets through", "body")
    : refuse(code, message, field);
}

function isResult(value: unknown): value is SubmitResult {
  const { id, state } = (value ?? {}) as { readonly id?: unknown; readonly state?: unknown };
  return typeof id === "string" && STATES.has(state);
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return;
    const end = (): void => clearTimeout(timer);
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end);
      resolve();
    }, ms);
    // Who waits is left waiting: nothing is acknowledged any more.
    signal.addEventListener("abort", end, { once: true });
  });
}
