import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { encodeUtf8, fromHex, toHex } from "../core/bytes.ts";
import { decode, encode, fromJson } from "../core/codec/definition.ts";
import { type Decimal, formatDecimal, parseDecimal, toDecimal } from "../core/decimal.ts";
import { decimal } from "./decimal-codec.ts";
import { readSenmlJson } from "./json.ts";
import { MAX_SENML_RECORDS, type SenmlRecord, senmlPack, senmlRecord } from "./record.ts";
import { type ResolvedReading, resolveSenml } from "./resolve.ts";

const anyDecimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), fc.integer({ min: -300, max: 300 }))
  .map(([mantissa, exponent]) => toDecimal(mantissa, exponent));
const smallDecimal = fc
  .tuple(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.integer({ min: -6, max: 3 }))
  .map(([mantissa, exponent]) => toDecimal(BigInt(mantissa), exponent));
const secondsApart = fc
  .tuple(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.integer({ min: -6, max: 0 }))
  .map(([mantissa, exponent]) => toDecimal(BigInt(mantissa), exponent));
const absoluteTime = fc
  .integer({ min: 2 ** 29, max: 2 ** 33 })
  .map((seconds) => toDecimal(BigInt(seconds), 0));
const namePart = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9:./_-]{0,20}$/);
const text = fc.string({ unit: "binary", maxLength: 20 });

const anyRecord: fc.Arbitrary<SenmlRecord> = fc.record(
  {
    bver: fc.nat(),
    bn: text,
    bt: anyDecimal,
    bu: text,
    bv: anyDecimal,
    bs: anyDecimal,
    n: text,
    u: text,
    v: anyDecimal,
    vs: text,
    vb: fc.boolean(),
    s: anyDecimal,
    t: anyDecimal,
    ut: anyDecimal,
    vd: fc.uint8Array({ maxLength: 20 }),
  },
  { requiredKeys: [], noNullPrototype: true },
);

const value: fc.Arbitrary<SenmlRecord> = fc.oneof(
  fc.record({ v: smallDecimal }),
  fc.record({ v: smallDecimal, s: smallDecimal }),
  fc.record({ s: smallDecimal }),
  fc.record({ vs: text }),
  fc.record({ vb: fc.boolean() }),
  fc.record({ vd: fc.uint8Array({ maxLength: 9 }) }),
);
const details: fc.Arbitrary<SenmlRecord> = fc.record(
  { n: namePart, u: text, t: secondsApart, ut: smallDecimal },
  { requiredKeys: [], noNullPrototype: true },
);
const bases: fc.Arbitrary<SenmlRecord> = fc.record(
  { bn: namePart, bt: absoluteTime, bu: text, bv: smallDecimal, bs: smallDecimal },
  { requiredKeys: [], noNullPrototype: true },
);
/** A pack that resolves: it begins with a name and a time, and base fields change on the way. */
const validPack: fc.Arbitrary<SenmlRecord[]> = fc
  .tuple(
    fc.record({ bn: namePart, bt: absoluteTime }),
    fc.array(fc.tuple(bases, details, value), { maxLength: 8 }),
  )
  .map(([first, rest]) => [first, ...rest.map((parts) => Object.assign({}, ...parts) as SenmlRecord)]);

const at = (seconds: string): Decimal => parseDecimal(seconds);
const json = (pack: unknown): SenmlRecord[] => readSenmlJson(encodeUtf8(JSON.stringify(pack)));

function refuses(pack: unknown, code: string, field: string): void {
  assert.throws(() => resolveSenml(json(pack), { field: "pack" }), { code, field }, JSON.stringify(pack));
}

describe("decimal codec", () => {
  test("gives every value one encoding and reads it back", () => {
    fc.assert(
      fc.property(anyDecimal, (value) => {
        const bytes = encode(decimal, value);
        assert.deepEqual(decode(decimal, bytes), value);
        assert.deepEqual(fromJson(decimal, decimal.toJson(value)), value);
      }),
    );
  });

  test("writes integers plainly and fractions with tag 4 (RFC 8949, section 3.4.4)", () => {
    const cases: [string, string][] = [
      ["0", "00"],
      ["-1", "20"],
      ["1000", "1903e8"],
      ["18446744073709551615", "1bffffffffffffffff"],
      ["-18446744073709551616", "3bffffffffffffffff"],
      ["273.15", "c48221196ab3"],
      ["23.1", "c4822018e7"],
      ["1e20", "c4821401"],
    ];
    for (const [text, hex] of cases) {
      assert.equal(toHex(encode(decimal, parseDecimal(text))), hex, text);
      assert.deepEqual(decode(decimal, fromHex(hex)), parseDecimal(text), text);
    }
  });

  test("refuses every other encoding", () => {
    const cases: [string, string][] = [
      ["f93e00", "cbor.float"],
      ["c4822018e6", "decimal.form"], // 230 * 10^-1
      ["c4820001", "decimal.form"], // an integer as a fraction
      ["c4820118e7", "decimal.form"],
      ["c4822000", "decimal.form"], // zero as a fraction
      ["c48239019001", "decimal.range"], // exponent -401
      ["c483200101", "value.count"],
      ["c5822018e7", "cbor.type"],
      ["c48220c249010000000000000000", "cbor.type"],
    ];
    for (const [hex, code] of cases) assert.throws(() => decode(decimal, fromHex(hex)), { code }, hex);
  });

  test("refuses what CBOR integers cannot hold, or is not normalised", () => {
    const wide = parseDecimal("0.1234567890123456789012345");
    assert.throws(() => encode(decimal, wide), { code: "cbor.range" });
    assert.throws(() => encode(decimal, { mantissa: 230n, exponent: -1 }), { code: "decimal.form" });
  });
});

