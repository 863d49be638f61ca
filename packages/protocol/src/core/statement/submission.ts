import { byteView, type Infer, nullable, record } from "../codec/definition.ts";
import { MAX_STATEMENT_BYTES } from "../cose.ts";
import { slices } from "./capture.ts";

/** A statement as it travels: its COSE bytes, and the slices of a capture beside them. */
export const submission = record(undefined, {
  statement: byteView({ min: 1, max: MAX_STATEMENT_BYTES }),
  body: nullable(slices),
});
export type Submission = Infer<typeof submission>;
