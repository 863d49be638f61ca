/** The receipt of a registration, checked in this browser: that it is of this very hash, and of this very owner. */
import { equalBytes, fromHex, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { genesis } from "@lhg/protocol/core/genesis";
import { verifyReceipt } from "@lhg/protocol/core/proof/receipt";
import { transaction } from "@lhg/protocol/ledger";
import type { Attestation } from "@lhg/sdk/client/types";
import { nobleCrypto } from "@lhg/sdk/crypto/noble";
import { trustFromGenesis } from "@lhg/sdk/verify/trust";
import { client } from "../../node/client.ts";
import { readPin } from "../../verify/pin.ts";

export interface CheckedAttestation {
  readonly chainId: string;
  readonly height: number;
  /** It was on the chain then, at the latest. */
  readonly provenByMs: number;
}

/**
 * Trusts the chain that this browser saw first. Throws what a receipt can be refused with, and
 * `attestation.other` where the receipt holds but is of something else.
 */
export async function checkAttestation(
  digest: Uint8Array,
  { statementId, owner, note }: Attestation,
): Promise<CheckedAttestation> {
  const [{ pin }, { bytes }] = await Promise.all([readPin(), client.getReceipt(statementId)]);
  const trust = trustFromGenesis(decode(genesis, fromHex(pin.genesis, "genesis"), "genesis"));
  const { statement, outcome, anchor } = verifyReceipt(nobleCrypto, trust, bytes);
  const { sender, messages } = decode(transaction, statement.payload, "transaction");
  const isOfThis = messages.some(
    ({ type, body }) =>
      type === "attestation.register" && equalBytes(body.digest, digest) && body.note === note,
  );
  if (!isOfThis || toHex(sender) !== owner || outcome.status !== 0)
    throw new LhgError("attestation.other", "the receipt is of something else than the node says", "receipt");
  const { chainId, height, timeMs } = anchor.header;
  return { chainId, height, provenByMs: timeMs };
}
