/** Vectors of validator sets, headers, votes, certificates and evidence. */
import {
  CHANGE_VIEW,
  COMMIT,
  certificate,
  changeViewSignBytes,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  RECOVERY_REQUEST,
  voteSignBytes,
} from "../../packages/protocol/src/core/block/certificate.ts";
import { type Evidence, evidence, verifyEvidence } from "../../packages/protocol/src/core/block/evidence.ts";
import { header } from "../../packages/protocol/src/core/block/header.ts";
import {
  hashValidators,
  sortValidators,
  type Validator,
  validatorSet,
} from "../../packages/protocol/src/core/block/validator-set.ts";
import { encodeUtf8, toHex } from "../../packages/protocol/src/core/bytes.ts";
import { decode, encode, type Json } from "../../packages/protocol/src/core/codec/definition.ts";
import { consensusKeys, crypto, operators } from "./actors.ts";
import type { Run } from "./chain.ts";
import { CHAIN_ID, GENESIS } from "./genesis.ts";

function makeSetCase(name: string, members: readonly Validator[]): Json {
  const set = sortValidators(crypto, members);
  return {
    name,
    json: validatorSet.toJson(set),
    cbor: toHex(encode(validatorSet, set)),
    hash: toHex(hashValidators(crypto, set)),
  };
}

function withPowers(powers: readonly bigint[]): Validator[] {
  return powers.map((power, i) => ({
    operator: operators[i]!.address,
    consensusKey: consensusKeys[i]!.key.publicKey,
    power,
  }));
}

const HASH_A = crypto.sha256(encodeUtf8("block a"));
const HASH_B = crypto.sha256(encodeUtf8("block b"));
const SCOPE = { chainId: CHAIN_ID, epoch: 0, height: 5 };

function makeEvidenceCase(name: string, value: Evidence): Json {
  const validators = sortValidators(crypto, GENESIS.validators);
  verifyEvidence(crypto, CHAIN_ID, value, validators);
  return { name, json: evidence.toJson(value), cbor: toHex(encode(evidence, value)) };
}

/** Validator 0 of the sorted set is operator 0, who has the most power. */
function makeEvidenceCases(): Json[] {
  const { signer } = consensusKeys[0]!;
  const commit = (blockHash: Uint8Array) => ({
    blockHash,
    preparedView: null,
    signature: signer.sign(voteSignBytes(SCOPE, 1, COMMIT, blockHash)),
  });
  const change = (prepared: { view: number; blockHash: Uint8Array } | null) => ({
    blockHash: prepared?.blockHash ?? null,
    preparedView: prepared?.view ?? null,
    signature: signer.sign(changeViewSignBytes(SCOPE, 2, prepared)),
  });
  const at = { epoch: 0, height: 5, validatorIndex: 0 };
  return [
    makeEvidenceCase("two commits", {
      ...at,
      view: 1,
      type: COMMIT,
      first: commit(HASH_A),
      second: commit(HASH_B),
    }),
    makeEvidenceCase("two changes of view", {
      ...at,
      view: 2,
      type: CHANGE_VIEW,
      first: change(null),
      second: change({ view: 1, blockHash: HASH_A }),
    }),
  ];
}

export function makeBlockVectors(run: Run): Json {
  const signed: Record<string, Uint8Array> = {
    "prepare-request": voteSignBytes(SCOPE, 0, PREPARE_REQUEST, HASH_A),
    "prepare-response": voteSignBytes(SCOPE, 0, PREPARE_RESPONSE, HASH_A),
    commit: voteSignBytes(SCOPE, 300, COMMIT, HASH_A),
    "change-view without a certificate": changeViewSignBytes(SCOPE, 1, null),
    "change-view with a certificate": changeViewSignBytes(SCOPE, 2, { view: 1, blockHash: HASH_A }),
    "recovery-request": voteSignBytes(SCOPE, 1, RECOVERY_REQUEST, null),
  };
  return {
    description: "Validator sets with their CometBFT hash, headers, bytes of votes, certificates, evidence.",
    validatorSets: [
      makeSetCase("one", withPowers([1n])),
      makeSetCase("genesis", GENESIS.validators),
      makeSetCase("equal powers", withPowers([1n, 1n, 1n, 1n, 1n])),
      makeSetCase("powers of many bytes", withPowers([1n << 58n, 127n, 128n, 16_384n])),
    ],
    headers: run.blocks.map(({ header: value, blockHash }) => ({
      json: header.toJson(value),
      cbor: toHex(encode(header, value)),
      hash: toHex(blockHash),
    })),
    signed: Object.entries(signed).map(([name, bytes]) => ({ name, bytes: toHex(bytes) })),
    certificates: run.blocks
      .slice(0, 3)
      .map(({ certificate: bytes, header: { height }, blockHash, validators }) => ({
        height,
        blockHash: toHex(blockHash),
        validators: toHex(encode(validatorSet, validators)),
        json: certificate.toJson(decode(certificate, bytes)),
        cbor: toHex(bytes),
      })),
    evidence: makeEvidenceCases(),
  };
}
