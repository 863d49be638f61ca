/** A few documents of two companies, signed with the development keys: a bad lot, phones, a clone, a long journey. */
import { fromHex } from "../../packages/protocol/src/core/bytes.ts";
import { ALG_EDDSA } from "../../packages/protocol/src/core/crypto.ts";
import { buildCapture } from "../../packages/sdk/src/capture/build.ts";
import { type Client, createClient } from "../../packages/sdk/src/client/client.ts";
import { keyFromSeed, signerFromSecret } from "../../packages/sdk/src/keys/keys.ts";

const ID = "https://id.gs1.org";
const MAKER = "0614141";
const SHOP = "9506000";

/** Completes a GS1 key by its check digit. */
function withCheckDigit(digits: string): string {
  let sum = 0;
  for (let i = 0; i < digits.length; i++)
    sum += Number(digits[digits.length - 1 - i]) * (i % 2 === 0 ? 3 : 1);
  return digits + String((10 - (sum % 10)) % 10);
}

const PHONE = withCheckDigit(`0${MAKER}12345`);
const PART = withCheckDigit(`0${MAKER}54321`);
const serial = (number: number): string => `${ID}/01/${PHONE}/21/P${number}`;
const party = (prefix: string): string => `${ID}/417/${withCheckDigit(`${prefix}00000`)}`;

export const STORY = {
  badLot: `${ID}/01/${PART}/10/LOT-7`,
  goodLot: `${ID}/01/${PART}/10/LOT-8`,
  recalled: [serial(1), serial(2), serial(3), serial(4)],
  good: serial(5),
  cloned: serial(6),
  long: serial(7),
  hostile: serial(8),
  unknown: serial(999),
  pallet: `${ID}/00/${withCheckDigit(`1${MAKER}000000001`)}`,
} as const;

const PLACES = {
  salo: {
    readPoint: { id: "geo:60.3861,23.1256" },
    bizLocation: { id: `${ID}/414/${withCheckDigit(`${MAKER}00001`)}` },
  },
  berlin: { readPoint: { id: "geo:52.5219,13.4132" } },
  baltic: { readPoint: { id: "geo:55.3,15.9" } },
  melbourne: { readPoint: { id: "geo:-37.8136,144.9631" } },
} as const;

const START_MS = Date.parse("2026-03-02T08:00:00Z");
const HOUR_MS = 3_600_000;

type Place = (typeof PLACES)[keyof typeof PLACES];

function at(hours: number, place: Place, bizStep: string): Record<string, unknown> {
  const eventTime = new Date(START_MS + hours * HOUR_MS).toISOString();
  return { eventTime, eventTimeZoneOffset: "+00:00", bizStep, ...place };
}

const HAND_OVER = {
  sourceList: [{ type: "possessing_party", source: party(MAKER) }],
  destinationList: [{ type: "possessing_party", destination: party(SHOP) }],
};

function temperatures(device: string, hours: number, values: readonly number[]): Record<string, unknown> {
  return {
    sensorElementList: values.map((value, i) => ({
      sensorMetadata: {
        time: new Date(START_MS + (hours + i) * HOUR_MS).toISOString(),
        deviceID: `urn:lhg:device:${device}`,
      },
      sensorReport: [
        {
          type: "Temperature",
          value,
          uom: "CEL",
          ...(value > 30 ? { exception: "ALARM_CONDITION" } : {}),
        },
      ],
    })),
  };
}

type EventJson = Record<string, unknown>;

const make = (lot: string, phones: readonly string[], hours: number): EventJson[] => [
  {
    type: "ObjectEvent",
    action: "ADD",
    ...at(hours, PLACES.salo, "creating_class_instance"),
    quantityList: [{ epcClass: lot, quantity: phones.length }],
  },
  {
    type: "TransformationEvent",
    ...at(hours + 8, PLACES.salo, "commissioning"),
    inputQuantityList: [{ epcClass: lot, quantity: phones.length }],
    outputEPCList: phones,
    ilmd: { "example:productName": "Aurora One, 128 GB" },
    disposition: "active",
  },
];

const phones = [...STORY.recalled, STORY.good, STORY.cloned];

const MAKING: EventJson[] = [
  ...make(STORY.badLot, STORY.recalled, 0),
  ...make(STORY.goodLot, [STORY.good, STORY.cloned], 2),
];

const PACKING: EventJson[] = [
  { type: "ObjectEvent", action: "ADD", ...at(20, PLACES.salo, "commissioning"), epcList: [STORY.pallet] },
  {
    type: "AggregationEvent",
    action: "ADD",
    ...at(21, PLACES.salo, "packing"),
    parentID: STORY.pallet,
    childEPCs: phones,
  },
  {
    type: "ObjectEvent",
    action: "OBSERVE",
    ...at(24, PLACES.salo, "shipping"),
    disposition: "in_transit",
    epcList: [STORY.pallet],
    ...HAND_OVER,
  },
  {
    type: "ObjectEvent",
    action: "OBSERVE",
    ...at(40, PLACES.baltic, "sensor_reporting"),
    epcList: [STORY.pallet],
    ...temperatures(
      "5c1d8a4be0f2379a6bd41c0e8f7729ab31d4e650",
      25,
      [18.2, 19.4, 22.8, 31.5, 27.1, 21.9, 20.3],
    ),
  },
];