describe("record codec", () => {
  test("round-trips in CBOR and JSON, deterministically", () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 4 }), (pack) => {
        const bytes = encode(senmlPack, pack);
        assert.deepEqual(decode(senmlPack, bytes), pack);
        assert.deepEqual(encode(senmlPack, decode(senmlPack, bytes)), bytes);
        assert.deepEqual(fromJson(senmlPack, senmlPack.toJson(pack)), pack);
      }),
    );
  });

  test("never crashes on other bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          assert.deepEqual(encode(senmlPack, decode(senmlPack, bytes)), bytes);
        } catch (error) {
          assert.equal((error as Error).name, "LhgError");
        }
      }),
    );
  });

  test("uses the labels of RFC 8428, table 4", () => {
    const record: SenmlRecord = { bn: "a", bt: at("1e9"), n: "b", v: at("2"), vd: Uint8Array.of(7) };
    assert.equal(toHex(encode(senmlRecord, record)), "a50061620202084107216161221a3b9aca00");
  });
});

describe("resolve", () => {
  /** The rules of section 4.5 once more, record by record, looking back for each base field. */
  function resolveOne(pack: readonly SenmlRecord[], index: number): Partial<ResolvedReading> {
    const base = (label: "bn" | "bt" | "bu" | "bv" | "bs") =>
      pack.slice(0, index + 1).findLast((record) => record[label] !== undefined)?.[label];
    const record = pack[index] as SenmlRecord;
    const sum = (a: unknown, b: Decimal | undefined): string | undefined => {
      if (a === undefined && b === undefined) return undefined;
      const [x, y] = [(a as Decimal | undefined) ?? at("0"), b ?? at("0")];
      const exponent = Math.min(x.exponent, y.exponent);
      const scale = ({ mantissa, exponent: e }: Decimal) => mantissa * 10n ** BigInt(e - exponent);
      return formatDecimal(toDecimal(scale(x) + scale(y), exponent));
    };
    return {
      name: `${base("bn") ?? ""}${record.n ?? ""}`,
      unit: record.u ?? base("bu"),
      time: sum(base("bt"), record.t),
      value: record.v === undefined ? (record.vs ?? record.vb ?? record.vd) : sum(base("bv"), record.v),
      sum: sum(base("bs"), record.s),
      updateTime: record.ut,
    } as never;
  }

  test("applies base fields as the RFC says", () => {
    fc.assert(
      fc.property(validPack, (pack) => {
        const readings = resolveSenml(pack);
        assert.equal(readings.length, pack.length - 1, "the record of base fields is no reading");
        for (const reading of readings) {
          const expected = resolveOne(pack, reading.index);
          const shown = (decimal: Decimal | undefined) =>
            decimal === undefined ? undefined : formatDecimal(decimal);
          const { v } = pack[reading.index] as SenmlRecord;
          assert.deepEqual(
            {
              name: reading.name,
              unit: reading.unit,
              time: shown(reading.time),
              value: v === undefined ? reading.value : shown(reading.value as Decimal),
              sum: shown(reading.sum),
              updateTime: reading.updateTime,
            },
            expected,
          );
        }
      }),
    );
  });

  test("a resolved pack resolves to itself", () => {
    fc.assert(
      fc.property(validPack, (pack) => {
        const readings = resolveSenml(pack);
        fc.pre(readings.length > 0);
        const records = readings.map(({ name, unit, time, value, sum, updateTime }): SenmlRecord => {
          const record: Partial<Record<keyof SenmlRecord, unknown>> = {
            n: name,
            u: unit,
            t: time,
            s: sum,
            ut: updateTime,
          };
          if (typeof value === "string") record.vs = value;
          else if (typeof value === "boolean") record.vb = value;
          else if (value instanceof Uint8Array) record.vd = value;
          else record.v = value;
          return Object.fromEntries(Object.entries(record).filter(([, field]) => field !== undefined));
        });
        const again = resolveSenml(records).map((reading) => ({ ...reading, index: 0 }));
        assert.deepEqual(
          again,
          readings.map((reading) => ({ ...reading, index: 0 })),
        );
      }),
    );
  });

  test("adds relative times to the given instant, and refuses them without one", () => {
    const pack = json([{ bn: "a", t: -5, v: 1 }, { v: 2 }, { t: 268435455.5, v: 3 }, { t: 268435456, v: 4 }]);
    const readings = resolveSenml(pack, { relativeTo: at("1700000000.25") });
    assert.deepEqual(
      readings.map(({ time }) => formatDecimal(time)),
      ["1699999995.25", "1700000000.25", "1968435455.75", "268435456"],
    );
    assert.throws(() => resolveSenml(pack), { code: "senml.time-relative", field: "readings[0].t" });
  });

  test("names what is wrong", () => {
    const t = 1e9;
    refuses([{ n: "a", t }], "senml.value", "pack[0]");
    refuses([{ n: "a", t, v: 1, vb: true }], "senml.value", "pack[0]");
    refuses([{ bn: "a", bt: t }, { u: "V" }], "senml.value", "pack[1]");
    refuses([{ t, v: 1 }], "senml.name", "pack[0].n");
    refuses([{ n: "-a", t, v: 1 }], "senml.name", "pack[0].n");
    refuses([{ bn: "a", n: "ä", t, v: 1 }], "senml.name", "pack[0].n");
    refuses([{ bn: "a".repeat(200), n: "b".repeat(56), t, v: 1 }], "senml.name", "pack[0].n");
    refuses([{ n: "a\n", t, v: 1 }], "senml.name", "pack[0].n");
    refuses([{ bver: 11, n: "a", t, v: 1 }], "senml.version", "pack[0].bver");
    refuses(
      [
        { n: "a", t, v: 1 },
        { bver: 5, n: "a", t, v: 1 },
      ],
      "senml.version",
      "pack[1].bver",
    );
    refuses(
      [
        { bver: 26, n: "a", t, v: 1 },
        { bver: 10, n: "a", t, v: 1 },
      ],
      "senml.version",
      "pack[1].bver",
    );
    refuses([{ n: "a", bv: 1e30, v: 1e-30, t }], "decimal.precision", "pack[0].v");
    assert.throws(() => resolveSenml([]), { code: "senml.count" });
    for (const bver of [5, 10, 26])
      assert.equal(
        resolveSenml(
          json([
            { bver, n: "a", t, v: 1 },
            { bver, n: "a", t, v: 1 },
          ]),
        ).length,
        2,
      );
  });
});

