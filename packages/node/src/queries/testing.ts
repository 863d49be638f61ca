/** For tests: a small world on a chain in memory, and questions to it. */

import { toHex, ZERO32 } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { parseDecimal } from "@lhg/protocol/core/decimal";
import { type Submission, submission } from "@lhg/protocol/core/statement/submission";
import { collection } from "@lhg/protocol/modules/collection/messages";
import { buildCapture } from "@lhg/sdk/capture/build";
import { keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import {
  makeCreditPurchase,
  makeDeviceRegistration,
  makeStreamOpening,
  makeTransfer,
} from "@lhg/sdk/transaction/messages";
import { type SignedStatement, signSubmission } from "@lhg/sdk/transaction/signed-statement";
import { createQueryContext } from "../application/query-context.ts";
import { addressOf, GENESIS_MS, openTestChain, type TestChain } from "../application/testing.ts";
import { createNativeSigner, sodiumCrypto } from "../crypto/sodium.ts";
import { indexBlock } from "./indexes.ts";
import { type QueryArgs, type QueryName, type QueryResult, queries } from "./queries.ts";

export interface SampleWorld {
  readonly chain: TestChain;
  readonly vendor: SecretKey;
  readonly otherVendor: SecretKey;
  readonly device: SecretKey;
  /** Statement ids in hex, by what they are. */
  readonly ids: {
    readonly transfer: string;
    readonly failedTransfer: string;
    readonly collections: readonly string[];
    readonly commissioning: string;
    readonly packing: string;
    readonly selling: string;
  };
  ask<K extends QueryName>(name: K, args: QueryArgs<K>): Promise<QueryResult<K>>;
}

export const LOT = "https://example.com/lots/7";
export const PHONES = ["https://example.com/phones/1", "https://example.com/phones/2"] as const;
export const BOX = "https://example.com/boxes/1";
export const PLACE = "https://example.com/places/works";

const EVENT_MS = GENESIS_MS - 86_400_000;

function eventTime(minute: number): string {
  return new Date(EVENT_MS + 60_000 * minute).toISOString();
}

function captureOf(
  chain: TestChain,
  key: SecretKey,
  captureSeq: number,
  events: readonly object[],
): SignedStatement {
  const common = { eventTimeZoneOffset: "+00:00" };
  const document = JSON.stringify({
    "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
    type: "EPCISDocument",
    schemaVersion: "2.0",
    creationDate: eventTime(0),
    epcisBody: { eventList: events.map((event) => ({ ...event, ...common })) },
  });
  return buildCapture({
    chainId: chain.application.chainId,
    signer: createNativeSigner(key),
    vendor: addressOf(key),
    captureSeq,
    document: new TextEncoder().encode(document),
    hasher: sodiumCrypto,
  });
}

function collectionOf(chain: TestChain, key: SecretKey, seq: number, prevId: Uint8Array): SignedStatement {
  const payload = encode(collection, {
    chainId: chain.application.chainId,
    device: addressOf(key),
    stream: 0,
    seq,
    prevId,
    readings: [
      {
        bn: "urn:dev:1:",
        bt: parseDecimal("1799999000.25"),
        n: "temperature",
        u: "Cel",
        v: parseDecimal("21.5"),
      },
      { n: "door", vb: true, t: parseDecimal(String(seq)) },
    ],
  });
  return signSubmission(sodiumCrypto, createNativeSigner(key), "collection", payload);
}

const unwrap = (signed: SignedStatement): Submission => decode(submission, signed.bytes, "submission");

/** Five blocks: money and a device; readings and commissioning; packing and transport; sale by another; nothing. */
export async function openSampleWorld(): Promise<SampleWorld> {
  const chain = await openTestChain({ indexBlock });
  const { dev } = chain;
  const vendor = dev.vendors[0]!.key;
  const otherVendor = dev.vendors[1]!.key;
  const device = keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(7));
  const idOf = ({ id }: SignedStatement): string => toHex(id);

  const registration = makeDeviceRegistration({
    chainId: chain.application.chainId,
    expiryMs: GENESIS_MS + 600_000,
    vendor: addressOf(vendor),
    device: createNativeSigner(device),
    model: "thermometer",
    capabilities: ["temperature"],
  });
  const summary = await chain.commit([
    chain.transaction(dev.faucet, [makeTransfer(addressOf(vendor), 5n)]),
    chain.transaction(dev.faucet, [makeTransfer(addressOf(vendor), 1n << 62n)]),
    chain.transaction(vendor, [makeCreditPurchase(addressOf(vendor), 1_000_000)]),
    chain.transaction(vendor, [registration]),
    chain.transaction(otherVendor, [makeCreditPurchase(addressOf(otherVendor), 1_000_000)]),
  ]);
  const [transfer, failedTransfer] = summary.executed.map(({ id }) => toHex(id));

  const first = collectionOf(chain, device, 1, ZERO32);
  const second = collectionOf(chain, device, 2, first.id);
  const commissioning = captureOf(chain, vendor, 0, [
    {
      type: "TransformationEvent",
      eventTime: eventTime(1),
      inputQuantityList: [{ epcClass: LOT, quantity: 2 }],
      outputEPCList: [...PHONES],
      bizStep: "assembling",
      readPoint: { id: PLACE },
    },
    {
      type: "ObjectEvent",
      action: "OBSERVE",
      eventTime: eventTime(2),
      eventID: "urn:uuid:00000000-0000-4000-8000-000000000001",
      epcList: [PHONES[0]],
      bizStep: "inspecting",
      disposition: "conformant",
      readPoint: { id: PLACE },
    },
  ]);
  await chain.commit([
    unwrap(first),
    unwrap(second),
    unwrap(commissioning),
    chain.transaction(vendor, [makeStreamOpening(addressOf(device), 3, 0, second.id)]),
  ]);

  const packing = captureOf(chain, vendor, 1, [
    {
      type: "AggregationEvent",
      action: "ADD",
      eventTime: eventTime(3),
      parentID: BOX,
      childEPCs: [...PHONES],
      bizStep: "packing",
    },
    { type: "ObjectEvent", action: "OBSERVE", eventTime: eventTime(4), epcList: [BOX], bizStep: "shipping" },
  ]);
  await chain.commit([unwrap(packing)]);

  const selling = captureOf(chain, otherVendor, 0, [
    {
      type: "ObjectEvent",
      action: "OBSERVE",
      eventTime: eventTime(5),
      epcList: [PHONES[1]],
      bizStep: "retail_selling",
    },
  ]);
  await chain.commit([unwrap(selling)]);
  await chain.commit([]);

  return {
    chain,
    vendor,
    otherVendor,
    device,
    ids: {
      transfer: transfer!,
      failedTransfer: failedTransfer!,
      collections: [idOf(first), idOf(second)],
      commissioning: idOf(commissioning),
      packing: idOf(packing),
      selling: idOf(selling),
    },
    ask: async (name, args) =>
      (queries[name] as (context: unknown, args: unknown) => never)(
        createQueryContext(chain.application),
        args,
      ),
  };
}
