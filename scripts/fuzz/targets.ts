/** What is fuzzed: every decoder of the node, and what else takes strangers' bytes. Only LhgError may come out. */

import { isDeepStrictEqual } from "node:util";
import { openProposal, proposal } from "../../packages/node/src/blocks/proposal.ts";
import { blockRecord, headRecord } from "../../packages/node/src/blocks/records.ts";
import { blockKey, certificateKey, HEAD_KEY } from "../../packages/node/src/blocks/store-keys.ts";
import { DEFAULT_CONFIG, readConfig } from "../../packages/node/src/config.ts";
import { sodiumCrypto } from "../../packages/node/src/crypto/sodium.ts";
import { openInboxLog } from "../../packages/node/src/store/inbox-log.ts";
import { createCrashingFiles } from "../../packages/node/src/store/memory-file-port.ts";
import { certificate } from "../../packages/protocol/src/core/block/certificate.ts";
import { evidence } from "../../packages/protocol/src/core/block/evidence.ts";
import { header } from "../../packages/protocol/src/core/block/header.ts";
import { outcome } from "../../packages/protocol/src/core/block/outcome.ts";
import { hashValidators, validatorSet } from "../../packages/protocol/src/core/block/validator-set.ts";
import { decodeUtf8, encodeUtf8, equalBytes } from "../../packages/protocol/src/core/bytes.ts";
import { decodeCbor, decodeForeignCbor, encodeCbor } from "../../packages/protocol/src/core/codec/cbor.ts";
import { type Codec, decode, encode, fromJson } from "../../packages/protocol/src/core/codec/definition.ts";
import { decodeForeignSign1, decodeSign1, toSignatureCheck } from "../../packages/protocol/src/core/cose.ts";
import { assertInvariant, LhgError } from "../../packages/protocol/src/core/errors.ts";
import { genesis } from "../../packages/protocol/src/core/genesis.ts";
import { parseJson } from "../../packages/protocol/src/core/json.ts";
import { parameters } from "../../packages/protocol/src/core/parameters.ts";
import { type Anchor, anchor } from "../../packages/protocol/src/core/proof/anchor.ts";
import {
  type Receipt,
  receipt,
  valueProof,
  verifyReceipt,
  verifyValue,
} from "../../packages/protocol/src/core/proof/receipt.ts";
import { getLeaf } from "../../packages/protocol/src/core/state/log.ts";
import { ITEMS } from "../../packages/protocol/src/core/state/partition.ts";
import { approval } from "../../packages/protocol/src/core/statement/approval.ts";
import { capture } from "../../packages/protocol/src/core/statement/capture.ts";
import { submission } from "../../packages/protocol/src/core/statement/submission.ts";
import {
  hoistContext,
  joinDocument,
  parseHead,
  parseSlice,
  readDocument,
} from "../../packages/protocol/src/epcis/document.ts";
import { readEvent } from "../../packages/protocol/src/epcis/event.ts";
import { eventHash } from "../../packages/protocol/src/epcis/event-hash.ts";
import { canonicalIdentity } from "../../packages/protocol/src/epcis/identity.ts";
import {
  getHistory,
  HISTORY_LOG,
  historyLeaf,
  historyProof,
  verifyHistoryProof,
} from "../../packages/protocol/src/history.ts";
import { transaction } from "../../packages/protocol/src/ledger.ts";
import { collection } from "../../packages/protocol/src/modules/collection/messages.ts";
import { traceBundle } from "../../packages/protocol/src/modules/trace/trace-bundle.ts";
import {
  type TraceVerdict,
  trustItemsAnchor,
  verifyTraceBundle,
} from "../../packages/protocol/src/modules/trace/verify-trace.ts";
import { executedRecord } from "../../packages/protocol/src/partition-logs.ts";
import { readSenmlJson } from "../../packages/protocol/src/senml/json.ts";
import { senmlPack } from "../../packages/protocol/src/senml/record.ts";
import { resolveSenml } from "../../packages/protocol/src/senml/resolve.ts";
import { prepareStatement } from "../../packages/protocol/src/statements.ts";
import { decryptKey, encryptKey } from "../../packages/sdk/src/keys/keystore.ts";
import { abciTarget } from "./abci-target.ts";
import { createCometSnapshotTarget } from "./comet-snapshot-target.ts";
import { cometTargets } from "./comet-targets.ts";
import { type Corpus, encodeSubmissions } from "./corpus.ts";
import { dbftTargets } from "./dbft-target.ts";
import { deviceTargets } from "./device-targets.ts";
import { expectNoRefusal } from "./expect-no-refusal.ts";
import { gossipTargets } from "./gossip-targets.ts";
import { createLedgerTarget } from "./ledger-target.ts";
import { mutate, type Random } from "./mutate.ts";
import { peerTargets } from "./peer-targets.ts";
import { signerTargets } from "./signer-targets.ts";
import { createSnapshotTargets } from "./snapshot-targets.ts";
import { syncTargets } from "./sync-targets.ts";

