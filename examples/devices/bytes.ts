/** The worked example of README.md: every byte of one signed reading, made from nothing but a seed. Prints it as it stands there. */
import { pathToFileURL } from "node:url";
import { deriveAddress } from "@lhg/protocol/core/account";
import { toHex, ZERO32 } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { computeStatementId, decodeSign1, signatureStructure, signStatement } from "@lhg/protocol/core/cose";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { collection } from "@lhg/protocol/modules/collection/messages";
import { createNodeSigner, nodeCrypto } from "@lhg/sdk/crypto/node";
import { keyFromSeed } from "@lhg/sdk/keys/keys";

const CHAIN_ID = "lhg-dev-00112233445566778899aabbccddeeff";

/** Names and bytes in hex, in the order in which a device makes them. */
export function makeExample(): readonly (readonly [name: string, hex: string])[] {
  const seed = new Uint8Array(32).fill(1);
  const signer = createNodeSigner(keyFromSeed(ALG_EDDSA, seed));
  const device = deriveAddress(nodeCrypto, signer.publicKey);
  const payload = encode(collection, {
    chainId: CHAIN_ID,
    device,
    stream: 0,
    seq: 1,
    prevId: ZERO32,
    readings: [
      {
        n: "urn:dev:thermometer",
        u: "Cel",
        t: { mantissa: 1_767_614_400n, exponent: 0 },
        v: { mantissa: 215n, exponent: -1 },
      },
    ],
  });
  const statement = signStatement(signer, "collection", payload);
  const sign1 = decodeSign1(statement);
  return [
    ["seed", toHex(seed)],
    ["public key", toHex(signer.publicKey.bytes)],
    ["device", toHex(device)],
    ["payload", toHex(payload)],
    ["protected", toHex(sign1.protectedBytes)],
    ["to be signed", toHex(signatureStructure(sign1.protectedBytes, new Uint8Array(0), payload))],
    ["signature", toHex(sign1.signature)],
    ["statement", toHex(statement)],
    ["statement id", toHex(computeStatementId(nodeCrypto, sign1))],
  ];
}

const LINE_DIGITS = 96;

/** As in README.md: the name, then its digits. */
export function formatExample(): string {
  return makeExample()
    .map(([name, hex]) =>
      [`${name}:`, ...(hex.match(new RegExp(`.{1,${LINE_DIGITS}}`, "g")) ?? [])].join("\n  "),
    )
    .join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) console.log(formatExample());
