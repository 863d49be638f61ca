/**
 * The golden vectors against this code, read from their files and computed again with node:crypto instead of the
 * library that wrote them.
 */
import assert from "node:assert/strict";
import { createPublicKey, ECDH, hash, type KeyObject, verify as verifySignature } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { deriveAddress, moduleAddress, publicKey } from "./core/account.ts";
import { certificate, verifyCertificate } from "./core/block/certificate.ts";
import { evidence, verifyEvidence } from "./core/block/evidence.ts";
import { hashHeader, header } from "./core/block/header.ts";
import { outcome } from "./core/block/outcome.ts";
import {
  hashValidators,
  sortValidators,
  type ValidatorSet,
  validatorSet,
} from "./core/block/validator-set.ts";
import { byteString, concatBytes, fromHex, toHex } from "./core/bytes.ts";
import { decodeCbor } from "./core/codec/cbor.ts";
import { type Codec, decode, encode, fromJson } from "./core/codec/definition.ts";
import { computeStatementId, decodeSign1, toSignatureCheck } from "./core/cose.ts";
import { ALG_EDDSA, ALG_ES256, type Crypto, type SignatureCheck } from "./core/crypto.ts";
import { computeChainId, genesis } from "./core/genesis.ts";
import { hashLeaf, verifyConsistency, verifyInclusion } from "./core/merkle/log.ts";
import { naiveTrieRoot } from "./core/merkle/trie-node.ts";
import { verifyTrieProof } from "./core/merkle/trie-proof.ts";
import { Inadmissible } from "./core/module.ts";
import { notice } from "./core/notice.ts";
import { anchor, trieProof, verifyAnchor } from "./core/proof/anchor.ts";
import { verifyReceipt, verifyValue } from "./core/proof/receipt.ts";
import { APP } from "./core/state/partition.ts";
import { partitionRecord, VersionedState } from "./core/state/versioned-state.ts";
import { approval } from "./core/statement/approval.ts";
import { capture } from "./core/statement/capture.ts";
import { submission } from "./core/statement/submission.ts";
import { executeBlock, executeGenesis } from "./execute-block.ts";
import { historyLeaf, verifyHistoryProof } from "./history.ts";
import { message, transaction } from "./ledger.ts";
import { collection } from "./modules/collection/messages.ts";
import { membershipLeaf } from "./modules/groups/groups.ts";
import { traceLeaf } from "./modules/trace/messages.ts";
import { getValidatorsAt } from "./modules/validators/validators.ts";
import { prepareStatement } from "./statements.ts";

// biome-ignore lint/suspicious/noExplicitAny: vectors are JSON, and what is not as expected fails its test
type Vector = any;

function readVectors(name: string): Vector {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8"));
}

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(hash("sha256", data, "buffer"));

/** Keccak-256, which node:crypto lacks: the permutation on 25 lanes, rate 136, padding 0x01. */
function keccak256(data: Uint8Array): Uint8Array {
  const padded = new Uint8Array((Math.floor(data.length / 136) + 1) * 136);
  padded.set(data);
  padded[data.length]! ^= 0x01;
  padded[padded.length - 1]! ^= 0x80;
  const lanes = new BigUint64Array(25);
  const view = new DataView(padded.buffer);
  for (let block = 0; block < padded.length; block += 136) {
    for (let i = 0; i < 17; i++) lanes[i]! ^= view.getBigUint64(block + 8 * i, true);
    permuteKeccak(lanes);
  }
  const out = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 4; i++) out.setBigUint64(8 * i, lanes[i]!, true);
  return new Uint8Array(out.buffer);
}

const rotateLeft = (lane: bigint, by: number): bigint =>
  BigInt.asUintN(64, (lane << BigInt(by)) | (lane >> BigInt(64 - by)));

