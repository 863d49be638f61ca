/** The name of a node among its peers, computed without loading libp2p. */
import { createPrivateKey, createPublicKey } from "node:crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import type { PeerId } from "./network.ts";

const SEED_BYTES = 32;
/** RFC 8410: PKCS #8 of an Ed25519 key, up to the seed. */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
/** Multihash `identity` of 36 bytes: the protobuf of an Ed25519 public key (libp2p specification, peer ids). */
const PEER_ID_PREFIX = Buffer.from("002408011220", "hex");
const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** Peer id of a 32 byte Ed25519 seed. Throws `config.invalid` for another length. */
export function peerIdOf(keySeed: Uint8Array): PeerId {
  if (keySeed.length !== SEED_BYTES)
    throw new LhgError("config.invalid", `must have ${SEED_BYTES} bytes`, "keySeed");
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, keySeed]),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return encodeBase58(Buffer.concat([PEER_ID_PREFIX, spki.subarray(-SEED_BYTES)]));
}

function encodeBase58(bytes: Uint8Array): string {
  let rest = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let text = "";
  while (rest > 0n) {
    text = BASE58[Number(rest % 58n)] + text;
    rest /= 58n;
  }
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return "1".repeat(zeros < 0 ? bytes.length : zeros) + text;
}
