/** Who a node is to its peers: the peer id of libp2p, computed without loading libp2p. */
import { createPrivateKey, createPublicKey } from "node:crypto";
import { concatBytes, fromHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { PeerId } from "./network.ts";

export const NODE_KEY_BYTES = 32;

/** DER of PKCS #8 PrivateKeyInfo (RFC 8410) up to the seed. */
const PKCS8_PREFIX = fromHex("302e020100300506032b657004220420");
/** Multihash "identity" of 36 bytes: the protobuf of a public key of type 1, Ed25519, 32 bytes (libp2p's peer-ids.md). */
const MULTIHASH_PREFIX = fromHex("002408011220");

/** `seed` is the 32 bytes of RFC 8032. Throws `peer.key`. */
export function peerIdOf(seed: Uint8Array): PeerId {
  if (seed.length !== NODE_KEY_BYTES)
    throw new LhgError("peer.key", `must be ${NODE_KEY_BYTES} bytes`, "seed");
  const key = createPrivateKey({
    key: Buffer.from(concatBytes(PKCS8_PREFIX, seed)),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return encodeBase58(concatBytes(MULTIHASH_PREFIX, spki.subarray(-NODE_KEY_BYTES)));
}

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** base58btc, where each zero byte at the front is a 1. */
function encodeBase58(bytes: Uint8Array): string {
  let rest = bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
  let digits = "";
  for (; rest > 0n; rest /= 58n) digits = `${ALPHABET[Number(rest % 58n)]}${digits}`;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return "1".repeat(zeros < 0 ? bytes.length : zeros) + digits;
}
