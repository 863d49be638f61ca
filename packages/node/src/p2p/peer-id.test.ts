import assert from "node:assert/strict";
import { test } from "node:test";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import fc from "fast-check";
import { peerIdOf } from "./peer-id.ts";

test("a peer id is the one that libp2p computes of the same seed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (seed) => {
      const key = await generateKeyPairFromSeed("Ed25519", seed);
      assert.equal(peerIdOf(seed), peerIdFromPrivateKey(key).toString());
    }),
  );
});

test("a seed of another length is refused", () => {
  assert.throws(() => peerIdOf(new Uint8Array(31)), { code: "config.invalid" });
});
