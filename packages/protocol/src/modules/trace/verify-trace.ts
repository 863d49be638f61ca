/**
 * Verifies a trace offline: every log is whole, every event is what its captor signed, every item that its bytes
 * name has it in a log, and the same trace over these parts gives the same answer. "Complete as executed".
 */
import { equalBytes } from "../../core/bytes.ts";
import { decode } from "../../core/codec/definition.ts";
import type { Crypto } from "../../core/crypto.ts";
import { LhgError } from "../../core/errors.ts";
import { anchor as anchorCodec, type Trust, verifyAnchor } from "../../core/proof/anchor.ts";
import { ITEMS } from "../../core/state/partition.ts";
import { attempt, BundleCheck, type ItemsAnchor, type TraceProblem } from "./bundle-check.ts";
import { type TraceBundle, traceBundle } from "./trace-bundle.ts";
import type { TraceQuery, TraceResult } from "./trace-query.ts";

export type { ItemsAnchor, TraceProblem } from "./bundle-check.ts";

/** Checks encoded anchors of the items partition against pinned validators. */
export function trustItemsAnchor(crypto: Crypto, trust: Trust): (anchor: Uint8Array) => ItemsAnchor {
  return (encoded) => {
    const verified = verifyAnchor(crypto, trust, decode(anchorCodec, encoded, "anchor"));
    if (!equalBytes(verified.partitionId, ITEMS.id))
      throw new LhgError("anchor.partition", "is of another partition than the items", "anchor.partitionId");
    const { chainId, height, timeMs } = verified.header;
    const { partition, isWithinTrust } = verified;
    return { chainId, height, timeMs, itemsMapRoot: partition.mapRoot, isWithinTrust };
  };
}

export interface TraceVerdict {
  /** The trace holds all that the chain recorded by the anchor's height, as the chain executed it. */
  readonly isComplete: boolean;
  readonly problems: readonly TraceProblem[];
  readonly identity?: string;
  readonly query?: TraceQuery;
  readonly anchor?: ItemsAnchor;
  /** Present where the parts sufficed to trace at all. */
  readonly result?: TraceResult;
}

export interface AskedTrace {
  readonly identity: string;
  readonly query: TraceQuery;
}

/**
 * Verifies an encoded bundle; never throws for what is in it. `checkAnchor` (trustItemsAnchor) checks the anchor
 * against what the verifier trusts and throws LhgError. `asked`, where given, is what the answer must be to.
 */
export function verifyTraceBundle(
  crypto: Crypto,
  bundleBytes: Uint8Array,
  checkAnchor: (anchor: Uint8Array) => ItemsAnchor,
  asked?: AskedTrace,
): TraceVerdict {
  const problems: TraceProblem[] = [];
  const bundle = attempt(problems, "bundle", () => decode(traceBundle, bundleBytes, "bundle"));
  if (bundle === undefined) return { isComplete: false, problems };
  const { identity, query } = bundle;
  const anchor = attempt(problems, "anchor", () => checkAnchor(bundle.anchor));
  if (anchor === undefined) return { isComplete: false, problems, identity, query };
  if (asked !== undefined && !isSameQuestion(asked, bundle))
    problems.push({
      code: "bundle.question",
      message: "answers another question than was asked",
      where: "query",
    });
  const check = new BundleCheck(crypto, bundle, anchor, problems);
  const result = check.run();
  const isComplete = problems.length === 0 && result !== undefined && !result.isTruncated;
  if (result?.isTruncated === true)
    problems.push({ code: "trace.truncated", message: "was cut at its number of events", where: "query" });
  return { isComplete, problems, identity, query, anchor, ...(result === undefined ? {} : { result }) };
}

function isSameQuestion(asked: AskedTrace, { identity, query }: TraceBundle): boolean {
  const names = Object.keys(query) as (keyof TraceQuery)[];
  return asked.identity === identity && names.every((name) => asked.query[name] === query[name]);
}
