import { type Address, address, digest } from "../../core/account.ts";
import { type Infer, record, text, uint } from "../../core/codec/definition.ts";
import type { Module } from "../../core/module.ts";
import type { StateReader } from "../../core/state/overlay.ts";
import { BASE } from "../../core/state/partition.ts";
import { defineTable } from "../../core/state/table.ts";
import { failStatement } from "../../core/status.ts";
import { ATTESTATION_MODULE, type attestationMessages } from "./messages.ts";

const NOTICE_REGISTERED = 1;

export const attestationRecord = record(1, {
  owner: address,
  statementId: digest,
  height: uint(),
  timeMs: uint(),
  sizeBytes: uint(),
  mediaType: text({ max: 128 }),
  note: text({ max: 256 }),
});
export type Attestation = Infer<typeof attestationRecord>;

const attestations = defineTable<[Uint8Array, number], Attestation>(
  "attestation",
  ATTESTATION_MODULE,
  1,
  attestationRecord,
);
/** How many owners registered a digest; absent where nobody did. */
export const attestationCount = record(1, { attestations: uint() });
const counters = defineTable<[Uint8Array], Infer<typeof attestationCount>>(
  "attestation count",
  ATTESTATION_MODULE,
  2,
  attestationCount,
);
/** Where the one attestation of an owner stands: nobody lengthens a list with the same word twice. */
const places = defineTable<[Uint8Array, Address], { index: number }>(
  "attestation of owner",
  ATTESTATION_MODULE,
  3,
  record(1, { index: uint() }),
);

export function countAttestations(state: StateReader, hash: Uint8Array): number {
  return counters.get(state, BASE, hash)?.attestations ?? 0;
}

/** In the order in which they were registered, from 0. */
export function getAttestation(state: StateReader, hash: Uint8Array, index: number): Attestation | undefined {
  return attestations.get(state, BASE, hash, index);
}

/** Key of a record in the map of base, for proofs of it. */
export function attestationKey(hash: Uint8Array, index: number): Uint8Array {
  return attestations.key(hash, index);
}

/** Key of the count of a digest's records in the map of base: a proof that it holds nothing says that nobody did. */
export function attestationCountKey(hash: Uint8Array): Uint8Array {
  return counters.key(hash);
}

export const attestation: Module<typeof attestationMessages> = {
  name: "attestation",
  id: ATTESTATION_MODULE,
  handlers: {
    "attestation.register": (context, { digest: hash, sizeBytes, mediaType, note }) => {
      const { state, sender, statementId, height, timeMs } = context;
      if (places.get(state, BASE, hash, sender) !== undefined)
        failStatement("attestation.exists", "was registered by the sender before", "digest");
      const index = countAttestations(state, hash);
      const made = { owner: sender, statementId, height, timeMs, sizeBytes, mediaType, note };
      attestations.set(state, BASE, made, hash, index);
      places.set(state, BASE, { index }, hash, sender);
      counters.set(state, BASE, { attestations: index + 1 }, hash);
      context.emit(ATTESTATION_MODULE, NOTICE_REGISTERED, hash, sender, index);
    },
  },
};
