/** Valid encodings of everything a node reads, taken from a small chain that was really run. */

import {
  addressOf,
  approve,
  makeReadings,
  makeRegistration,
  type SignedSubmission,
  signCapture,
  signCollection,
  signTransaction,
} from "../../packages/node/e2e/statements.ts";
import { createQueryContext } from "../../packages/node/src/application/query-context.ts";
import { GENESIS_MS, openTestChain, type TestChain } from "../../packages/node/src/application/testing.ts";
import { createDevChain, type DevChain } from "../../packages/node/src/dev-chain.ts";
import { getHistoryProof } from "../../packages/node/src/queries/logs.ts";
import { buildReceipt, buildValueProof } from "../../packages/node/src/queries/proofs.ts";
import { encodeUtf8, fromHex } from "../../packages/protocol/src/core/bytes.ts";
import { encode } from "../../packages/protocol/src/core/codec/definition.ts";
import { ALG_EDDSA } from "../../packages/protocol/src/core/crypto.ts";
import { anchor } from "../../packages/protocol/src/core/proof/anchor.ts";
import { ITEMS } from "../../packages/protocol/src/core/state/partition.ts";
import { submission } from "../../packages/protocol/src/core/statement/submission.ts";
import { canonicalIdentity } from "../../packages/protocol/src/epcis/identity.ts";
import type { Message } from "../../packages/protocol/src/ledger.ts";
import {
  buildTraceBundle,
  encodeTraceBundle,
} from "../../packages/protocol/src/modules/trace/trace-bundle.ts";
import {
  DEFAULT_TRACE_QUERY,
  type TraceQuery,
} from "../../packages/protocol/src/modules/trace/trace-query.ts";
import { keyFromSeed, type SecretKey } from "../../packages/sdk/src/keys/keys.ts";

export interface Corpus {
  readonly chain: TestChain;
  readonly device: SecretKey;
  readonly submissions: readonly SignedSubmission[];
  readonly documents: readonly Uint8Array[];
  readonly receipts: readonly Uint8Array[];
  readonly anchors: readonly Uint8Array[];
  readonly valueProofs: readonly Uint8Array[];
  readonly historyProofs: readonly Uint8Array[];
  readonly bundles: readonly Uint8Array[];
  readonly identity: string;
  readonly query: TraceQuery;
}

const NEW_VALIDATOR = keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(9));
const EXPIRY_MS = GENESIS_MS + 3_600_000;
const IDENTITY = "https://id.gs1.org/01/04012345000009/21/1";
const sgtin = (serial: number): string => `urn:epc:id:sgtin:4012345.000000.${serial}`;
const SSCC = "urn:epc:id:sscc:4012345.0000000001";
const at = (hour: number): object => ({
  eventTime: `2026-01-02T${String(hour).padStart(2, "0")}:00:00.000Z`,
  eventTimeZoneOffset: "+00:00",
});

/** One document with events of all five types. */
const EVENTS: readonly object[] = [
  {
    type: "ObjectEvent",
    ...at(1),
    epcList: [sgtin(1), sgtin(2), SSCC],
    action: "ADD",
    bizStep: "commissioning",
    disposition: "active",
    readPoint: { id: "urn:epc:id:sgln:4012345.00001.0" },
    quantityList: [{ epcClass: "urn:epc:class:lgtin:4012345.000000.L1", quantity: 10.5, uom: "KGM" }],
    sensorElementList: [
      {
        sensorMetadata: { time: "2026-01-02T01:00:00Z" },
        sensorReport: [{ type: "Temperature", value: 21.25, uom: "CEL" }],
      },
    ],
  },
  {
    type: "AggregationEvent",
    ...at(2),
    parentID: SSCC,
    childEPCs: [sgtin(1), sgtin(2)],
    action: "ADD",
    bizStep: "packing",
  },
  {
    type: "AssociationEvent",
    ...at(3),
    parentID: "urn:epc:id:giai:4012345.100",
    childEPCs: [sgtin(2)],
    action: "ADD",
    "ex:note": { "ex:deep": ["a", 1.5, true] },
  },
  {
    type: "TransactionEvent",
    ...at(4),
    eventID: "ni:///sha-256;36d9d8f9fdd3ecc90ffa6b0f1ba8e5e3c3d0f4c0ba9f6d3a1f0b3b1c6a4f2e11?ver=CBV2.0",
    bizTransactionList: [{ type: "po", bizTransaction: "urn:epc:id:gdti:4012345.00001.1" }],
    epcList: [SSCC],
    action: "ADD",
    sourceList: [{ type: "owning_party", source: "urn:epc:id:pgln:4012345.00001" }],
  },
  {
    type: "TransformationEvent",
    ...at(5),
    transformationID: "urn:epc:id:gdti:4012345.00002.T1",
    inputQuantityList: [{ epcClass: "urn:epc:class:lgtin:4012345.000000.L1", quantity: 4, uom: "KGM" }],
    outputEPCList: [sgtin(3)],
    ilmd: { "ex:best": "2027-01-01" },
  },
];