function permuteKeccak(lanes: BigUint64Array): void {
  let register = 1;
  for (let round = 0; round < 24; round++) {
    const parity = [0, 1, 2, 3, 4].map(
      (x) => lanes[x]! ^ lanes[x + 5]! ^ lanes[x + 10]! ^ lanes[x + 15]! ^ lanes[x + 20]!,
    );
    for (let i = 0; i < 25; i++)
      lanes[i]! ^= parity[((i % 5) + 4) % 5]! ^ rotateLeft(parity[((i % 5) + 1) % 5]!, 1);
    let [x, y, moving] = [1, 0, lanes[1]!];
    for (let step = 0; step < 24; step++) {
      [x, y] = [y, (2 * x + 3 * y) % 5];
      const held = lanes[x + 5 * y]!;
      lanes[x + 5 * y] = rotateLeft(moving, (((step + 1) * (step + 2)) / 2) % 64);
      moving = held;
    }
    for (let row = 0; row < 25; row += 5) {
      const before = [...lanes.subarray(row, row + 5)];
      for (let i = 0; i < 5; i++)
        lanes[row + i] = before[i]! ^ (~before[(i + 1) % 5]! & before[(i + 2) % 5]!);
    }
    for (let bit = 0; bit < 7; bit++) {
      if ((register & 1) === 1) lanes[0]! ^= 1n << BigInt((1 << bit) - 1);
      register = (register << 1) ^ ((register >> 7) * 0x171);
    }
  }
}

function uncompress(key: Uint8Array, curve: string): Uint8Array {
  const point = ECDH.convertKey(key, curve, undefined, undefined, "uncompressed") as unknown as Uint8Array;
  return new Uint8Array(point).slice(1);
}

/** Enough of the signature rule for signatures that are right or plainly wrong; its edges have vectors of their own. */
function importKey({ alg, publicKey: key }: SignatureCheck): KeyObject {
  const url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
  if (alg === ALG_EDDSA)
    return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: url(key) }, format: "jwk" });
  const [crv, curve] = alg === ALG_ES256 ? ["P-256", "prime256v1"] : ["secp256k1", "secp256k1"];
  const point = uncompress(key, curve!);
  const jwk = { kty: "EC", crv: crv!, x: url(point.subarray(0, 32)), y: url(point.subarray(32)) };
  return createPublicKey({ key: jwk, format: "jwk" });
}

function verify(check: SignatureCheck): boolean {
  const digest = check.alg === ALG_EDDSA ? null : "sha256";
  const key = { key: importKey(check), dsaEncoding: "ieee-p1363" } as const;
  return verifySignature(digest, check.message, key, check.signature);
}

const crypto: Crypto = {
  sha256,
  hashPairs: (pairs) =>
    concatBytes(
      ...Array.from({ length: pairs.length / 64 }, (_, i) => sha256(pairs.subarray(64 * i, 64 * i + 64))),
    ),
  keccak256,
  decompressSecp256k1: (key) => uncompress(key, "secp256k1"),
  verify,
  verifyBatch: (checks) => checks.map(verify),
  verifyZip215: (check) => verify({ alg: ALG_EDDSA, ...check }),
};

const genesisVectors = readVectors("genesis");

test("keys have their addresses", () => {
  const { keys, modules } = readVectors("addresses");
  for (const { name, alg, publicKey: bytes, address } of keys)
    assert.equal(toHex(deriveAddress(crypto, fromJson(publicKey, { alg, bytes }))), address, name);
  for (const { name, address } of modules) assert.equal(toHex(moduleAddress(name)), address);
});

function checkCodec(codec: Codec<unknown>, { name, json, cbor }: Vector): void {
  const value = decode(codec, fromHex(cbor), name);
  assert.deepEqual(codec.toJson(value), json, name);
  assert.equal(toHex(encode(codec, fromJson(codec, json, name), name)), cbor, name);
}

const RECORDS: Readonly<Record<string, Codec<never>>> = {
  transaction,
  collection,
  capture,
  submission,
  approval,
  partitionRecord,
  historyLeaf,
  membershipLeaf,
  traceLeaf,
} as unknown as Readonly<Record<string, Codec<never>>>;

