import assert from "node:assert/strict";
import { test } from "node:test";
import { deriveAddress } from "@lhg/protocol/core/account";
import { certificate, commitSignBytes } from "@lhg/protocol/core/block/certificate";
import {
  type CometCommit,
  cometVoteSignBytes,
  encodeCometCommit,
  FLAG_COMMIT,
} from "@lhg/protocol/core/block/comet-commit";
import { type CometHeader, encodeCometHeader, hashCometHeader } from "@lhg/protocol/core/block/comet-header";
import { type Header, hashHeader, header } from "@lhg/protocol/core/block/header";
import { outcome } from "@lhg/protocol/core/block/outcome";
import { hashValidators, sortValidators, validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { encodeUtf8, toHex, ZERO32 } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { computeChainId, DEFAULT_INITIAL_SUPPLY, type Genesis } from "@lhg/protocol/core/genesis";
import { hashLeaf, inclusionPathOf, logRoot } from "@lhg/protocol/core/merkle/log";
import { DEFAULT_PARAMETERS } from "@lhg/protocol/core/parameters";
import { type CertifiedHeader, ENGINE_COMETBFT, ENGINE_DBFT, EPOCH } from "@lhg/protocol/core/proof/anchor";
import { receipt } from "@lhg/protocol/core/proof/receipt";
import { BASE, type Partition, vendorPartition } from "@lhg/protocol/core/state/partition";
import { partitionRecord } from "@lhg/protocol/core/state/versioned-state";
import { submission } from "@lhg/protocol/core/statement/submission";
import { STATUS } from "@lhg/protocol/core/status";
import fc from "fast-check";
import { buildCapture } from "../capture/build.ts";
import { nodeCrypto } from "../crypto/node.ts";
import { keyFromSeed, signerFromSecret } from "../keys/keys.ts";
import { buildTransaction } from "../transaction/build.ts";
import { makeTransfer } from "../transaction/messages.ts";
import { trustFromGenesis } from "./trust.ts";
import { verifyReceipt } from "./verify-receipt.ts";
import { verifyTrace } from "./verify-trace.ts";
import { verifyValue } from "./verify-value.ts";

const key = (fill: number) => keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(fill));
const consensusKeys = [1, 2, 3, 4].map(key);
const vendorSigner = signerFromSecret(key(9));
const vendor = deriveAddress(nodeCrypto, vendorSigner.publicKey);
const validators = sortValidators(
  nodeCrypto,
  consensusKeys.map(({ publicKey }, i) => ({
    operator: new Uint8Array(20).fill(i + 1),
    consensusKey: publicKey,
    power: 1n,
  })),
);
const genesis: Genesis = {
  name: "test",
  kind: 1,
  protocolVersion: 1,
  timeMs: 1_700_000_000_000,
  initialSupply: DEFAULT_INITIAL_SUPPLY,
  accounts: [],
  validators,
  vendors: [],
  groups: [],
  parameters: DEFAULT_PARAMETERS,
  predecessor: null,
};
const chainId = computeChainId(nodeCrypto, genesis);
const trust = trustFromGenesis(genesis);
const HEADER_MS = 1_700_000_500_000;

type Certify = (appHash: Uint8Array) => CertifiedHeader;

function signAs(consensusKey: Uint8Array, message: Uint8Array): Uint8Array {
  const secret = consensusKeys.find(({ publicKey }) => toHex(publicKey) === toHex(consensusKey))!;
  return signerFromSecret(secret).sign(message);
}

/** A header of dBFT, signed by all validators but the first. */
const certifyDbft: Certify = (appHash) => {
  const value: Header = {
    chainId,
    protocolVersion: 1,
    height: 5,
    timeMs: HEADER_MS,
    parent: ZERO32,
    proposer: new Uint8Array(20),
    transactionsRoot: ZERO32,
    appHash,
    resultsHash: ZERO32,
    lastCertificateHash: ZERO32,
    validatorsHash: hashValidators(nodeCrypto, validators),
    nextValidatorsHash: hashValidators(nodeCrypto, validators),
    evidenceHash: ZERO32,
  };
  const hash = hashHeader(nodeCrypto, value);
  const message = commitSignBytes(chainId, EPOCH, 5, 0, hash);
  const signatures = validators
    .map(({ consensusKey }, validatorIndex) => ({ validatorIndex, signature: signAs(consensusKey, message) }))
    .slice(1);
  return {
    engine: ENGINE_DBFT,
    header: encode(header, value),
    certificate: encode(certificate, { view: 0, signatures }),
    validators,
  };
};

