import {
  array,
  bool,
  bytes,
  type Codec,
  type Infer,
  labelledMap,
  text,
  uint,
} from "../core/codec/definition.ts";
import { decimal } from "./decimal-codec.ts";

/** Bounds of ours; RFC 8428 has none. Lengths in UTF-16 units or bytes. */
export const MAX_SENML_RECORDS = 4096;
export const MAX_NAME_LENGTH = 255;
export const MAX_UNIT_LENGTH = 64;
export const MAX_STRING_LENGTH = 16_384;
export const MAX_DATA_BYTES = 65_536;

/**
 * One SenML Record, with the labels of RFC 8428 (table 4) as field names and as CBOR map keys. Numbers are
 * integers or decimal fractions, never floats.
 */
export const senmlRecord = labelledMap({
  bver: [-1, uint()],
  bn: [-2, text({ max: MAX_NAME_LENGTH })],
  bt: [-3, decimal],
  bu: [-4, text({ max: MAX_UNIT_LENGTH })],
  bv: [-5, decimal],
  bs: [-6, decimal],
  n: [0, text({ max: MAX_NAME_LENGTH })],
  u: [1, text({ max: MAX_UNIT_LENGTH })],
  v: [2, decimal],
  vs: [3, text({ max: MAX_STRING_LENGTH })],
  vb: [4, bool],
  s: [5, decimal],
  t: [6, decimal],
  ut: [7, decimal],
  vd: [8, bytes({ max: MAX_DATA_BYTES })],
});

/** Absent fields are absent, never undefined. */
export type SenmlRecord = Infer<typeof senmlRecord>;

/** A SenML Pack: what the readings of a collection are. */
export const senmlPack: Codec<readonly SenmlRecord[]> = array(senmlRecord, {
  min: 1,
  max: MAX_SENML_RECORDS,
});
