/** What nodes say to each other of statements. Decoding throws an `LhgError` that names the field. */
import {
  array,
  bytes,
  byteView,
  decode,
  encode,
  type Infer,
  record,
  uint,
} from "@lhg/protocol/core/codec/definition";
import { STATEMENTS_MAX } from "../blocks/proposal.ts";

/** A capture travels with its document, of 4 MiB at most, cut into slices. */
export const SUBMISSION_BYTES_MAX = 5 << 20;
export const QUESTION_HASHES_MAX = 4_096;
export const QUESTION_BYTES_MAX = 34 * QUESTION_HASHES_MAX + 64;

const submissions = (min: number) =>
  array(byteView({ min: 1, max: SUBMISSION_BYTES_MAX }), { min, max: STATEMENTS_MAX });

const batch = record(1, {
  /** What is offered again must not look like what was passed on before: the gossip tells messages apart by their bytes. */
  salt: uint(0xffffffff),
  submissions: submissions(1),
});
export type Batch = Infer<typeof batch>;

export const encodeBatch = (value: Batch): Uint8Array => encode(batch, value, "batch");
export const decodeBatch = (encoded: Uint8Array): Batch => decode(batch, encoded, "batch");

/** Asks for statements by their leaf hashes. */
const question = record(1, { leafHashes: array(bytes(32), { min: 1, max: QUESTION_HASHES_MAX }) });
export type StatementsQuestion = Infer<typeof question>;

export const encodeQuestion = (value: StatementsQuestion): Uint8Array => encode(question, value, "question");
export const decodeQuestion = (encoded: Uint8Array): StatementsQuestion =>
  decode(question, encoded, "question");

/** Those that are there, in any order; perhaps not all that fit, but one at least where one is there. */
const answer = record(1, { submissions: submissions(0) });
export type StatementsAnswer = Infer<typeof answer>;

export const encodeAnswer = (value: StatementsAnswer): Uint8Array => encode(answer, value, "answer");
export const decodeAnswer = (encoded: Uint8Array): StatementsAnswer => decode(answer, encoded, "answer");