test("messages and records have their bytes", () => {
  const { messages, records } = readVectors("codecs");
  for (const entry of messages) checkCodec(message as Codec<unknown>, entry);
  for (const entry of records) checkCodec(RECORDS[entry.name] as Codec<unknown>, entry);
  assert.deepEqual(
    messages.map((entry: Vector) => entry.name).sort(),
    (message.schema.oneOf as Vector[]).map(({ properties }) => properties.type.const).sort(),
  );
});

test("actions have their hashes, and consist of their name and chain", () => {
  for (const { action, preimage, hash: expected } of readVectors("codecs").actions) {
    assert.equal(toHex(sha256(fromHex(preimage))), expected, action);
    assert.deepEqual((decodeCbor(fromHex(preimage)) as Vector).slice(0, 3), [
      "LHG-action",
      genesisVectors.chainId,
      action,
    ]);
  }
});

test("other encodings of an approval are refused", () => {
  for (const { name, cbor, code, field } of readVectors("codecs").refusedApprovals)
    assert.throws(() => decode(approval, fromHex(cbor), "approval"), { code, field }, name);
});

test("statements have their parts, ids and leaf hashes", () => {
  const { statements, refused } = readVectors("statements");
  for (const expected of statements) {
    const sign1 = decodeSign1(fromHex(expected.statement));
    const check = toSignatureCheck(sign1);
    assert.ok(crypto.verify(check), expected.name);
    assert.deepEqual(
      {
        name: expected.name,
        kind: sign1.kind,
        publicKey: toHex(sign1.key.bytes),
        protected: toHex(sign1.protectedBytes),
        payload: toHex(sign1.payload),
        toBeSigned: toHex(check.message),
        signature: toHex(sign1.signature),
        statement: toHex(sign1.bytes),
        id: toHex(computeStatementId(crypto, sign1)),
        leafHash: toHex(hashLeaf(crypto, sign1.bytes)),
      },
      expected,
    );
    assert.equal(toHex(sha256(fromHex(expected.toBeSigned))), expected.id);
  }
  for (const { name, statement, code, field } of refused)
    assert.throws(() => decodeSign1(fromHex(statement)), { code, field }, name);
});

test("tries have their roots, and every proof shows what it says", () => {
  const { cases, refused } = readVectors("trie");
  for (const { name, pairs, root, proofs } of cases) {
    const held = pairs.map(([keyHash, valueHash]: [string, string]) => ({
      keyHash: fromHex(keyHash),
      valueHash: fromHex(valueHash),
    }));
    assert.equal(toHex(naiveTrieRoot(crypto, held)), root, name);
    for (const { keyHash, present, valueHash, proof } of proofs) {
      const decoded = decode(trieProof, fromHex(proof), "proof");
      const verdict = verifyTrieProof(crypto, fromHex(root), fromHex(keyHash), decoded);
      assert.equal(verdict?.present, present, name);
      if (verdict?.present === true) assert.equal(toHex(verdict.valueHash), valueHash, name);
    }
  }
  for (const { name, root, keyHash, proof } of refused) {
    const decoded = decode(trieProof, fromHex(proof), "proof");
    assert.equal(verifyTrieProof(crypto, fromHex(root), fromHex(keyHash), decoded), undefined, name);
  }
});

/** MTH of RFC 9162, 2.1.1, as it is written there. */
function merkleTreeHash(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return sha256(concatBytes(Uint8Array.of(0), leaves[0]!));
  let split = 1;
  while (2 * split < leaves.length) split *= 2;
  return sha256(
    concatBytes(
      Uint8Array.of(1),
      merkleTreeHash(leaves.slice(0, split)),
      merkleTreeHash(leaves.slice(split)),
    ),
  );
}

