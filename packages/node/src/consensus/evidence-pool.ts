/** Evidence of equivocation on its way to the ledger. */
import { toHex } from "@lhg/protocol/core/bytes";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { EVIDENCE_PER_BLOCK_MAX } from "../blocks/proposal.ts";
import type { Application } from "./engine.ts";

export interface EvidencePool {
  readonly size: number;
  /** For the next proposal. */
  list(): Uint8Array[];
  /** Keeps what the ledger finds sound, recent and not on record. True when it was new. */
  take(encoded: Uint8Array): Promise<boolean>;
  /** After a block: what is on record now, or has grown too old, must not be work for ever. */
  review(): Promise<void>;
}

export function createEvidencePool(
  { sha256 }: Pick<Crypto, "sha256">,
  { isFreshEvidence }: Pick<Application, "isFreshEvidence">,
): EvidencePool {
  const kept = new Map<string, Uint8Array>();
  return {
    get size() {
      return kept.size;
    },
    list: () => [...kept.values()],
    async take(encoded) {
      const name = toHex(sha256(encoded));
      if (kept.has(name) || kept.size >= EVIDENCE_PER_BLOCK_MAX) return false;
      if (!(await isFreshEvidence(encoded)) || kept.size >= EVIDENCE_PER_BLOCK_MAX) return false;
      kept.set(name, encoded);
      return true;
    },
    async review() {
      for (const [name, encoded] of kept) if (!(await isFreshEvidence(encoded))) kept.delete(name);
    },
  };
}
