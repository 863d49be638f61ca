import type { CborReader } from "../core/codec/cbor-reader.ts";
import { MAJOR_TAG } from "../core/codec/cbor-writer.ts";
import type { Codec } from "../core/codec/definition.ts";
import { formatPath } from "../core/codec/path.ts";
import {
  DECIMAL_MAX_EXPONENT,
  type Decimal,
  formatDecimal,
  parseDecimal,
  toDecimal,
} from "../core/decimal.ts";
import { LhgError } from "../core/errors.ts";

/** Decimal fraction (RFC 8949, section 3.4.4). */
const TAG_DECIMAL_FRACTION = 4;
const CBOR_INT_END = 1n << 64n;
/** 10^20 > 2^64: no larger power of ten times a mantissa fits a CBOR integer. */
const MAX_INTEGER_EXPONENT = 19;

/**
 * A decimal has one encoding: a CBOR integer where its value is one within [-2^64, 2^64), else tag 4 around
 * `[exponent, mantissa]` without trailing zeros in the mantissa, which itself fits a CBOR integer. Every other
 * form is refused with `decimal.form`. In JSON a string, since JSON tools read numbers as doubles.
 */
export const decimal: Codec<Decimal> = {
  write: (writer, value) => {
    const { mantissa, exponent } = value;
    const integer = toCborInteger(value);
    if (integer !== undefined) {
      writer.writeInt(integer);
      return;
    }
    if (mantissa % 10n === 0n) writer.fail("decimal.form", "the mantissa must not end in a zero");
    writer.writeTag(TAG_DECIMAL_FRACTION);
    writer.writeArrayHeader(2);
    writer.writeInt(exponent);
    writer.writeInt(mantissa);
  },
  read: (reader) => {
    if (reader.peekMajor() !== MAJOR_TAG) return toDecimal(reader.readBigInt(), 0, formatPath(reader.path));
    return readFraction(reader);
  },
  toJson: formatDecimal,
  fromJson: (json, path) => {
    const field = formatPath(path);
    if (typeof json !== "string")
      throw new LhgError("json.type", "must be a decimal number in a string", field);
    return parseDecimal(json, field);
  },
  schema: { type: "string", pattern: "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?$", maxLength: 512 },
};

function readFraction(reader: CborReader): Decimal {
  if (reader.readTag() !== TAG_DECIMAL_FRACTION)
    reader.fail("cbor.type", "must be an integer or a decimal fraction (tag 4)");
  if (reader.readArrayHeader() !== 2) reader.fail("value.count", "must be an exponent and a mantissa");
  const exponent = reader.readInt();
  if (exponent < -DECIMAL_MAX_EXPONENT || exponent > DECIMAL_MAX_EXPONENT)
    reader.fail("decimal.range", `must have an exponent of at most ${DECIMAL_MAX_EXPONENT} in magnitude`);
  const mantissa = reader.readBigInt();
  if (mantissa % 10n === 0n) reader.fail("decimal.form", "the mantissa must not end in a zero");
  if (toCborInteger({ mantissa, exponent }) !== undefined)
    reader.fail("decimal.form", "an integer must be written as one");
  return { mantissa, exponent };
}

function toCborInteger({ mantissa, exponent }: Decimal): bigint | undefined {
  if (exponent < 0 || exponent > MAX_INTEGER_EXPONENT) return undefined;
  const value = mantissa * 10n ** BigInt(exponent);
  return value >= -CBOR_INT_END && value < CBOR_INT_END ? value : undefined;
}
