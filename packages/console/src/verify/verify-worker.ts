/** Checks proofs beside the page, so that it never stands still. Knows no network: it judges the bytes it is given. */
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeChainId, genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { nobleCrypto } from "@lhg/sdk/crypto/noble";
import { checkTrace } from "./check-trace.ts";
import { checkVendor } from "./check-vendor.ts";
import type { ChainCheck, Job, Reply, Request, TraceCheck, VendorCheck } from "./messages.ts";

function answer(job: Job): TraceCheck | VendorCheck | ChainCheck {
  switch (job.kind) {
    case "trace":
      return checkTrace(job);
    case "vendor":
      return checkVendor(job);
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

self.onmessage = ({ data }: MessageEvent<Request>): void => self.postMessage(reply(data));
