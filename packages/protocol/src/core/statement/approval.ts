import { digest } from "../account.ts";
import { VALIDATORS_MAX } from "../block/validator-set.ts";
import { equalBytes } from "../bytes.ts";
import { type CborValue, encodeCbor } from "../codec/cbor.ts";
import { array, bytes, type Codec, decode, encode, type Infer, record, uint } from "../codec/definition.ts";
import { decodeSign1, type Sign1, type Signer, signStatement, toSignatureCheck } from "../cose.ts";
import type { Hasher, PublicKey, Verifier } from "../crypto.ts";
import { LhgError } from "../errors.ts";
import { chainId } from "./transaction.ts";

/** What an approver signs: consent to one action, until a time. Embedded in the action it approves. */
export const approval = record(1, { chainId, actionHash: digest, expiryMs: uint() });
export type Approval = Infer<typeof approval>;

export const APPROVAL_BYTES_MAX = 512;
/** COSE_Sign1 of an approval, as it travels inside an action. */
export const signedApproval: Codec<Uint8Array> = bytes({ min: 1, max: APPROVAL_BYTES_MAX });
export const signedApprovals: Codec<readonly Uint8Array[]> = array(signedApproval, { max: VALIDATORS_MAX });

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

/** What verification of an approval takes from a block. */
interface ApprovalScope {
  readonly hasher: Pick<Hasher, "sha256">;
  readonly verifier: Verifier;
  readonly chainId: string;
  readonly timeMs: number;
}

/**
 * The key that signed this approval of the action, or what is wrong with it. Whether that key may approve is
 * the caller's to say; the signature, which costs most, is checked last.
 */
export function openApproval(
  { verifier, chainId: chain, timeMs }: ApprovalScope,
  actionHash: Uint8Array,
  bytes: Uint8Array,
  mayApprove: (key: PublicKey) => boolean,
): { readonly key: PublicKey } | { readonly problem: string } {
  const decoded = decodeOrExplain(bytes);
  if ("problem" in decoded) return decoded;
  const { statement, approval: opened } = decoded;
  if (opened.chainId !== chain) return { problem: "is for another chain" };
  if (!equalBytes(opened.actionHash, actionHash)) return { problem: "is for another action" };
  if (opened.expiryMs <= timeMs) return { problem: "has expired" };
  if (!mayApprove(statement.key)) return { problem: "is by nobody who may approve this" };
  if (!verifier.verify(toSignatureCheck(statement))) return { problem: "has a wrong signature" };
  return { key: statement.key };
}

function decodeOrExplain(
  bytes: Uint8Array,
): { readonly statement: Sign1; readonly approval: Approval } | { readonly problem: string } {
  try {
    return decodeApproval(bytes) ?? { problem: "is no approval" };
  } catch (error) {
    if (error instanceof LhgError) return { problem: error.message };
    throw error;
  }
}

/** Decodes an embedded approval. Throws `cose.*`, `cbor.*`; a statement of another kind is `cose.type`. */
export function decodeApproval(bytes: Uint8Array): { statement: Sign1; approval: Approval } | undefined {
  const statement = decodeSign1(bytes);
  if (statement.kind !== "approval") return undefined;
  return { statement, approval: decode(approval, statement.payload, "approval") };
}