describe("JSON", () => {
  const read = (text: string) => readSenmlJson(encodeUtf8(text));

  test("keeps numbers exact", () => {
    const [record] = read('[{"n":"a","v":0.1000,"s":12345678901234567890.5,"t":1.276020076001e+09}]');
    assert.deepEqual(record, {
      n: "a",
      v: at("0.1"),
      s: at("12345678901234567890.5"),
      t: at("1276020076.001"),
    });
  });

  test("ignores unknown labels, except those that must be understood", () => {
    assert.deepEqual(read('[{"n":"a","l":"[]","constructor":2,"vb":true}]'), [{ n: "a", vb: true }]);
    for (const label of ["x_", "__proto__"])
      assert.throws(() => read(`[{"n":"a","vb":true,"${label}":1}]`), {
        code: "senml.must-understand",
        field: `pack[0].${label}`,
      });
  });

  test("reads data as base64url without padding", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (data) => {
        const [record] = read(`[{"vd":"${Buffer.from(data).toString("base64url")}"}]`);
        assert.deepEqual(record?.vd, data);
      }),
    );
    for (const text of ["a", "aGkgCg==", "aGk+", "aGl", "a b"])
      assert.throws(() => read(`[{"vd":"${text}"}]`), { code: "senml.data", field: "pack[0].vd" }, text);
    const long = "A".repeat(100_000);
    assert.throws(() => read(`[{"vd":"${long}"}]`), { code: "senml.data" });
  });

  test("names what is wrong", () => {
    const cases: [string, string, string][] = [
      ["{}", "senml.type", "pack"],
      ["[]", "senml.count", "pack"],
      ["[1]", "senml.type", "pack[0]"],
      ['[{"v":"1"}]', "senml.type", "pack[0].v"],
      ['[{"n":1}]', "senml.type", "pack[0].n"],
      ['[{"vb":1}]', "senml.type", "pack[0].vb"],
      ['[{"vd":null}]', "senml.type", "pack[0].vd"],
      ['[{"bver":1.5}]', "senml.type", "pack[0].bver"],
      ['[{"bver":0}]', "senml.type", "pack[0].bver"],
      ['[{"n":"a","n":"b"}]', "json.duplicate-key", "pack[0].n"],
      ['[{"v":1e999}]', "decimal.range", "pack[0].v"],
      [`[${"{},".repeat(MAX_SENML_RECORDS)}{}]`, "senml.count", "pack"],
    ];
    for (const [text, code, field] of cases)
      assert.throws(() => read(text), { code, field }, text.slice(0, 40));
  });
});
