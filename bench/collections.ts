/** Signed collections of readings, presigned: what a signature costs alone, and spread over readings. */

import { sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";
import { encode } from "../packages/protocol/src/core/codec/definition.ts";
import { computeStatementId, decodeSign1, signStatement } from "../packages/protocol/src/core/cose.ts";
import { toDecimal } from "../packages/protocol/src/core/decimal.ts";
import { submission } from "../packages/protocol/src/core/statement/submission.ts";
import { collection } from "../packages/protocol/src/modules/collection/messages.ts";
import type { SenmlRecord } from "../packages/protocol/src/senml/record.ts";
import { makeCreditPurchase, makeDeviceRegistration } from "../packages/sdk/src/transaction/messages.ts";
import {
  type BenchChain,
  newSender,
  type Sender,
  signTransaction,
  startBenchChain,
  VENDORS,
} from "./chain.ts";
import { type BenchContext, bySize, type Figure, type Part } from "./figures.ts";
import { type Call, dealCalls, driveLoad, driveRounds } from "./load.ts";

const DEVICES = 200;
const LANES = 8;
const CALL_STATEMENTS = 512;
const CREDITS = 10_000_000_000;
const AIM_READINGS_PER_SECOND = 100_000;
const APPROVAL_LIFETIME_MS = 3_600_000;

export interface Device extends Sender {
  lastId: Uint8Array;
}

/** Collections of each device in a round. */
const PLANS = [
  { readings: 1, perDevice: { quick: 20, default: 100, full: 250 } },
  { readings: 10, perDevice: { quick: 10, default: 50, full: 150 } },
  { readings: 100, perDevice: { quick: 3, default: 20, full: 50 } },
] as const;

export const collections: Part = {
  name: "collections",
  run: async (context) => {
    const chain = await startBenchChain(context, 7);
    try {
      const devices = await registerDevices(chain);
      const figures: Figure[] = [];
      for (const { readings, perDevice } of PLANS)
        figures.push(
          ...(await measureReadings(context, chain, devices, readings, bySize(context, perDevice))),
        );
      return figures;
    } finally {
      await chain.stop();
    }
  },
};

async function measureReadings(
  context: BenchContext,
  chain: BenchChain,
  devices: readonly Device[],
  readings: number,
  perDevice: number,
): Promise<Figure[]> {
  const { calibration, cores } = context;
  const { perSecond, cpuUsPerStatement } = await driveRounds(
    context,
    chain,
    `collections of ${readings}`,
    () => signCollections(chain, devices, perDevice, readings),
  );
  const limit = { name: "Ed25519 verify on all cores", value: cores * calibration.verifyPerSecond };
  return [
    { name: `collections of ${readings}`, value: perSecond, unit: "/s", limit },
    {
      name: `readings, ${readings} a collection`,
      value: perSecond * readings,
      unit: "/s",
      limit: { ...limit, value: limit.value * readings },
      ...(readings === 100 ? { aim: { atLeast: AIM_READINGS_PER_SECOND } } : {}),
    },
    { name: `collections of ${readings}: CPU of each`, value: cpuUsPerStatement, unit: "us" },
  ];
}

/** Every vendor buys credit and registers its share of the devices, with their consent. */
export async function registerDevices(chain: BenchChain): Promise<Device[]> {
  const devices = Array.from({ length: DEVICES }, () => ({
    ...newSender(),
    next: 1,
    lastId: new Uint8Array(32),
  }));
  await buyCredit(chain);
  const calls = dealCalls(DEVICES, { lanes: VENDORS, perSender: 1, callSize: DEVICES }, (i): Uint8Array => {
    const vendor = chain.vendors[i % VENDORS]!;
    const message = makeDeviceRegistration({
      vendor: vendor.address,
      device: devices[i]!.signer,
      model: "bench",
      chainId: chain.chainId,
      expiryMs: Date.now() + APPROVAL_LIFETIME_MS,
    });
    return signTransaction(chain.chainId, vendor, [message]);
  });
  await driveLoad(chain, calls);
  return devices;
}

export async function buyCredit(chain: BenchChain): Promise<void> {
  await driveLoad(
    chain,
    chain.vendors.map((vendor) => [
      [signTransaction(chain.chainId, vendor, [makeCreditPurchase(vendor.address, CREDITS)])],
    ]),
  );
}

function signCollections(
  chain: BenchChain,
  devices: readonly Device[],
  perDevice: number,
  readings: number,
): Call[][] {
  return dealCalls(DEVICES, { lanes: LANES, perSender: perDevice, callSize: CALL_STATEMENTS }, (sender) =>
    signCollection(chain.chainId, devices[sender]!, readings),
  );
}

/** The device's next collection, as a submission. */
export function signCollection(chainId: string, device: Device, readings: number): Uint8Array {
  const payload = encode(collection, {
    chainId,
    device: device.address,
    stream: 0,
    seq: device.next++,
    prevId: device.lastId,
    readings: makePack(device.next, readings),
  });
  const statement = signStatement(device.signer, "collection", payload);
  device.lastId = computeStatementId(sodiumCrypto, decodeSign1(statement));
  return encode(submission, { statement, body: null });
}

/** Temperatures a second apart, as a device would pack them: what they share stands in the first record. */
function makePack(turn: number, readings: number): SenmlRecord[] {
  return Array.from({ length: readings }, (_, i) => ({
    ...(i === 0
      ? {
          bn: "urn:dev:mac:0024befffe804ff1:",
          bt: toDecimal(1_800_000_000n + BigInt(turn * 100), 0),
          bu: "Cel",
        }
      : {}),
    n: "temperature",
    ...(i === 0 ? {} : { t: toDecimal(BigInt(i), 0) }),
    v: toDecimal(BigInt(2_000 + ((turn * 7 + i * 13) % 500)), -2),
  }));
}