function makeDocument(events: readonly object[]): Uint8Array {
  return encodeUtf8(
    JSON.stringify({
      "@context": [
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        { ex: "https://example.com/epcis/" },
      ],
      type: "EPCISDocument",
      schemaVersion: "2.0",
      creationDate: "2026-01-02T08:00:00.000Z",
      epcisBody: { eventList: events },
    }),
  );
}

/** A message of every type, with approvals that hold where they are needed. */
function makeMessages({ dev, application }: TestChain, device: SecretKey): Message[] {
  const { chainId } = application;
  const [first, second] = dev.vendors;
  const vendor = addressOf(second!.key);
  const stranger = addressOf(dev.operators[1]!);
  const consensusKey = NEW_VALIDATOR.publicKey;
  const operator = addressOf(keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(8)));
  const key = { alg: device.alg, bytes: device.publicKey };
  const approvals = (name: string, body: Parameters<typeof approve>[1]["body"]): Uint8Array[] =>
    approve(dev.operators.slice(0, 4), { chainId, name, body, expiryMs: EXPIRY_MS });
  const admission = { vendor: stranger, name: "Third", prefixes: ["7612345"], version: 0 };
  return [
    { type: "token.transfer", body: { to: vendor, amount: 5n } },
    { type: "token.allow-fees", body: { spender: vendor, limit: 10n ** 9n, expiryMs: EXPIRY_MS } },
    { type: "token.buy-credit", body: { vendor: addressOf(first!.key), credits: 1_000_000 } },
    makeRegistration(chainId, addressOf(first!.key), device, EXPIRY_MS),
    { type: "identity.limit-device", body: { device: addressOf(device), creditsPerDayMax: 1_000_000 } },
    { type: "identity.rotate-device-key", body: { device: addressOf(device), key } },
    {
      type: "identity.delegate-capture",
      body: { key, scope: { prefixes: ["4012345"], expiryMs: EXPIRY_MS } },
    },
    { type: "identity.revoke-capture", body: { keyBytes: device.publicKey } },
    {
      type: "collection.open-stream",
      body: { device: addressOf(device), stream: 1, afterStream: 0, lastId: new Uint8Array(32) },
    },
    { type: "identity.revoke-device", body: { device: addressOf(device), fromHeight: 1_000_000 } },
    { type: "chain.tick", body: {} },
    {
      type: "command.send",
      body: {
        device: addressOf(device),
        number: 1,
        name: "reboot",
        payload: Uint8Array.of(1),
        expiryMs: EXPIRY_MS,
      },
    },
    { type: "command.delegate", body: { program: stranger, expiryMs: EXPIRY_MS } },
    {
      type: "attestation.register",
      body: { digest: new Uint8Array(32).fill(7), sizeBytes: 1, mediaType: "text/plain", note: "note" },
    },
    {
      type: "identity.admit-vendor",
      body: {
        ...admission,
        consents: [],
        approvals: approvals("identity.admit-vendor", [stranger, "Third", ["7612345"], 0]),
      },
    },
    {
      type: "chain.set-parameter",
      body: {
        name: "gasPerByte",
        value: 3n,
        activateAtMs: 0,
        version: 0,
        approvals: approvals("chain.set-parameter", ["gasPerByte", 3n, 0, 0]),
      },
    },
    {
      type: "groups.create",
      body: {
        name: "new",
        vendors: [vendor],
        version: 0,
        approvals: approvals("groups.create", ["new", [vendor], 0]),
      },
    },
    {
      type: "validators.change",
      body: {
        changes: [{ operator, consensusKey, power: 1n }],
        version: 0,
        approvals: approvals("validators.change", [[[operator, consensusKey, 1n]], 0]),
      },
    },
  ];
}

