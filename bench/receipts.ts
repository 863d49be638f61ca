/** Receipts of transfers and of captured events: built by the ledger, verified by whoever holds one. */

import { createQueryContext } from "../packages/node/src/application/query-context.ts";
import { openTestChain, type TestChain } from "../packages/node/src/application/testing.ts";
import { sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";
import { indexBlock } from "../packages/node/src/queries/indexes.ts";
import { buildReceipt } from "../packages/node/src/queries/proofs.ts";
import { openLevelStore } from "../packages/node/src/store/level-store.ts";
import { certificate } from "../packages/protocol/src/core/block/certificate.ts";
import { toHex } from "../packages/protocol/src/core/bytes.ts";
import { decode } from "../packages/protocol/src/core/codec/definition.ts";
import type { Crypto } from "../packages/protocol/src/core/crypto.ts";
import { receipt } from "../packages/protocol/src/core/proof/receipt.ts";
import { submission } from "../packages/protocol/src/core/statement/submission.ts";
import { buildCapture } from "../packages/sdk/src/capture/build.ts";
import { nobleCrypto } from "../packages/sdk/src/crypto/noble.ts";
import { nodeCrypto } from "../packages/sdk/src/crypto/node.ts";
import { makeCreditPurchase, makeTransfer } from "../packages/sdk/src/transaction/messages.ts";
import { trustFromGenesis } from "../packages/sdk/src/verify/trust.ts";
import { verifyReceipt } from "../packages/sdk/src/verify/verify-receipt.ts";
import { createBenchGenesis, vendorSenders } from "./chain.ts";
import { buildDocument, buildEvents } from "./documents.ts";
import { type BenchContext, bySize, type Figure, type Part, rateOf } from "./figures.ts";

const BLOCK_TRANSFERS = 500;
const EVENTS = 50;
const AIM_SIZE_KB = 3;

export const receipts: Part = {
  name: "receipts",
  run: async (context) => {
    const store = await openLevelStore(context.makeDirectory());
    try {
      const chain = await openTestChain({ dev: createBenchGenesis(7, []), store, indexBlock });
      return await measure(context, chain);
    } finally {
      await store.close();
    }
  },
};

async function measure(context: BenchContext, chain: TestChain): Promise<Figure[]> {
  const { calibration } = context;
  const transferIds = await makeTransfers(
    chain,
    bySize(context, { quick: 1_000, default: 10_000, full: 50_000 }),
  );
  const captureId = await makeCapture(chain);
  await chain.commit([chain.transaction(chain.dev.faucet, [makeTransfer(new Uint8Array(20), 1n)])]);
  const query = createQueryContext(chain.application);
  const pick = (i: number): string => transferIds[(i * 7919) % transferIds.length]!;
  const built = Array.from({ length: 50 }, (_, i) => buildReceipt(query, pick(i)));
  const ofEvent = buildReceipt(query, captureId, 7);
  const signatures = 1 + countSignatures(built[0]!);
  const verifyRate = (crypto: Crypto, count: number): number => {
    const trust = trustFromGenesis(chain.dev.genesis);
    return rateOf((i) => requireValid(verifyReceipt(built[i % built.length]!, trust, crypto)), { count });
  };
  const limitOf = (name: string, perSecond: number) => ({
    name: `Ed25519 verify, ${name}, ${signatures} signatures`,
    value: perSecond / signatures,
  });
  return [
    {
      name: `receipt built, log of ${transferIds.length.toLocaleString("en-US")}`,
      value: rateOf((i) => buildReceipt(query, pick(i)), { count: 200 }),
      unit: "/s",
      limit: { name: "store gets at random", value: calibration.getsPerSecond },
    },
    {
      name: "receipt verified with node:crypto",
      value: verifyRate(nodeCrypto, 200),
      unit: "/s",
      limit: limitOf("node:crypto", calibration.nodeVerifyPerSecond),
    },
    {
      name: "receipt verified with noble",
      value: verifyRate(nobleCrypto, 20),
      unit: "/s",
      limit: limitOf("noble", calibration.nobleVerifyPerSecond),
    },
    sizeFigure("receipt of a transfer without certificate", built[0]!),
    sizeFigure("receipt of an event without body and certificate", ofEvent),
    { name: "receipt of a transfer, whole", value: built[0]!.length / 1000, unit: "kB" },
    { name: "receipt of an event, whole", value: ofEvent.length / 1000, unit: "kB" },
  ];
}

async function makeTransfers(chain: TestChain, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const block = Array.from({ length: BLOCK_TRANSFERS }, (_, i) =>
      chain.transaction(chain.dev.faucet, [makeTransfer(new Uint8Array(20).fill(i), 1n)]),
    );
    const { executed } = await chain.commit(block);
    ids.push(...executed.map(({ id }) => toHex(id)));
  }
  return ids;
}

async function makeCapture(chain: TestChain): Promise<string> {
  const vendor = vendorSenders(chain.dev)[0]!;
  await chain.commit([
    chain.transaction(chain.dev.vendors[0]!.key, [makeCreditPurchase(vendor.address, 1_000_000)]),
  ]);
  const { id, bytes } = buildCapture({
    chainId: chain.application.chainId,
    vendor: vendor.address,
    captureSeq: 0,
    document: buildDocument(buildEvents({ prefix: vendor.prefix, document: 0, events: EVENTS })),
    signer: vendor.signer,
    hasher: sodiumCrypto,
  });
  await chain.commit([decode(submission, bytes)]);
  return toHex(id);
}

function requireValid({ ok }: { readonly ok: boolean }): void {
  if (!ok) throw new Error("a receipt does not verify");
}

function countSignatures(encoded: Uint8Array): number {
  const { header } = decode(receipt, encoded).anchor;
  return decode(certificate, header.certificate).signatures.length;
}

function sizeFigure(name: string, encoded: Uint8Array): Figure {
  const { anchor, event } = decode(receipt, encoded);
  const body = event === null ? 0 : event.head.length + event.slice.length;
  const sizeBytes = encoded.length - body - anchor.header.certificate.length;
  return { name, value: sizeBytes / 1000, unit: "kB", aim: { atMost: AIM_SIZE_KB } };
}
