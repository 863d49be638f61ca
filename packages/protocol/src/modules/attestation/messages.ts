import { digest } from "../../core/account.ts";
import { record, text, uint } from "../../core/codec/definition.ts";

export const ATTESTATION_MODULE = 9;

export const attestationMessages = {
  /** Registers the SHA-256 of data that stays where it is. */
  "attestation.register": {
    tag: [ATTESTATION_MODULE, 1],
    codec: record(undefined, {
      digest,
      /** As the owner says: nobody checks it. */
      sizeBytes: uint(),
      mediaType: text({ max: 128 }),
      note: text({ max: 256 }),
    }),
  },
} as const;
