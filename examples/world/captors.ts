/** Vendors that capture: documents are signed, sent in the order of their sequence, and seen into a block. */

import { LhgError } from "@lhg/protocol/core/errors";
import { buildCapture, type SignedCapture } from "@lhg/sdk/capture/build";
import type { Client } from "@lhg/sdk/client/client";
import type { SubmitResult } from "@lhg/sdk/client/types";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { bendSignature } from "./forgery.ts";
import type { Account } from "./keys.ts";
import { pause, persist } from "./patience.ts";

export interface Chain {
  readonly client: Client;
  readonly chainId: string;
  readonly url: string;
  readonly signal: AbortSignal;
}

export interface Captured {
  /** Statement id in hex. */
  readonly id: string;
  readonly status: string;
}

/** Nothing was recorded: another program used the sequence, or credit is on its way. */
const RETRIED = new Set(["capture.sequence-used", "capture.sequence-gap", "credit.insufficient"]);
const ATTEMPTS_MAX = 20;
const RETRY_MS = 300;
const WAIT_MS = 2_000;

/**
 * Captures documents and waits for their block. The same document may be captured again: what a vendor said before,
 * the ledger answers and does not write twice. Throws the refusal.
 */
export async function captureAll(
  chain: Chain,
  vendor: Account,
  documents: readonly Uint8Array[],
): Promise<Captured[]> {
  for (let attempt = 1; ; attempt++) {
    const signed = await persist(() => signAll(chain, vendor, documents), chain.signal);
    const results = await persist(
      () => chain.client.submitMany(signed.map(({ bytes }) => bytes)),
      chain.signal,
    );
    const refused = results.find((result) => result.state !== "accepted");
    if (refused === undefined) return waitForAll(chain, results);
    if (!RETRIED.has(refused.code) || attempt === ATTEMPTS_MAX)
      throw new LhgError(refused.code, refused.message, refused.field);
    await pause(RETRY_MS, chain.signal);
  }
}

async function signAll(
  { client, chainId }: Chain,
  vendor: Account,
  documents: readonly Uint8Array[],
): Promise<SignedCapture[]> {
  const { nextCaptureSeq } = await client.getVendor(vendor.hex);
  return documents.map((document, i) =>
    buildCapture({
      chainId,
      vendor: vendor.address,
      captureSeq: nextCaptureSeq + i,
      document,
      signer: vendor.signer,
      hasher: nodeCrypto,
    }),
  );
}

async function waitForAll({ client, signal }: Chain, results: readonly SubmitResult[]): Promise<Captured[]> {
  const out: Captured[] = [];
  // From the last: once it is in a block, so are those before it.
  for (const { id } of results.toReversed()) {
    const found = await persist(() => waitPatiently(client, id), signal);
    if (found.state === "committed" || found.state === "provable") out.unshift({ id, status: found.status });
    else if (found.state === "refused") throw new LhgError(found.code, found.message, found.field);
    else throw new LhgError("world.waiting", `capture ${id} came into no block`, "statement");
  }
  return out;
}

/** In turns that are short enough to end with the world. */
async function waitPatiently(client: Client, id: string): ReturnType<Client["waitFor"]> {
  const found = await client.waitFor(id, { timeoutMs: WAIT_MS });
  if (found.state === "pending")
    throw new LhgError("client.timeout", `capture ${id} is in no block yet`, "statement");
  return found;
}

/** The code with which the node refuses a capture in which one bit of the signature was changed. */
export async function submitBent(chain: Chain, vendor: Account, document: Uint8Array): Promise<string> {
  const { client, signal } = chain;
  const [signed] = await persist(() => signAll(chain, vendor, [document]), signal);
  const result = await persist(() => client.submit(bendSignature(signed!.bytes)), signal);
  if (result.state === "accepted")
    throw new LhgError("world.unexpected", "a bent signature was accepted", result.id);
  return result.code;
}
