/** Checks in the browser who made a block final: loaded when a block is looked at, for it brings the cryptography. */
import { certificate } from "@lhg/protocol/core/block/certificate";
import { cometSigners, decodeCometCommit } from "@lhg/protocol/core/block/comet-commit";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import {
  type CertifiedHeader,
  certifiedHeader,
  ENGINE_COMETBFT,
  verifyCertifiedHeader,
} from "@lhg/protocol/core/proof/anchor";
import { nobleCrypto } from "@lhg/sdk/crypto/noble";

export interface CheckedCertificate {
  readonly engine: "dBFT" | "CometBFT";
  /** The attempt that led to the block, from 0 on: a view of dBFT, a round of CometBFT. */
  readonly round: number;
  /** By position; the consensus key in hex. */
  readonly validators: readonly { readonly consensusKey: string; readonly hasSigned: boolean }[];
  readonly hash: string;
}

/** Throws what the protocol throws: `header.*`, `certificate.*`, `cbor.*`, `comet.*`. That the validators are the chain's is not checked here. */
export function checkCertificate(proof: string, chainId: string): CheckedCertificate {
  const subject = decode(certifiedHeader, fromHex(proof), "proof");
  const { hash } = verifyCertifiedHeader(nobleCrypto, chainId, subject);
  const { engine, round, signers } = readVotes(subject);
  const signed = new Set(signers);
  return {
    engine,
    round,
    hash: toHex(hash),
    validators: subject.validators.map(({ consensusKey }, at) => ({
      consensusKey: toHex(consensusKey),
      hasSigned: signed.has(at),
    })),
  };
}

function readVotes(subject: CertifiedHeader): {
  engine: CheckedCertificate["engine"];
  round: number;
  signers: readonly number[];
} {
  if (subject.engine === ENGINE_COMETBFT) {
    const commit = decodeCometCommit(subject.certificate);
    return { engine: "CometBFT", round: commit.round, signers: cometSigners(commit) };
  }
  const { view, signatures } = decode(certificate, subject.certificate, "certificate");
  return { engine: "dBFT", round: view, signers: signatures.map(({ validatorIndex }) => validatorIndex) };
}
