/** Captured events, presigned: documents of commissionings, each of an item that the ledger has not seen. */
import { sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";
import { buildCapture } from "../packages/sdk/src/capture/build.ts";
import { type BenchChain, startBenchChain, VENDORS, type VendorSender } from "./chain.ts";
import { buyCredit } from "./collections.ts";
import { buildDocument, buildEvents } from "./documents.ts";
import { type BenchContext, bySize, type Figure, type Part } from "./figures.ts";
import { type Call, dealCalls, driveRounds } from "./load.ts";

const EVENTS = 50;
const CALL_DOCUMENTS = 8;
const AIM_PER_SECOND = 3_000;

export const captures: Part = {
  name: "captures",
  run: async (context) => {
    const chain = await startBenchChain(context, 7);
    try {
      await buyCredit(chain);
      return await measure(context, chain);
    } finally {
      await chain.stop();
    }
  },
};

async function measure(context: BenchContext, chain: BenchChain): Promise<Figure[]> {
  const { calibration, cores } = context;
  const perVendor = bySize(context, { quick: 4, default: 32, full: 100 });
  const title = `documents of ${EVENTS} events`;
  const result = await driveRounds(context, chain, title, () => signDocuments(chain, perVendor));
  return [
    {
      name: `captured events, ${EVENTS} a document`,
      value: EVENTS * result.perSecond,
      unit: "/s",
      limit: { name: "JSON.parse of one event, all cores", value: cores * calibration.parsesPerSecond },
      aim: { atLeast: AIM_PER_SECOND },
    },
    {
      name: "captured events: CPU of each",
      value: result.cpuUsPerStatement / EVENTS,
      unit: "us",
    },
  ];
}

function signDocuments({ chainId, vendors }: BenchChain, perVendor: number): Call[][] {
  const plan = { lanes: VENDORS, perSender: perVendor, callSize: CALL_DOCUMENTS };
  return dealCalls(VENDORS, plan, (i) => signDocument(chainId, vendors[i]!));
}

function signDocument(chainId: string, vendor: VendorSender): Uint8Array {
  const document = vendor.nextCapture++;
  return buildCapture({
    chainId,
    vendor: vendor.address,
    captureSeq: document,
    document: buildDocument(buildEvents({ prefix: vendor.prefix, document, events: EVENTS })),
    signer: vendor.signer,
    hasher: sodiumCrypto,
  }).bytes;
}