const ARRIVING: EventJson[] = [
  {
    type: "ObjectEvent",
    action: "OBSERVE",
    ...at(60, PLACES.berlin, "receiving"),
    epcList: [STORY.pallet],
    ...HAND_OVER,
  },
  {
    type: "AggregationEvent",
    action: "DELETE",
    ...at(62, PLACES.berlin, "unpacking"),
    parentID: STORY.pallet,
    childEPCs: phones,
    disposition: "sellable_accessible",
  },
  ...[STORY.recalled[0], STORY.cloned].map((phone, i) => ({
    type: "ObjectEvent",
    action: "OBSERVE",
    ...at(90 + i, PLACES.berlin, "retail_selling"),
    disposition: "retail_sold",
    epcList: [phone],
  })),
];

/** Three hours after it was sold in Berlin. */
const SECOND_SIGHT: EventJson[] = [
  {
    type: "ObjectEvent",
    action: "OBSERVE",
    ...at(94, PLACES.melbourne, "repairing"),
    epcList: [STORY.cloned],
  },
];

const HOSTILE: EventJson[] = [
  {
    type: "ObjectEvent",
    action: "ADD",
    ...at(100, PLACES.salo, "https://example.org/steps/%3Cscript%3Ewindow.hacked=1%3C/script%3E"),
    epcList: [STORY.hostile],
    ilmd: { "example:productName": `<img src=x onerror="window.hacked=1">\u202e${"long ".repeat(200)}` },
    ...temperatures("%22%3E%3Cimg", 1, [1, 2]),
  },
];

const LONG_STEPS = 20;

const LONG: EventJson[] = Array.from({ length: LONG_STEPS }, (_, i) => ({
  type: "ObjectEvent",
  action: i === 0 ? "ADD" : "OBSERVE",
  ...at(110 + i, PLACES.salo, i === 0 ? "commissioning" : "inspecting"),
  epcList: [STORY.long],
}));

interface Keys {
  readonly chainId: string;
  readonly keys: readonly {
    readonly role: string;
    readonly address: string;
    readonly seed: string;
    readonly prefixes?: readonly string[];
  }[];
}

export interface Teller {
  /** Resolves when the document is provable. */
  capture(prefix: "maker" | "shop", events: readonly EventJson[]): Promise<void>;
}

export async function createTeller(url: string): Promise<Teller> {
  const client = createClient({ url });
  const answer = await fetch(`${url}/api/v1/development/keys`);
  const { chainId, keys } = (await answer.json()) as Keys;
  return {
    capture: (who, events) => {
      const wanted = who === "maker" ? MAKER : SHOP;
      const found = keys.find(({ role, prefixes }) => role === "vendor" && prefixes?.includes(wanted));
      if (found === undefined) throw new Error(`no development vendor has the prefix ${wanted}`);
      return captureDocument(client, chainId, found, events);
    },
  };
}

async function captureDocument(
  client: Client,
  chainId: string,
  { address, seed }: Keys["keys"][number],
  events: readonly EventJson[],
): Promise<void> {
  const document = {
    "@context": [
      "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
      { example: "https://example.org/" },
    ],
    type: "EPCISDocument",
    schemaVersion: "2.0",
    creationDate: "2026-03-20T00:00:00Z",
    epcisBody: { eventList: events },
  };
  const { bytes, id } = buildCapture({
    chainId,
    vendor: fromHex(address),
    captureSeq: (await client.getVendor(address)).nextCaptureSeq,
    document: new TextEncoder().encode(JSON.stringify(document)),
    signer: signerFromSecret(keyFromSeed(ALG_EDDSA, fromHex(seed))),
  });
  const result = await client.submit(bytes);
  if (result.state !== "accepted") throw new Error(`${result.code} ${result.field}: ${result.message}`);
  const state = await client.waitFor([...id].map((byte) => byte.toString(16).padStart(2, "0")).join(""), {
    until: "provable",
  });
  if (state.state !== "provable" || state.status !== "ok") throw new Error(JSON.stringify(state));
}

/** The whole story; the clone is seen last, so that a test can keep an answer from before. */
export async function tellStory(teller: Teller): Promise<void> {
  await teller.capture("maker", MAKING);
  await teller.capture("maker", PACKING);
  await teller.capture("shop", ARRIVING);
  await teller.capture("maker", HOSTILE);
  for (const event of LONG) await teller.capture("maker", [event]);
}

export function seeClone(teller: Teller): Promise<void> {
  return teller.capture("maker", SECOND_SIGHT);
}