/** A header of CometBFT, signed by all validators. */
const certifyComet: Certify = (appHash) => {
  const validatorsHash = hashValidators(nodeCrypto, validators);
  const blockIdOf = (hash: Uint8Array) => ({ hash, partSetHeader: { total: 1, hash: ZERO32 } });
  const time = { seconds: BigInt(HEADER_MS) / 1000n, nanos: 999 };
  const value: CometHeader = {
    version: { block: 11n, app: 1n },
    chainId,
    height: 5n,
    time,
    lastBlockId: blockIdOf(ZERO32),
    lastCommitHash: ZERO32,
    dataHash: ZERO32,
    validatorsHash,
    nextValidatorsHash: validatorsHash,
    consensusHash: ZERO32,
    appHash,
    lastResultsHash: ZERO32,
    evidenceHash: ZERO32,
    proposerAddress: new Uint8Array(20),
  };
  const unsigned: CometCommit = {
    height: 5n,
    round: 0,
    blockId: blockIdOf(hashCometHeader(nodeCrypto, value)),
    signatures: validators.map(({ consensusKey }) => ({
      blockIdFlag: FLAG_COMMIT,
      validatorAddress: validatorAddress(nodeCrypto, consensusKey),
      timestamp: time,
      signature: new Uint8Array(64),
    })),
  };
  const signatures = unsigned.signatures.map((each, i) => ({
    ...each,
    signature: signAs(validators[i]!.consensusKey, cometVoteSignBytes(chainId, unsigned, i)),
  }));
  return {
    engine: ENGINE_COMETBFT,
    header: encodeCometHeader(value),
    certificate: encodeCometCommit({ ...unsigned, signatures }),
    validators,
  };
};

interface ReceiptParts {
  readonly submissionBytes: Uint8Array;
  readonly id: Uint8Array;
  readonly partition: Partition;
  readonly status?: number;
  readonly openEvent?: number;
  readonly certify?: Certify;
}

function makeReceipt(parts: ReceiptParts): Uint8Array {
  const { submissionBytes, id, partition, status = 0, openEvent, certify = certifyDbft } = parts;
  const { statement, body } = decode(submission, submissionBytes);
  const outcomeBytes = encode(outcome, {
    id,
    statementLeafHash: hashLeaf(nodeCrypto, statement),
    status,
    gasUsed: 42,
    noticesRoot: ZERO32,
    touchedRoot: ZERO32,
  });
  const leaves = [ZERO32, hashLeaf(nodeCrypto, outcomeBytes), ZERO32];
  const record = encode(partitionRecord, {
    mapRoot: ZERO32,
    size: leaves.length,
    outcomesRoot: logRoot(nodeCrypto, leaves),
    statementsRoot: ZERO32,
  });
  const appHash = nodeCrypto.sha256(
    new Uint8Array([2, ...nodeCrypto.sha256(partition.id), ...nodeCrypto.sha256(record)]),
  );
  const slices = (body ?? []).map((part) => hashLeaf(nodeCrypto, part));
  return encode(receipt, {
    statement,
    outcome: outcomeBytes,
    index: 1,
    path: inclusionPathOf(nodeCrypto, leaves, 1),
    anchor: {
      partitionId: partition.id,
      partitionRecord: record,
      appProof: {
        depth: 0,
        bitmap: new Uint8Array(),
        siblings: [],
        terminal: {
          keyHash: nodeCrypto.sha256(partition.id),
          valueHash: nodeCrypto.sha256(record),
        },
      },
      header: certify(appHash),
      transitions: [],
    },
    event:
      openEvent === undefined
        ? null
        : {
            index: openEvent,
            head: body![0]!,
            headPath: inclusionPathOf(nodeCrypto, slices, 0),
            slice: body![openEvent + 1]!,
            slicePath: inclusionPathOf(nodeCrypto, slices, openEvent + 1),
          },
  });
}

