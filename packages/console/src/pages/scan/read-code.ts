/** What a scanned or typed code means: an item, the address of a proof, or words that lead nowhere. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { IdentityKind } from "@lhg/protocol/epcis/identity";
import { readItem } from "@lhg/sdk/items/read-item";

export { readElementString } from "@lhg/sdk/items/read-item";

export type ReadCode =
  | { readonly kind: "item"; readonly id: string; readonly identityKind: IdentityKind }
  /** An address that is no GS1 key: it may name an item, or be a page of anybody's. */
  | { readonly kind: "address"; readonly id: string }
  | { readonly kind: "proof"; readonly url: string }
  | { readonly kind: "unknown"; readonly text: string; readonly reason?: string };

const TEXT_MAX = 4_096;
const PROOF_PATH =
  /\/api\/v1\/(?:statements\/[0-9a-f]{64}\/receipt|events\/[^/]+\/receipt|items\/trace\/bundle|proofs\/value)$/;

/** Never throws and asks nobody. */
export function readCode(given: string): ReadCode {
  const text = given.trim().slice(0, TEXT_MAX);
  const url = /^https?:/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && PROOF_PATH.test(url.pathname)) return { kind: "proof", url: url.href };
  try {
    const { key, kind, gs1 } = readItem(text, "");
    if (gs1 === undefined && /^https?:/i.test(key)) return { kind: "address", id: key };
    // geo:, mailto:, tel: and the like name no thing.
    if (gs1 === undefined && !/^(?:urn|did|tag|ni):/i.test(key)) return { kind: "unknown", text };
    return { kind: "item", id: key, identityKind: kind };
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    return { kind: "unknown", text, reason: error.message };
  }
}
