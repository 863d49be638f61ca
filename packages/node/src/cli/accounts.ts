/** Accounts that this machine can sign for, and addresses as people name them. */
import { ADDRESS_BYTES, type Address, deriveAddress } from "@lhg/protocol/core/account";
import { fromHex } from "@lhg/protocol/core/bytes";
import type { Signer } from "@lhg/protocol/core/cose";
import { nodeCrypto } from "@lhg/sdk/crypto/node";

export interface Account {
  readonly name: string;
  readonly address: Address;
  readonly signer: Signer;
  readonly source: "development" | "keystore";
}

export function createAccount(name: string, signer: Signer, source: Account["source"]): Account {
  return { name, signer, source, address: deriveAddress(nodeCrypto, signer.publicKey) };
}

const ADDRESS = /^(?:0x)?([0-9a-fA-F]{40})$/;

/** An address in hex, with or without 0x; undefined where the text is none. */
export function parseAddress(text: string): Address | undefined {
  const digits = ADDRESS.exec(text)?.[1];
  return digits === undefined ? undefined : fromHex(digits).subarray(0, ADDRESS_BYTES);
}