/** The development chain with keys that are the same in every run, so that inputs can be tried again. */
function makeSeededDevChain(): DevChain {
  const { genesis, ...made } = createDevChain(GENESIS_MS);
  let next = 20;
  const renamed = new Map<string, Uint8Array>();
  const renew = (key: SecretKey): SecretKey => {
    const seeded = keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(next++));
    renamed.set(addressOf(key).join(), addressOf(seeded));
    return seeded;
  };
  const rename = (address: Uint8Array): Uint8Array => renamed.get(address.join())!;
  const operators = made.operators.map(renew);
  const consensusKeys = made.consensusKeys.map(renew);
  const vendors = made.vendors.map((vendor) => ({ ...vendor, key: renew(vendor.key) }));
  const faucet = renew(made.faucet);
  return {
    operators,
    consensusKeys,
    vendors,
    faucet,
    genesis: {
      ...genesis,
      accounts: genesis.accounts.map((entry) => ({ ...entry, address: rename(entry.address) })),
      validators: genesis.validators.map((entry, i) => ({
        ...entry,
        operator: rename(entry.operator),
        consensusKey: consensusKeys[i]!.publicKey,
      })),
      vendors: genesis.vendors.map((entry) => ({ ...entry, account: rename(entry.account) })),
      groups: genesis.groups.map((group) => ({ ...group, vendors: group.vendors.map(rename) })),
    },
  };
}

export async function makeCorpus(): Promise<Corpus> {
  const made = makeSeededDevChain();
  // The key of the validator that the last message brings in: the ledger's fuzzer lets it in.
  const chain = await openTestChain({
    dev: { ...made, consensusKeys: [...made.consensusKeys, NEW_VALIDATOR] },
  });
  const { application, dev } = chain;
  const { chainId } = application;
  const vendor = dev.vendors[0]!.key;
  const device = keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(5));
  const transactions = makeMessages(chain, device).map((message, nonce) =>
    signTransaction(vendor, { chainId, nonce, expiryMs: EXPIRY_MS, messages: [message] }),
  );
  const first = signCollection(device, {
    chainId,
    seq: 1,
    prevId: new Uint8Array(32),
    readings: makeReadings(3),
  });
  const second = signCollection(device, {
    chainId,
    seq: 2,
    prevId: first.idBytes,
    readings: makeReadings(1),
  });
  const documents = [
    makeDocument(EVENTS),
    ...EVENTS.map((event) => makeDocument([event])),
    encodeUtf8(
      JSON.stringify({
        "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        ...EVENTS[0],
      }),
    ),
  ];
  const captures = documents
    .slice(0, 1)
    .map((document, captureSeq) => signCapture(vendor, { chainId, captureSeq, document }));
  const submissions = [...transactions, first, second, ...captures];
  await chain.commit(transactions.slice(0, -1));
  await chain.commit([first, second, ...captures]);
  await chain.commit([]);
  const context = createQueryContext(application);
  const ids = [transactions[0]!.id, first.id];
  const itemsAnchor = encode(anchor, context.anchorOf(ITEMS));
  const { key } = canonicalIdentity(IDENTITY, "");
  const { bundle } = buildTraceBundle(
    {
      hasher: application.crypto,
      state: context.provable,
      proveValue: (stateKey) => application.state.proveValue(ITEMS, stateKey, context.provableHeight!),
      getStatement: () => captures[0]!.statement,
      anchor: itemsAnchor,
    },
    key,
    DEFAULT_TRACE_QUERY,
  );
  return {
    chain,
    device,
    submissions,
    documents,
    receipts: [...ids.map((id) => buildReceipt(context, id)), buildReceipt(context, captures[0]!.id, 1)],
    anchors: [itemsAnchor],
    valueProofs: [buildValueProof(context, ITEMS, encodeUtf8("absent"))],
    historyProofs: [fromHex(getHistoryProof(context, { height: 2 }).proof.bytes)],
    bundles: [encodeTraceBundle(bundle)],
    identity: key,
    query: DEFAULT_TRACE_QUERY,
  };
}

export function encodeSubmissions(entries: readonly SignedSubmission[]): Uint8Array[] {
  return entries.map(({ statement, body }) => encode(submission, { statement, body }));
}
