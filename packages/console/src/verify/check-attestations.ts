/** Who registered a digest, proven: how many did, and the record of each; nothing of it is the node's word. */
import { toHex } from "@lhg/protocol/core/bytes";
import {
  attestationCount,
  attestationCountKey,
  attestationKey,
  attestationRecord,
} from "@lhg/protocol/modules/attestation/attestation";
import type { AttestationCheck, AttestationsCheck, AttestationsJob } from "./messages.ts";
import { proveRecord } from "./proven-record.ts";
import { readTrust } from "./read-trust.ts";

/** Each proof has to be of its own place in the list: what is left out, repeated or of another digest is refused. */
export function checkAttestations(job: AttestationsJob): AttestationsCheck {
  const { digest, count, entries, entriesMax, pinned } = job;
  const trust = readTrust(pinned);
  const counted = proveRecord(count, trust, attestationCountKey(digest), attestationCount);
  if (!counted.ok) return { isProven: false, refused: counted };
  const { height, provenByMs, isWithinTrust } = counted.verdict;
  const total = counted.record?.attestations ?? 0;
  const checked = Array.from({ length: Math.min(total, entriesMax) }, (_, index): AttestationCheck => {
    const found = proveRecord(entries[index], trust, attestationKey(digest, index), attestationRecord);
    if (!found.ok) return { isProven: false, refused: found };
    if (found.record === null) {
      const message = "the chain holds no such entry";
      return { isProven: false, refused: { ok: false, code: "proof.absent", field: "proof", message } };
    }
    const { owner, statementId, ...record } = found.record;
    return { isProven: true, ...record, owner: toHex(owner), statementId: toHex(statementId) };
  });
  return {
    isProven: true,
    total,
    height,
    provenByMs,
    isWithinTrust,
    entries: checked,
    vouched: counted.vouched,
  };
}
