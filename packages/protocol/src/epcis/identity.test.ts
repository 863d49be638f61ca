import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LhgError } from "../core/errors.ts";
import { canonicalIdentity, canonicalText, checkGrantedPrefix, matchesPrefix } from "./identity.ts";

const key = (uri: string) => canonicalIdentity(uri, "item").key;
const link = (path: string) => `https://id.gs1.org/${path}`;

function refusedWith(code: string) {
  return (error: unknown) => error instanceof LhgError && error.code === code && error.field === "item";
}

test("every EPC scheme has its Digital Link", () => {
  const cases: [urn: string, path: string, kind: string, digits: string][] = [
    ["id:sgtin:9521321.012345.Ser/1", "", "", ""],
    ["id:sgtin:9521321.012345.Ser%2F1", "01/09521321123458/21/Ser%2F1", "instance", "9521321123458"],
    [
      "id:sgtin:9521321.912345.a!(b)*+,:",
      "01/99521321123451/21/a%21%28b%29%2A%2B%2C%3A",
      "instance",
      "9521321123451",
    ],
    ["id:upui:9521321.012345.51qI.Y)%3C", "01/09521321123458/235/51qI.Y%29%3C", "instance", "9521321123458"],
    ["class:lgtin:9521321.012345.L-1", "01/09521321123458/10/L-1", "lot", "9521321123458"],
    ["idpat:sgtin:9521321.012345.*", "01/09521321123458", "class", "9521321123458"],
    ["idpat:upui:9521321.012345.*", "01/09521321123458", "class", "9521321123458"],
    ["id:sscc:9521321.1234567890", "00/195213212345678904", "instance", "95213212345678904"],
    ["id:sgln:9521321.12345.0", "414/9521321123458", "location", "9521321123458"],
    ["id:sgln:9521321.12345.dock.7", "414/9521321123458/254/dock.7", "location", "9521321123458"],
    ["id:sgln:952132112345..0", "414/9521321123458", "location", "9521321123458"],
    ["id:pgln:9521321.12345", "417/9521321123458", "party", "9521321123458"],
    ["id:grai:9521321.12345.A1", "8003/09521321123458A1", "instance", "9521321123458"],
    ["idpat:grai:9521321.12345.*", "8003/09521321123458", "class", "9521321123458"],
    ["id:giai:9521321.X-9", "8004/9521321X-9", "instance", "9521321"],
    ["id:gsrn:9521321.0123456789", "8018/952132101234567892", "service-relation", "952132101234567892"],
    ["id:gsrnp:9521321.0123456789", "8017/952132101234567892", "service-relation", "952132101234567892"],
    ["id:gdti:9521321.12345.v.1", "253/9521321123458v.1", "document", "9521321123458"],
    ["idpat:gdti:9521321.12345.*", "253/9521321123458", "class", "9521321123458"],
    ["id:sgcn:9521321.12345.0007", "255/95213211234580007", "coupon", "95213211234580007"],
    ["idpat:sgcn:9521321.12345.*", "255/9521321123458", "class", "9521321123458"],
    ["id:cpi:9521321.PQ%2F7%23.35", "8010/9521321PQ%2F7%23/8011/35", "instance", "9521321"],
    ["idpat:cpi:9521321.PQ7.*", "8010/9521321PQ7", "class", "9521321"],
    ["id:ginc:9521321.xyz", "401/9521321xyz", "shipment", "9521321"],
    ["id:gsin:9521321.123456789", "402/95213211234567896", "shipment", "95213211234567896"],
    ["id:itip:9521321.012345.01.02.S", "8006/095213211234580102/21/S", "instance", "95213211234580102"],
    ["idpat:itip:9521321.012345.01.02.*", "8006/095213211234580102", "class", "95213211234580102"],
  ];
  for (const [urn, path, kind, digits] of cases) {
    if (path === "") {
      assert.throws(() => key(`urn:epc:${urn}`), refusedWith("identity.gs1"), urn);
      continue;
    }
    const identity = canonicalIdentity(`urn:epc:${urn}`, "item");
    assert.deepEqual([identity.key, identity.kind, identity.gs1?.digits], [link(path), kind, digits], urn);
    assert.deepEqual(canonicalIdentity(identity.key, "item"), identity, "the link is the identity of itself");
  }
});