export interface Target {
  readonly name: string;
  /** A hostile input. */
  readonly draw: (random: Random) => Uint8Array;
  /** What an input that is not refused was found to be, where "accepted" would say too much or too little. */
  readonly acceptedAs?: string;
  /** Throws LhgError for what is refused, anything else where something is wrong; returns how many inputs it made of this one, if not one. */
  readonly run: (input: Uint8Array) => number | undefined | void | Promise<void>;
}

/** A proof that still holds shows what the true one shows: by other signatures of a quorum, or with its parts in another order. */
const SAME_MEANING = "same meaning";

function refuse(message: string): never {
  throw new LhgError("fuzz.refused", message);
}

/** Decodes and, where that succeeds, demands that the value encodes to the same bytes: there is one encoding. */
function codecTarget<T>(name: string, codec: Codec<T>, seeds: readonly Uint8Array[]): Target {
  return seedTarget(`codec ${name}`, seeds, (input) => {
    const value = decode(codec, input, name);
    expectNoRefusal(() => {
      assertInvariant(equalBytes(encode(codec, value, name), input), "what decodes has one encoding");
      codec.toJson(value);
    });
  });
}

function seedTarget(
  name: string,
  seeds: readonly Uint8Array[],
  run: Target["run"],
  acceptedAs = "accepted",
): Target {
  assertInvariant(seeds.length > 0, `${name} has valid inputs to begin with`);
  return { name, draw: (random) => mutate(random, seeds), run, acceptedAs };
}

function jsonTarget(name: string, seeds: readonly unknown[], run: (json: unknown) => void): Target {
  const encoded = seeds.map((seed) => encodeUtf8(JSON.stringify(seed)));
  return seedTarget(name, encoded, (input) => {
    let json: unknown;
    try {
      json = JSON.parse(decodeUtf8(input));
    } catch {
      return refuse("is no JSON");
    }
    run(json);
  });
}

function readEvents(document: Uint8Array): void {
  const read = readDocument(document);
  joinDocument(read.parts);
  const { head, slices } = read.parts;
  const context = read.events.length > 0 ? parseHead(head) : read.context;
  for (const [i, slice] of slices.entries()) {
    const path = `$[${i}]`;
    const node = parseSlice(slice, path);
    eventHash(node, context, sodiumCrypto, path);
    readEvent(node, context, { path });
  }
}