test("logs have their roots and paths", () => {
  const { leaves, leafHashes, roots, inclusion, consistency } = readVectors("log");
  const bytes = leaves.map((leaf: string) => fromHex(leaf));
  const rootOf = (size: number): Uint8Array => fromHex(roots[size].root);
  for (const { size, root } of roots) assert.equal(toHex(merkleTreeHash(bytes.slice(0, size))), root);
  for (const { size, index, path } of inclusion) {
    const leafHash = hashLeaf(crypto, bytes[index]);
    assert.equal(toHex(leafHash), leafHashes[index]);
    const proof = {
      leafHash,
      index,
      size,
      path: path.map((node: string) => fromHex(node)),
      root: rootOf(size),
    };
    assert.ok(verifyInclusion(crypto, proof), `${index} of ${size}`);
  }
  for (const { size1, size2, path } of consistency) {
    const nodes = path.map((node: string) => fromHex(node));
    const proof = { size1, size2, root1: rootOf(size1), root2: rootOf(size2), path: nodes };
    assert.ok(verifyConsistency(crypto, proof), `${size1} to ${size2}`);
  }
});

test("validator sets, headers, certificates and evidence hold", () => {
  const { validatorSets, headers, certificates, evidence: evidences } = readVectors("blocks");
  for (const entry of validatorSets) {
    checkCodec(validatorSet as Codec<unknown>, entry);
    const set = decode(validatorSet, fromHex(entry.cbor));
    assert.equal(toHex(hashValidators(crypto, set)), entry.hash, entry.name);
    assert.equal(toHex(encode(validatorSet, sortValidators(crypto, set.toReversed()))), entry.cbor);
  }
  for (const entry of headers) {
    checkCodec(header as Codec<unknown>, { name: "header", ...entry });
    assert.equal(toHex(hashHeader(crypto, decode(header, fromHex(entry.cbor)))), entry.hash);
  }
  for (const { height, blockHash, validators, json, cbor } of certificates) {
    checkCodec(certificate as Codec<unknown>, { name: "certificate", json, cbor });
    verifyCertificate(
      crypto,
      { chainId: genesisVectors.chainId, epoch: 0, height },
      fromHex(blockHash),
      decode(certificate, fromHex(cbor)),
      decode(validatorSet, fromHex(validators)),
    );
  }
  const accused = sortValidators(crypto, fromJson(genesis, genesisVectors.json).validators);
  for (const entry of evidences) {
    checkCodec(evidence as Codec<unknown>, entry);
    verifyEvidence(crypto, genesisVectors.chainId, decode(evidence, fromHex(entry.cbor)), accused);
  }
});

test("votes are signed over CBOR arrays that begin with domain, chain, epoch, height, view and type", () => {
  for (const { name, bytes } of readVectors("blocks").signed) {
    const items = decodeCbor(fromHex(bytes)) as Vector;
    assert.deepEqual(items.slice(0, 4), ["LHG-dBFT-v1", genesisVectors.chainId, 0, 5], name);
    assert.equal(items.length, name.startsWith("change-view") ? 8 : 7);
  }
});

test("the genesis has its bytes, hash and chain id", () => {
  const { json, cbor, hash: expected, chainId } = genesisVectors;
  checkCodec(genesis as Codec<unknown>, { name: "genesis", json, cbor });
  assert.equal(toHex(sha256(fromHex(cbor))), expected);
  assert.equal(computeChainId(crypto, fromJson(genesis, json)), chainId);
  assert.equal(chainId, `${json.name}-${expected.slice(0, 32)}`);
});

