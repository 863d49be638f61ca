import { type Address, deriveAddress } from "@lhg/protocol/core/account";
import type { Signer } from "@lhg/protocol/core/cose";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { gatewayAction } from "@lhg/protocol/core/statement/gateway";
import { nobleCrypto } from "../crypto/noble.ts";
import { type ApprovalTerms, approveAction } from "../transaction/approvals.ts";

export interface PasswordTerms extends ApprovalTerms {
  /** By default the address of the signer's key; where the key was rotated, that of the device's first. */
  readonly address?: Address;
}

/**
 * The password with which a device shows a gateway that it is itself: its signature over its address, the chain and
 * an expiry of at most 24 hours ahead. Whoever holds it is let in until then, so it goes over TLS or a network one trusts.
 */
export function makeGatewayPassword(
  signer: Signer,
  { chainId, expiryMs, address }: PasswordTerms,
  crypto: Crypto = nobleCrypto,
): Uint8Array {
  const action = gatewayAction(address ?? deriveAddress(crypto, signer.publicKey));
  return approveAction(signer, action, { chainId, expiryMs }, crypto);
}
