/** Checks proofs beside the page, so that it never stands still. Knows no network: it judges the bytes it is given. */
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeChainId, genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { nobleCrypto } from "@lhg/sdk/crypto/noble";
import { checkAttestations } from "./check-attestations.ts";
import { checkTrace } from "./check-trace.ts";
import { checkVendor } from "./check-vendor.ts";
import type { Answer, Job, Reply, Request } from "./messages.ts";
import { warmUp } from "./warm-up.ts";

let isWarm = false;

function answer(job: Job): Answer {
  switch (job.kind) {
    case "trace":
      return checkTrace(job);
    case "vendor":
      return checkVendor(job);
    case "attestations":
      return checkAttestations(job);
    case "chain":
      return { chainId: computeChainId(nobleCrypto, decode(genesisCodec, job.genesis, "genesis")) };
  }
}

function reply({ number, job }: Request): Reply {
  try {
    return { number, answer: answer(job) };
  } catch (error) {
    const { code, field } = error instanceof LhgError ? error : { code: "verify.internal", field: "" };
    const message = error instanceof Error ? error.message : String(error);
    return { number, problem: { code, message, field } };
  }
}

self.onmessage = ({ data }: MessageEvent<Request>): void => {
  self.postMessage(reply(data));
  // The first question of a page is which chain it is; the answer that needs signatures checked is asked for next.
  if (data.job.kind === "chain" && !isWarm) {
    isWarm = true;
    warmUp();
  }
};