/** Executes the run of chain.json block by block and compares all that each leaves behind. */
test("the run leads from block to block to its app hashes and outcomes", () => {
  const store = new Map<string, Uint8Array>();
  const state = new VersionedState(crypto, { get: (key) => store.get(byteString(key)) });
  const apply = ({ writes, accept }: ReturnType<VersionedState["prepareCommit"]>): void => {
    for (const { key, value } of writes)
      if (value === undefined) store.delete(byteString(key));
      else store.set(byteString(key), value);
    accept();
  };
  const checkPartitions = (partitions: Vector, height: number): void => {
    for (const { name, id, record } of partitions)
      assert.equal(toHex(state.getValueAt(APP, fromHex(id), height)!), record, `${name} at ${height}`);
  };
  const begun = executeGenesis(crypto, state, fromJson(genesis, genesisVectors.json));
  apply(begun);
  assert.equal(toHex(begun.appHash), genesisVectors.appHash);
  checkPartitions(genesisVectors.partitions, 0);
  const seen = new Set<string>();
  const sets: ValidatorSet[] = [];
  for (const block of readVectors("chain").blocks) {
    sets[block.height] = getValidatorsAt(state, block.height);
    const result = executeBlock(crypto, state, {
      chainId: genesisVectors.chainId,
      height: block.height,
      timeMs: block.timeMs,
      misbehaviours: block.evidence.map((bytes: string) => {
        const { validatorIndex, ...opened } = decode(evidence, fromHex(bytes));
        const validators = sets[opened.height]!;
        verifyEvidence(crypto, genesisVectors.chainId, { validatorIndex, ...opened }, validators);
        return { ...opened, operator: validators[validatorIndex]!.operator };
      }),
      statements: block.statements.map((entry: Vector) => {
        const prepared = prepareStatement(crypto, decode(submission, fromHex(entry.submission)));
        if (prepared.kind === "transaction") for (const { type } of prepared.payload.messages) seen.add(type);
        else seen.add(prepared.kind);
        return { statement: prepared, isSignatureValid: crypto.verify(toSignatureCheck(prepared.sign1)) };
      }),
    });
    apply(result.commit);
    assert.deepEqual(
      result.skipped.map(({ position, reason }) => ({
        name: block.statements[position].name,
        position,
        code: reason.code,
        field: reason.field,
        notYet: reason instanceof Inadmissible && reason.notYet,
      })),
      block.skipped,
    );
    assert.deepEqual(
      result.executed.map(({ position, outcome: made, notices, touched }) => ({
        name: block.statements[position].name,
        position,
        id: toHex(made.id),
        outcome: toHex(encode(outcome, made)),
        status: made.status,
        gasUsed: made.gasUsed,
        notices: notices.map((entry) => ({ json: notice.toJson(entry), cbor: toHex(encode(notice, entry)) })),
        touched: touched.map(toHex),
      })),
      block.executed,
    );
    assert.equal(result.isWorking, block.isWorking);
    assert.equal(toHex(result.resultsHash), block.resultsHash);
    assert.equal(toHex(result.commit.appHash), block.appHash);
    checkPartitions(block.partitions, block.height);
  }
  const types = (message.schema.oneOf as Vector[]).map(({ properties }) => properties.type.const as string);
  assert.deepEqual([...seen].sort(), [...types, "capture", "collection"].sort());
});

test("the proofs of the run verify, and no longer with a byte changed", () => {
  const { trust: pinned, receipts, values, history, anchor: anchored } = readVectors("chain");
  const trust = { chainId: pinned.chainId, validatorsHash: fromHex(pinned.validatorsHash) };
  for (const { name, receipt, event } of receipts) {
    const verified = verifyReceipt(crypto, trust, fromHex(receipt));
    assert.equal(verified.event?.index ?? null, event, name);
    const changed = fromHex(receipt);
    changed[Math.floor(changed.length / 2)]! ^= 1;
    assert.throws(() => verifyReceipt(crypto, trust, changed), name);
  }
  for (const { key, value, proof } of values) {
    const { subject } = verifyValue(crypto, trust, fromHex(proof));
    assert.equal(toHex(subject.key), key);
    assert.equal(subject.value === null ? null : toHex(subject.value), value);
  }
  for (const { entry, appHash, proof } of history) {
    const confirmed = verifyHistoryProof(crypto, trust, fromHex(proof));
    assert.equal(toHex(confirmed.appHash), appHash);
    assert.equal(toHex(encode(historyLeaf, confirmed.entry)), entry);
  }
  assert.equal(verifyAnchor(crypto, trust, decode(anchor, fromHex(anchored))).header.height, 6);
});