function coreTargets(corpus: Corpus): Target[] {
  const submissions = encodeSubmissions(corpus.submissions);
  const statements = corpus.submissions.map((entry) => entry.statement);
  const payloads = (kind: string): Uint8Array[] =>
    statements.flatMap((bytes) => {
      const sign1 = decodeSign1(bytes);
      return sign1.kind === kind ? [sign1.payload] : [];
    });
  const anything = [...submissions, ...corpus.receipts, ...corpus.bundles];
  return [
    seedTarget("cbor strict", anything, (input) =>
      assertInvariant(equalBytes(encodeCbor(decodeCbor(input)), input), "strict CBOR has one encoding"),
    ),
    seedTarget("cbor foreign", anything, (input) => void decodeForeignCbor(input)),
    seedTarget("cose", statements, (input) => {
      const sign1 = decodeSign1(input);
      sodiumCrypto.verify(toSignatureCheck(sign1));
    }),
    seedTarget("cose foreign", statements, (input) => void decodeForeignSign1(input)),
    seedTarget("statement", submissions, (input) => {
      const prepared = prepareStatement(sodiumCrypto, decode(submission, input, "submission"));
      sodiumCrypto.verify(toSignatureCheck(prepared.sign1));
    }),
    codecTarget("submission", submission, submissions),
    codecTarget("transaction", transaction, payloads("transaction")),
    codecTarget("collection", collection, payloads("collection")),
    codecTarget("capture", capture, payloads("capture")),
    jsonTarget(
      "json of transactions",
      payloads("transaction").map((bytes) => transaction.toJson(decode(transaction, bytes))),
      (json) => void encode(transaction, fromJson(transaction, json, "transaction")),
    ),
  ];
}

function chainTargets(corpus: Corpus): Target[] {
  const { application, dev } = corpus.chain;
  const { store, tip, crypto } = application;
  const heights = [1, 2, 3];
  const records = heights.map((height) => application.getBlock(height)!);
  const headers = records.map((entry) => encode(header, entry.header));
  const certificates = heights.map((height) => store.get(certificateKey(height))!);
  const proposals = records
    .map(({ header, lastCertificate }) =>
      encode(proposal, { header, statements: [], lastCertificate, evidence: [] }),
    )
    .filter((encoded) => openProposal(crypto, encoded) !== undefined);
  const vote = { blockHash: new Uint8Array(32), preparedView: null, signature: new Uint8Array(64) };
  const evidences = [
    encode(evidence, { epoch: 0, height: 5, view: 1, type: 3, validatorIndex: 1, first: vote, second: vote }),
  ];
  const approvals = [
    encode(approval, { chainId: application.chainId, actionHash: new Uint8Array(32), expiryMs: 9 }),
  ];
  const outcomes = corpus.receipts.map((bytes) => decode(receipt, bytes).outcome);
  const executed = outcomes.map((bytes) =>
    encode(executedRecord, {
      partitionId: tip.base.parent,
      index: 1,
      height: 2,
      position: 3,
      outcome: bytes,
      notices: [{ module: 1, kind: 2, attributes: [1, "two", new Uint8Array(3)] }],
      touched: [tip.base.parent],
      failure: { field: "a", message: "b" },
    }),
  );
  const trust = {
    chainId: application.chainId,
    validatorsHash: hashValidators(crypto, records[0]!.validators),
  };
  const asked = { identity: corpus.identity, query: corpus.query };
  const { result: trueTrace } = verifyTraceBundle(
    crypto,
    corpus.bundles[0]!,
    trustItemsAnchor(crypto, trust),
    asked,
  );
  assertInvariant(trueTrace !== undefined, "the bundle of the corpus holds");
  return [
    codecTarget("genesis", genesis, [encode(genesis, dev.genesis)]),
    codecTarget("parameters", parameters, [encode(parameters, dev.genesis.parameters)]),
    codecTarget("header", header, headers),
    codecTarget("certificate", certificate, certificates),
    codecTarget("validators", validatorSet, [encode(validatorSet, tip.validators)]),
    codecTarget("evidence", evidence, evidences),
    codecTarget("approval", approval, approvals),
    codecTarget("outcome", outcome, outcomes),
    codecTarget("executed", executedRecord, executed),
    codecTarget("block record", blockRecord, [store.get(blockKey(2))!]),
    codecTarget("head record", headRecord, [store.get(HEAD_KEY)!]),
    codecTarget("receipt", receipt, corpus.receipts),
    codecTarget("anchor", anchor, corpus.anchors),
    codecTarget("value proof", valueProof, corpus.valueProofs),
    codecTarget("history proof", historyProof, corpus.historyProofs),
    codecTarget("trace bundle", traceBundle, corpus.bundles),
    jsonTarget(
      "json of genesis",
      [genesis.toJson(dev.genesis)],
      (json) => void fromJson(genesis, json, "genesis"),
    ),
    seedTarget("proposal", proposals, (input) => {
      if (openProposal(crypto, input) === undefined) refuse("is not what its header commits to");
    }),
    seedTarget(
      "verify receipt",
      corpus.receipts,
      (input) => {
        verifyReceipt(crypto, trust, input);
        const isTrue = corpus.receipts.some((valid) => isSameReceipt(valid, input));
        assertInvariant(isTrue, "a changed receipt does not verify");
      },
      SAME_MEANING,
    ),
    seedTarget(
      "verify value",
      corpus.valueProofs,
      (input) => {
        const { subject } = verifyValue(crypto, trust, input);
        const held = application.state.getValue(ITEMS, subject.key) ?? null;
        const isTrue = equalBytes(subject.anchor.partitionId, ITEMS.id) && isSameValue(subject.value, held);
        assertInvariant(isTrue, "a value that the chain does not hold is proven");
      },
      "true of the chain",
    ),
    seedTarget(
      "verify history",
      corpus.historyProofs,
      (input) => {
        const { entry } = verifyHistoryProof(crypto, trust, input);
        const leaf = encode(historyLeaf, entry);
        const size = getHistory(application.state)?.size ?? 0;
        const isTrue = Array.from({ length: size }, (_, i) =>
          getLeaf(application.state, HISTORY_LOG, i),
        ).some((held) => held !== undefined && equalBytes(held, leaf));
        assertInvariant(isTrue, "an app hash that the chain never had is confirmed");
      },
      "true of the chain",
    ),
    seedTarget(
      "verify trace",
      corpus.bundles,
      (input) => {
        const verdict = verifyTraceBundle(crypto, input, trustItemsAnchor(crypto, trust), asked);
        if (!verdict.isComplete) throw refusalOf(verdict);
        const isTrue = isDeepStrictEqual(verdict.result, trueTrace);
        assertInvariant(isTrue, "a trace that the chain does not hold is complete");
      },
      SAME_MEANING,
    ),
  ];
}