test("Digital Links of any domain and spelling are one identity", () => {
  const instance = link("01/09521321123458/21/S1");
  for (const uri of [
    "https://example.com/01/09521321123458/21/S1",
    "http://id.gs1.org/01/09521321123458/21/S1/",
    "HTTPS://ID.GS1.ORG:443/01/09521321123458/21/S%31?17=271231#top",
    "https://brand.example/some/stem/01/9521321123458/22/V2/10/L1/21/S1",
    "https://brand.example/gtin/9521321123458/lot/L1/ser/S1",
    "gs1:01/09521321123458/21/S1",
    "urn:epc:id:sgtin:9521321.012345.S1",
    "URN:EPC:id:sgtin:9521321.012345.S1",
  ])
    assert.equal(key(uri), instance, uri);
  assert.equal(key("https://x.example/01/096385074"), "https://x.example/01/096385074");
  assert.equal(key("https://x.example/01/96385074"), link("01/00000096385074"));
  assert.equal(key("https://x.example/414/9521321123458/254/0"), link("414/9521321123458"));
  assert.equal(key("https://x.example/8018/952132101234567892/8019/12"), link("8018/952132101234567892"));
  assert.equal(key("https://x.example/417/9521321123458/7040/1ABC"), link("417/9521321123458"));
});

test("other URIs stay as they are", () => {
  for (const uri of [
    "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    "urn:epc:id:gid:95100000.12345.400",
    "urn:epc:id:usdod:CAGEY.5678",
    "urn:epc:id:adi:35962.PQ7VZ4.M37GXB92",
    "urn:epc:id:bic:CSQU3054383",
    "urn:epc:id:imovn:9176187",
    "urn:epcglobal:cbv:bt:9521321123458:4711",
    "https://Example.com/items/%7e1",
    "https://example.com/01/09521321123457/21/S1",
    "https://example.com/01/09521321123458/99/x",
    "https://id.gs1.org/AQnYUc1gmg",
    "geo:48.2,16.3",
  ])
    assert.deepEqual(canonicalIdentity(uri, "item"), { key: uri, kind: "uri" });
});

test("malformed keys and texts are refused", () => {
  for (const urn of [
    "id:sgtin:9521321.012345",
    "id:sgtin:95213.01234567.1",
    "id:sgtin:9521321.01234.1",
    "id:sgtin:9521321.012345.123456789012345678901",
    "id:sgtin:9521321.012345.%ff",
    "id:sgtin:9521321.012345.%00",
    "id:sgtin:9521321.012345.",
    "idpat:sgtin:9521321.*.*",
    "idpat:sgtin:9521321.012345.1",
    "id:sscc:9521321.123456789",
    "id:sgcn:9521321.12345.A",
    "id:cpi:9521321.pq7.1",
    "tag:sgtin-96:1.9521321.012345.1",
    "raw:96.x0123",
    "id:sgtin",
    "sgtin:x",
    "ID:sgtin:9521321.012345.1",
    "id:SGTIN:9521321.012345.1",
    "id:sgtin%3A9521321.012345.1",
    "idpat:giai:9521321.*",
    "class:sgtin:9521321.012345.1",
    "class:gid:1.2",
    "id:gid:",
  ])
    assert.throws(() => key(`urn:epc:${urn}`), refusedWith("identity.gs1"), urn);
  for (const path of [
    "01/09521321123457",
    "01/09521321123458/21/S1/10/L1",
    "01/09521321123458/21",
    "00/195213212345678905",
    "8004/abc",
    "414/9521321123458/254/%C3%A4",
  ])
    assert.throws(() => key(link(path)), refusedWith("identity.gs1"), path);
  for (const text of [
    "",
    "word",
    "urn:ä",
    `gs1:${"a".repeat(1020)}`,
    `urn:x:${"a".repeat(1024)}`,
    "urn:x:a b",
  ])
    assert.throws(() => key(text), refusedWith("identity.uri"), text);
});

