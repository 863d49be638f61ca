import { toHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA, type Crypto } from "@lhg/protocol/core/crypto";
import type { SigningPort } from "./dbft/core.ts";

const VERIFIED_VOTES_MAX = 4096;

/** Votes reach every validator of the process, and come again: each signature is checked once, by all its bytes. */
export function rememberVerified(crypto: Pick<Crypto, "sha256" | "verify">): SigningPort["verify"] {
  const verified = new Map<string, boolean>();
  return (publicKey, message, signature) => {
    const name = `${toHex(crypto.sha256(message))}${toHex(signature)}${toHex(publicKey)}`;
    const known = verified.get(name);
    if (known !== undefined) return known;
    const isValid = crypto.verify({ alg: ALG_EDDSA, publicKey, message, signature });
    verified.set(name, isValid);
    if (verified.size > VERIFIED_VOTES_MAX) verified.delete(verified.keys().next().value!);
    return isValid;
  };
}