function isSameValue(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : equalBytes(a, b);
}

/**
 * Whether two anchors prove the same by the same header. One header has many proofs of being final: any signatures of a quorum.
 *  */
function isSameAnchor(a: Anchor, b: Anchor): boolean {
  const bare = (value: Anchor): Uint8Array =>
    encode(anchor, {
      ...value,
      header: { ...value.header, certificate: ONE, validators: ONE_VALIDATOR },
      transitions: [],
    });
  return equalBytes(a.header.header, b.header.header) && equalBytes(bare(a), bare(b));
}
const ONE = new Uint8Array(1);
const ONE_VALIDATOR = [{ operator: new Uint8Array(20), consensusKey: new Uint8Array(32), power: 1n }];

/** The verdict on a bundle tells its problems and throws none. */
function refusalOf({ problems }: TraceVerdict): LhgError {
  const [problem] = problems;
  assertInvariant(problem !== undefined, "a trace that is not complete says why");
  return new LhgError(problem.code, problem.message, problem.where);
}

function isSameReceipt(validBytes: Uint8Array, bytes: Uint8Array): boolean {
  const [valid, read] = [validBytes, bytes].map((each) => decode(receipt, each)) as [Receipt, Receipt];
  const bare = (value: Receipt): Uint8Array => encode(receipt, { ...value, anchor: valid.anchor });
  return (
    isSameAnchor(valid.anchor, read.anchor) && (read.event === null || equalBytes(bare(valid), bare(read)))
  );
}

