import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addDecimals,
  compareDecimals,
  DECIMAL_MAX_EXPONENT,
  formatDecimal,
  isInteger,
  parseDecimal,
  subtractDecimals,
  toDecimal,
} from "./decimal.ts";
import { LhgError } from "./errors.ts";

const decimals = fc
  .tuple(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.integer({ min: -9, max: 9 }))
  .map(([mantissa, exponent]) => toDecimal(mantissa, exponent));

test("equal numbers have one form", () => {
  for (const text of ["26", "26.0", "26.000", "2.6e1", "260e-1", "0.026E+3"])
    assert.deepEqual(parseDecimal(text), { mantissa: 26n, exponent: 0 }, text);
  for (const text of ["0", "-0", "0.00", "0e999", "-0.0e-5"])
    assert.deepEqual(parseDecimal(text), { mantissa: 0n, exponent: 0 }, text);
});

test("format is plain and canonical", () => {
  const cases: [string, string][] = [
    ["1e3", "1000"],
    ["-1.50", "-1.5"],
    ["0.05", "0.05"],
    ["5e-7", "0.0000005"],
    ["452.0", "452"],
    ["12345678901234567890.5", "12345678901234567890.5"],
  ];
  for (const [text, expected] of cases) assert.equal(formatDecimal(parseDecimal(text)), expected);
});

test("what is not a bounded JSON number is refused by code", () => {
  const cases: [string, string][] = [
    ["", "decimal.syntax"],
    ["01", "decimal.syntax"],
    ["+1", "decimal.syntax"],
    [".5", "decimal.syntax"],
    ["1.", "decimal.syntax"],
    ["NaN", "decimal.syntax"],
    ["1".padEnd(600, "0"), "decimal.syntax"],
    ["1".repeat(35), "decimal.precision"],
    [`1e${DECIMAL_MAX_EXPONENT + 1}`, "decimal.range"],
    [`1e-${"9".repeat(400)}`, "decimal.range"],
  ];
  for (const [text, code] of cases)
    assert.throws(
      () => parseDecimal(text, "quantity"),
      (error) => error instanceof LhgError && error.code === code && error.field === "quantity",
      text,
    );
});

test("parse(format(x)) is x, and the order is that of the integers", () => {
  fc.assert(
    fc.property(decimals, decimals, (a, b) => {
      assert.deepEqual(parseDecimal(formatDecimal(a)), a);
      const scale = (value: typeof a) => value.mantissa * 10n ** BigInt(value.exponent + 20);
      const difference = scale(a) - scale(b);
      assert.equal(compareDecimals(a, b), difference < 0n ? -1 : difference > 0n ? 1 : 0);
      assert.equal(isInteger(a), scale(a) % 10n ** 20n === 0n);
    }),
  );
});

test("addition is exact and undone by subtraction", () => {
  assert.equal(formatDecimal(addDecimals(parseDecimal("0.1"), parseDecimal("0.2"))), "0.3");
  fc.assert(
    fc.property(decimals, decimals, (a, b) => {
      assert.deepEqual(subtractDecimals(addDecimals(a, b), b), a);
      assert.deepEqual(addDecimals(a, b), addDecimals(b, a));
    }),
  );
  assert.throws(
    () => addDecimals(parseDecimal("1e300"), parseDecimal("1e-300")),
    (error) => error instanceof LhgError && error.code === "decimal.precision",
  );
});