const digitsOf = (length: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: length, maxLength: length }).map((d) => d.join(""));
const SET_82 = [..."!\"%&'()*+,-./0123456789:;<=>?ABCXYZ_abcxyz"];
const serials = fc
  .array(fc.constantFrom(...SET_82), { minLength: 1, maxLength: 16 })
  .map((characters) => characters.join(""));
const escapeUrn = (text: string) => text.replace(/["%&/<>?]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);

test("URN and link of one key agree, and canonical is a fixed point", () => {
  const schemes = fc.constantFrom("sgtin", "sgln", "grai", "giai", "gdti", "upui");
  fc.assert(
    fc.property(
      schemes,
      fc.integer({ min: 6, max: 12 }),
      digitsOf(13),
      serials,
      (scheme, at, digits, serial) => {
        const total = scheme === "sgtin" || scheme === "upui" ? 13 : 12;
        const reference = scheme === "giai" ? "" : `${digits.slice(at, total)}.`;
        const urn = `urn:epc:id:${scheme}:${digits.slice(0, at)}.${reference}${escapeUrn(serial)}`;
        const identity = canonicalIdentity(urn, "item");
        assert.deepEqual(canonicalIdentity(identity.key, "item"), identity);
        const elsewhere = `http://shop.example/p/${identity.key.slice("https://id.gs1.org/".length)}?x=1`;
        assert.deepEqual(canonicalIdentity(elsewhere, "item"), identity);
        assert.equal(canonicalText(urn), identity.key);
        assert.ok(matchesPrefix(identity, digits.slice(0, at)) || scheme === "sgtin" || scheme === "upui");
      },
    ),
    { numRuns: 500 },
  );
});

test("any text throws LhgError or has a fixed point", () => {
  const parts = fc.constantFrom(
    "urn:epc:",
    "id:",
    "sgtin:",
    "https://",
    "id.gs1.org",
    "/01/",
    "09521321123458",
    ".",
    "%41",
    "*",
    "/21/",
    "gs1:",
    "a",
    "?",
    "#",
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 8 }), (pieces) => {
      try {
        const identity = canonicalIdentity(pieces.join(""), "item");
        assert.deepEqual(canonicalIdentity(identity.key, "item"), identity);
      } catch (error) {
        assert.ok(error instanceof LhgError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("grants match on the digits behind indicator, extension and filler", () => {
  const matches = (uri: string, prefix: string) => matchesPrefix(canonicalIdentity(uri, "item"), prefix);
  for (const uri of [
    "urn:epc:id:sgtin:9521321.912345.1",
    "urn:epc:id:sscc:9521321.1234567890",
    "urn:epc:id:grai:9521321.12345.A1",
    "urn:epc:id:giai:9521321.X-9",
    "urn:epc:id:itip:9521321.912345.01.02.S",
    "urn:epc:id:sgln:9521321.12345.0",
  ]) {
    for (const prefix of ["9521321", "9521"]) assert.ok(matches(uri, prefix), uri);
    for (const prefix of ["95213219", "1952", "https://id.gs1.org/"]) assert.ok(!matches(uri, prefix), uri);
  }
  assert.ok(matches("urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8", "urn:uuid:"));
  assert.ok(matches("https://acme.example/items/7", "https://acme.example/items/"));
  assert.ok(!matches("https://acme.example/items7", "https://acme.example/items/"));
  assert.ok(!matches("https://acme.example/01/09521321123458", "https://acme.example/"));
  assert.ok(!matches("https://acme.example/1234", "1234"));
});

test("only grants that end at an edge and name an owner are admitted", () => {
  for (const prefix of [
    "0614141",
    "9521",
    "123456789012",
    "urn:uuid:",
    "https://acme.example/",
    "did:web:acme.example:",
    "https://acme.example/item?id=",
  ])
    checkGrantedPrefix(prefix, "item");
  for (const prefix of [
    "",
    "952",
    "1234567890123",
    "urn:",
    "https://",
    "https:/",
    "https://acme.example",
    "https://acme.example:",
    "urn:epc:id:sgtin:9521321.",
    "https://id.gs1.org/01/",
    "acme",
    "urn:ä:",
    `urn:x:${"a".repeat(1024)}:`,
  ])
    assert.throws(() => checkGrantedPrefix(prefix, "item"), refusedWith("identity.prefix"), prefix);
});
