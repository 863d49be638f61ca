/**
 * Traces of ten hops to either side among many events. The events are loaded by executing blocks of captures
 * directly, with real certificates but no votes: it is the ledger that is measured.
 */

import type { LedgerApplication } from "../packages/node/src/application/application.ts";
import { openTestChain } from "../packages/node/src/application/testing.ts";
import { sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";
import type { DevChain } from "../packages/node/src/dev-chain.ts";
import { indexBlock } from "../packages/node/src/queries/indexes.ts";
import { openLevelStore } from "../packages/node/src/store/level-store.ts";
import { type LedgerClient, startLedger } from "../packages/node/src/threads/ledger-client.ts";
import { decode, encode } from "../packages/protocol/src/core/codec/definition.ts";
import { genesis } from "../packages/protocol/src/core/genesis.ts";
import { ENGINE_DBFT } from "../packages/protocol/src/core/proof/anchor.ts";
import { type Submission, submission } from "../packages/protocol/src/core/statement/submission.ts";
import { buildCapture } from "../packages/sdk/src/capture/build.ts";
import { nodeCrypto } from "../packages/sdk/src/crypto/node.ts";
import { makeCreditPurchase } from "../packages/sdk/src/transaction/messages.ts";
import { trustFromGenesis } from "../packages/sdk/src/verify/trust.ts";
import { verifyTrace } from "../packages/sdk/src/verify/verify-trace.ts";
import { createBenchGenesis, VENDORS, type VendorSender, vendorSenders } from "./chain.ts";
import { buildChain, buildDocument, CHAIN_EVENTS, HOPS, middleOfChain } from "./documents.ts";
import { type BenchContext, bySize, type Figure, median, type Part, percentile } from "./figures.ts";

const CHAINS_PER_DOCUMENT = 3;
const DOCUMENT_EVENTS = CHAINS_PER_DOCUMENT * CHAIN_EVENTS;
const BLOCK_DOCUMENTS = 40;
const CREDITS = 10_000_000_000;
/** What the aim is set for. */
const AIM_EVENTS = 1_000_000;
const AIM_P50_MS = 5;

export const traces: Part = {
  name: "traces",
  run: async (context) => {
    const directory = context.makeDirectory();
    const dev = createBenchGenesis(7, []);
    const loaded = await loadEvents(
      context,
      directory,
      dev,
      bySize(context, { quick: 3_000, default: 100_000, full: AIM_EVENTS }),
    );
    const ledger = startLedger(
      { directory, genesis: encode(genesis, dev.genesis), engine: ENGINE_DBFT },
      () => {
        // Every open call fails with the same error.
      },
    );
    try {
      await ledger.open();
      return [...loaded.figures, ...(await measureTraces(context, ledger, dev, loaded))];
    } finally {
      await ledger.stop();
    }
  },
};

interface Loaded {
  readonly events: number;
  /** Chains of each vendor. */
  readonly chains: number;
  readonly figures: readonly Figure[];
}

async function loadEvents(
  context: BenchContext,
  directory: string,
  dev: DevChain,
  events: number,
): Promise<Loaded> {
  const store = await openLevelStore(directory);
  const chain = await openTestChain({ dev, store, indexBlock });
  const vendors = vendorSenders(dev);
  await chain.commit(
    dev.vendors.map(({ key }, i) =>
      chain.transaction(key, [makeCreditPurchase(vendors[i]!.address, CREDITS)]),
    ),
  );
  const documents = Math.ceil(events / DOCUMENT_EVENTS);
  let ledgerMs = 0;
  for (let done = 0; done < documents; ) {
    const block: Submission[] = [];
    while (block.length < BLOCK_DOCUMENTS && done < documents)
      block.push(signChains(chain.application, vendors[done++ % VENDORS]!));
    const startedMs = performance.now();
    const { executed, skipped } = await chain.commit(block);
    ledgerMs += performance.now() - startedMs;
    const bad = executed.find(({ status }) => status !== "ok")?.status ?? skipped[0]?.verdict.code;
    if (bad !== undefined) throw new Error(`a document of the load was not executed: ${bad}`);
    if (done % (10 * BLOCK_DOCUMENTS) === 0)
      context.say(`${(done * DOCUMENT_EVENTS).toLocaleString("en-US")} events are loaded`);
  }
  // One more, so that the last events are provable.
  await chain.commit([chain.transaction(dev.faucet, [makeCreditPurchase(vendors[0]!.address, 1)])]);
  await store.close();
  const loaded = documents * DOCUMENT_EVENTS;
  const perSecond = (loaded / ledgerMs) * 1000;
  return {
    events: loaded,
    chains: Math.floor(documents / VENDORS) * CHAINS_PER_DOCUMENT,
    figures: [
      {
        name: `events executed and committed, ${loaded.toLocaleString("en-US")} in one thread`,
        value: perSecond,
        unit: "/s",
        limit: { name: "JSON.parse of one event", value: context.calibration.parsesPerSecond },
      },
    ],
  };
}

function signChains(application: LedgerApplication, vendor: VendorSender): Submission {
  const document = vendor.nextCapture++;
  const events = Array.from({ length: CHAINS_PER_DOCUMENT }, (_, i) =>
    buildChain(vendor.prefix, document * CHAINS_PER_DOCUMENT + i),
  ).flat();
  const { bytes } = buildCapture({
    chainId: application.chainId,
    vendor: vendor.address,
    captureSeq: document,
    document: buildDocument(events),
    signer: vendor.signer,
    hasher: sodiumCrypto,
  });
  return decode(submission, bytes);
}

async function measureTraces(
  context: BenchContext,
  ledger: LedgerClient,
  dev: DevChain,
  { events, chains }: Loaded,
): Promise<Figure[]> {
  const count = bySize(context, { quick: 50, default: 500, full: 1_000 });
  const ids = Array.from({ length: count }, (_, i) =>
    middleOfChain(dev.vendors[i % VENDORS]!.prefixes[0]!, Math.floor(Math.random() * chains)),
  );
  const among = `among ${events.toLocaleString("en-US")} events`;
  const times: number[] = [];
  for (const id of ids) {
    const startedMs = performance.now();
    const answer = (await ledger.query("getTrace", { id })) as { readonly items: readonly unknown[] };
    times.push(performance.now() - startedMs);
    if (answer.items.length !== 2 * HOPS + 1) throw new Error(`the trace has ${answer.items.length} items`);
  }
  const limit = { name: "one random get of the store", value: 1000 / context.calibration.getsPerSecond };
  const bundles = await measureBundles(context, ledger, dev, ids.slice(0, 30));
  return [
    {
      name: `trace p50, ${2 * HOPS} hops ${among}`,
      value: percentile(times, 50),
      unit: "ms",
      limit,
      aim: { atMost: AIM_P50_MS },
      isOtherSize: events < AIM_EVENTS,
    },
    { name: `trace p99, ${2 * HOPS} hops ${among}`, value: percentile(times, 99), unit: "ms", limit },
    ...bundles,
  ];
}

async function measureBundles(
  { calibration }: BenchContext,
  ledger: LedgerClient,
  dev: DevChain,
  ids: readonly string[],
): Promise<Figure[]> {
  const trust = trustFromGenesis(dev.genesis);
  const buildMs: number[] = [];
  const verifyMs: number[] = [];
  const sizes: number[] = [];
  for (const id of ids) {
    const startedMs = performance.now();
    const { bytes } = (await ledger.query("getTraceBundle", { id })) as { readonly bytes: Uint8Array };
    const builtMs = performance.now();
    const verdict = verifyTrace(bytes, trust, { crypto: nodeCrypto });
    if (!verdict.ok) throw new Error(`a bundle does not verify: ${verdict.code}`);
    buildMs.push(builtMs - startedMs);
    verifyMs.push(performance.now() - builtMs);
    sizes.push(bytes.length);
  }
  return [
    {
      name: "trace bundle built",
      value: median(buildMs),
      unit: "ms",
      limit: { name: "one random get of the store", value: 1000 / calibration.getsPerSecond },
    },
    {
      name: "trace bundle verified with node:crypto",
      value: median(verifyMs),
      unit: "ms",
      limit: { name: "Ed25519 verify, node:crypto", value: 1000 / calibration.nodeVerifyPerSecond },
    },
    { name: "trace bundle", value: median(sizes) / 1000, unit: "kB" },
  ];
}
