import { byteView, encode, type Infer, nullable, record } from "../codec/definition.ts";
import { MAX_STATEMENT_BYTES } from "../cose.ts";
import { slices } from "./capture.ts";

/** A statement as it travels: its COSE bytes, and the slices of a capture beside them. */
export const submission = record(undefined, {
  statement: byteView({ min: 1, max: MAX_STATEMENT_BYTES }),
  body: nullable(slices),
});
export type Submission = Infer<typeof submission>;

/** The encoded submission of a statement that brings no slices. */
export function wrapStatement(statement: Uint8Array): Uint8Array {
  return encode(submission, { statement, body: null }, "submission");
}
