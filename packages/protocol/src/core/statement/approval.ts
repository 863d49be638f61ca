import { digest } from "../account.ts";
import { type CborValue, encodeCbor } from "../codec/cbor.ts";
import { array, bytes, type Codec, decode, encode, type Infer, record, uint } from "../codec/definition.ts";
import { decodeSign1, type Sign1, type Signer, signStatement } from "../cose.ts";
import type { Hasher } from "../crypto.ts";
import { chainId } from "./transaction.ts";

/** What an approver signs: consent to one action, until a time. Embedded in the action it approves. */
export const approval = record(1, { chainId, actionHash: digest, expiryMs: uint() });
export type Approval = Infer<typeof approval>;

export const APPROVAL_BYTES_MAX = 512;
/** COSE_Sign1 of an approval, as it travels inside an action. */
export const signedApproval: Codec<Uint8Array> = bytes({ min: 1, max: APPROVAL_BYTES_MAX });
export const signedApprovals: Codec<readonly Uint8Array[]> = array(signedApproval, { max: 128 });

/** SHA-256 of the action's name and its body without the approvals themselves. */
export function hashAction(
  hasher: Pick<Hasher, "sha256">,
  chain: string,
  action: string,
  body: CborValue,
): Uint8Array {
  return hasher.sha256(encodeCbor(["LHG-action", chain, action, body]));
}

export function signApproval(signer: Signer, value: Approval): Uint8Array {
  return signStatement(signer, "approval", encode(approval, value, "approval"));
}

/** Decodes an embedded approval. Throws `cose.*`, `cbor.*`; a statement of another kind is `cose.type`. */
export function decodeApproval(bytes: Uint8Array): { statement: Sign1; approval: Approval } | undefined {
  const statement = decodeSign1(bytes);
  if (statement.kind !== "approval") return undefined;
  return { statement, approval: decode(approval, statement.payload, "approval") };
}