const transfer = buildTransaction({
  chainId,
  signer: vendorSigner,
  nonce: 0,
  messages: [makeTransfer(new Uint8Array(20).fill(1), 5n)],
  parameters: DEFAULT_PARAMETERS,
  expiryMs: 1,
});
const document = encodeUtf8(
  JSON.stringify({
    "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
    type: "EPCISDocument",
    schemaVersion: "2.0",
    creationDate: "2026-01-01T00:00:00Z",
    epcisBody: {
      eventList: [
        {
          type: "ObjectEvent",
          action: "ADD",
          eventTime: "2026-01-01T00:00:00Z",
          eventTimeZoneOffset: "+00:00",
          bizStep: "commissioning",
          epcList: ["urn:epc:id:sgtin:4012345.011122.25"],
        },
      ],
    },
  }),
);
const capture = buildCapture({ chainId, vendor, captureSeq: 0, document, signer: vendorSigner });
const transferParts = { submissionBytes: transfer.bytes, id: transfer.id, partition: BASE };
const transferReceipt = makeReceipt(transferParts);
const cometReceipt = makeReceipt({ ...transferParts, certify: certifyComet });
const captureParts = {
  submissionBytes: capture.bytes,
  id: capture.id,
  partition: vendorPartition(vendor),
  openEvent: 0,
};
const eventReceipt = makeReceipt(captureParts);

test("a receipt says what is proven, what is claimed and by whom", () => {
  const verdict = verifyReceipt(transferReceipt, trust);
  assert.ok(verdict.ok, JSON.stringify(verdict));
  assert.equal(verdict.kind, "transaction");
  assert.equal(verdict.statementId, toHex(transfer.id));
  assert.equal(verdict.by, toHex(vendor));
  assert.equal(verdict.chainId, chainId);
  assert.equal(verdict.provenByMs, HEADER_MS);
  assert.deepEqual(verdict.partition, { kind: "base" });
  assert.ok(verdict.succeeded);
  assert.deepEqual(verdict.problems, []);
  assert.deepEqual(
    verdict.claimed.map(({ by }) => by),
    [toHex(vendor)],
  );
});

test("a receipt of either engine says the same by the same call", () => {
  assert.deepEqual(verifyReceipt(cometReceipt, trust), verifyReceipt(transferReceipt, trust));
});

test("an opened event is read from its bytes", () => {
  const verdict = verifyReceipt(eventReceipt, trust, nodeCrypto);
  assert.ok(verdict.ok, JSON.stringify(verdict));
  assert.equal(verdict.event?.type, "ObjectEvent");
  assert.equal(verdict.event.hash, capture.events[0]!.hash);
  assert.deepEqual(verdict.event.items, [
    { identity: "https://id.gs1.org/01/04012345111224/21/25", role: "epc" },
  ]);
});

test("a failed statement is proven and shown as failed", () => {
  const failed = makeReceipt({ ...captureParts, status: STATUS["trace.event-invalid"] });
  const verdict = verifyReceipt(failed, trust);
  assert.ok(verdict.ok);
  assert.equal(verdict.succeeded, false);
  assert.equal(verdict.status, "trace.event-invalid");
  assert.deepEqual(
    verdict.problems.map(({ what }) => what),
    ["statement.failed"],
  );
});

test("another chain, other validators and a lapsed trust show", () => {
  const foreign = verifyReceipt(transferReceipt, { ...trust, chainId: "other" });
  assert.deepEqual([foreign.ok, !foreign.ok && foreign.code], [false, "header.chain"]);
  const strangers = verifyReceipt(transferReceipt, { ...trust, validatorsHash: ZERO32 });
  assert.deepEqual([strangers.ok, !strangers.ok && strangers.code], [false, "header.untrusted"]);
  const lapsed = verifyReceipt(transferReceipt, trustFromGenesis(genesis, { lengthMs: 1 }));
  assert.ok(lapsed.ok && !lapsed.isWithinTrust);
  assert.equal(lapsed.problems[0]?.what, "trust.unconfirmed");
});

test("a receipt with any bit flipped is refused", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(transferReceipt, eventReceipt, cometReceipt),
      fc.nat(),
      fc.nat({ max: 7 }),
      (good, at, bit) => {
        const bad = good.slice();
        bad[at % bad.length]! ^= 1 << bit;
        const found = verifyReceipt(bad, trust, nodeCrypto);
        assert.equal(found.ok, false, `byte ${at % bad.length}, bit ${bit}`);
        if (!found.ok) assert.notEqual(found.code, "verify.internal", found.message);
      },
    ),
    { numRuns: 600 },
  );
});

test("no bytes make a verifier throw", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat({ max: transferReceipt.length }).map((end) => transferReceipt.subarray(0, end)),
      ),
      (bytes) => {
        for (const verdict of [
          verifyReceipt(bytes, trust, nodeCrypto),
          verifyTrace(bytes, trust, { crypto: nodeCrypto }),
          verifyValue(bytes, trust, nodeCrypto),
        ])
          if (!verdict.ok) assert.notEqual(verdict.code, "verify.internal", verdict.message);
      },
    ),
    { numRuns: 300 },
  );
});
