import assert from "node:assert/strict";
import { test } from "node:test";
import { ALG_EDDSA, ALG_ES256 } from "@lhg/protocol/core/crypto";
import { APPROVAL_BYTES_MAX, decodeApproval, hashAction } from "@lhg/protocol/core/statement/approval";
import { gatewayAction } from "@lhg/protocol/core/statement/gateway";
import { nobleCrypto } from "../crypto/noble.ts";
import { createNodeSigner } from "../crypto/node.ts";
import { keyFromSeed } from "../keys/keys.ts";
import { makeGatewayPassword } from "./gateway-password.ts";

test("a password approves the connection of one address, on one chain, for a time", () => {
  const address = new Uint8Array(20).fill(9);
  for (const alg of [ALG_EDDSA, ALG_ES256] as const) {
    const signer = createNodeSigner(keyFromSeed(alg, new Uint8Array(32).fill(7)));
    const password = makeGatewayPassword(signer, { chainId: "lhg-test-00", expiryMs: 5_000, address });
    // In hex it fits the 1 KiB that a gateway reads of a CONNECT packet.
    assert.ok(password.length <= APPROVAL_BYTES_MAX && 2 * password.length < 700);
    const { approval, statement } = decodeApproval(password)!;
    const { name, body } = gatewayAction(address);
    assert.deepEqual(approval, {
      chainId: "lhg-test-00",
      actionHash: hashAction(nobleCrypto, "lhg-test-00", name, body),
      expiryMs: 5_000,
    });
    assert.deepEqual(statement.key, signer.publicKey);
  }
});
