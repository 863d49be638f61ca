/** Checks in the browser who made a block final: loaded when a block is looked at, for it brings the cryptography. */
import { certificate } from "@lhg/protocol/core/block/certificate";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { certifiedHeader, verifyCertifiedHeader } from "@lhg/protocol/core/proof/anchor";
import { nobleCrypto } from "@lhg/sdk/crypto/noble";

export interface CheckedCertificate {
  readonly view: number;
  /** By position; the consensus key in hex. */
  readonly validators: readonly { readonly consensusKey: string; readonly hasSigned: boolean }[];
  readonly hash: string;
}

/** Throws what the protocol throws: `header.*`, `certificate.*`, `cbor.*`. That the validators are the chain's is not checked here. */
export function checkCertificate(proof: string, chainId: string): CheckedCertificate {
  const subject = decode(certifiedHeader, fromHex(proof), "proof");
  const { hash } = verifyCertifiedHeader(nobleCrypto, chainId, subject);
  const { view, signatures } = decode(certificate, subject.certificate, "certificate");
  const signed = new Set(signatures.map(({ validatorIndex }) => validatorIndex));
  return {
    view,
    hash: toHex(hash),
    validators: subject.validators.map(({ consensusKey }, at) => ({
      consensusKey: toHex(consensusKey),
      hasSigned: signed.has(at),
    })),
  };
}