function textTargets(corpus: Corpus): Target[] {
  const senml = encodeUtf8(
    JSON.stringify([
      { bn: "urn:dev:ow:1:", bt: 1.3e9, bu: "A", n: "x", v: 1.2 },
      { n: "y", t: 2, vs: "a" },
    ]),
  );
  const identities = ["urn:epc:id:sgtin:4012345.000000.1", corpus.identity, "https://example.com/a?b=c#d"];
  const pack = encode(senmlPack, [
    { n: "a", v: { mantissa: 5n, exponent: -1 }, t: { mantissa: 17n, exponent: 8 } },
  ]);
  return [
    seedTarget("json", [...corpus.documents, senml], (input) => void parseJson(input)),
    seedTarget("epcis events", corpus.documents, readEvents),
    seedTarget("epcis hoist", corpus.documents, (input) => void readDocument(hoistContext(input))),
    seedTarget("epcis identity", identities.map(encodeUtf8), (input) => {
      const { key } = canonicalIdentity(decodeUtf8(input), "identity");
      assertInvariant(canonicalIdentity(key, "identity").key === key, "a canonical identity stays as it is");
    }),
    seedTarget("senml json", [senml], (input) => void resolveSenml(readSenmlJson(input))),
    seedTarget("senml cbor", [pack], (input) => void resolveSenml(decode(senmlPack, input, "readings"))),
  ];
}

function nodeTargets(corpus: Corpus): Target[] {
  const options = { random: (size: number) => new Uint8Array(size).fill(3), scryptN: 1024 };
  const keyFile = encryptKey(corpus.device, "passphrase", options);
  const { dataDirectory, ...settings } = DEFAULT_CONFIG;
  return [
    jsonTarget("keystore", [keyFile], (json) => {
      // Half a second of scrypt is what a key file may cost; the fuzzer has no time for it.
      const n = (json as { kdf?: { n?: unknown } } | null)?.kdf?.n;
      if (typeof n === "number" && n > 4096) refuse("costs too much to try here");
      decryptKey(json, "passphrase");
    }),
    jsonTarget("config", [{ dataDirectory, ...settings, publicUrl: "https://node.example" }], (json) => {
      if (typeof json !== "object" || json === null) refuse("is no object");
      readConfig(json as Record<string, unknown>);
    }),
    inboxTarget(),
  ];
}

/** The segment file of an inbox log, damaged. */
function inboxTarget(): Target {
  const records = Array.from({ length: 5 }, (_, i) => new Uint8Array(10 + 900 * i).fill(i));
  let segment: Uint8Array | undefined;
  const name = "000000000000.inbox";
  return {
    name: "inbox",
    acceptedAs: "recovered",
    draw: (random) => (segment === undefined ? Uint8Array.of(random(256)) : mutate(random, [segment])),
    async run(input) {
      if (segment === undefined) {
        const disk = createCrashingFiles(1);
        const log = await openInboxLog(disk.port);
        await log.appendMany(records.slice(0, 3));
        await log.appendMany(records.slice(3));
        await log.close();
        segment = await disk.port.read(name);
      }
      const disk = createCrashingFiles(1);
      const file = await disk.port.create(name);
      await file.append(input);
      await file.sync();
      const log = await openInboxLog(disk.port);
      let count = 0;
      for await (const { record } of log.recover()) if (record.length >= 0) count++;
      assertInvariant(count <= 100_000, "recovery is bounded by the file");
      await log.close();
    },
  };
}

export async function makeTargets(corpus: Corpus): Promise<Target[]> {
  return [
    ...coreTargets(corpus),
    ...chainTargets(corpus),
    ...textTargets(corpus),
    ...nodeTargets(corpus),
    ...dbftTargets(),
    ...deviceTargets(),
    ...gossipTargets(),
    ...syncTargets(),
    ...signerTargets(),
    ...cometTargets(),
    abciTarget(),
    ...peerTargets(),
    await createLedgerTarget(corpus),
    ...(await createSnapshotTargets(corpus)),
    await createCometSnapshotTarget(),
  ];
}
