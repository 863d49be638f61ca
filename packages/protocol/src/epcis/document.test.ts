import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes, encodeUtf8, equalBytes } from "../core/bytes.ts";
import { LhgError } from "../core/errors.ts";
import {
  type DocumentParts,
  hoistContext,
  joinDocument,
  parseHead,
  parseSlice,
  readDocument,
  splitDocument,
} from "./document.ts";

const GS1 = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
const CONTEXT = `["${GS1}",{"ex":"https://ns.example.org/epcis/"}]`;
const EVENT =
  '{"type":"ObjectEvent","eventTime":"2026-01-31T08:00:00Z","eventTimeZoneOffset":"+01:00",' +
  '"epcList":["urn:epc:id:sgtin:9521321.012345.1"],"action":"OBSERVE"}';

function documentText(
  events: readonly string[],
  options: { context?: string; before?: string; after?: string } = {},
) {
  const { context = CONTEXT, before = "", after = "" } = options;
  const head = `{"@context":${context},"type":"EPCISDocument","schemaVersion":"2.0",`;
  return `${head}"creationDate":"2026-02-01T00:00:00Z",${before}"epcisBody":{"eventList":[${events.join(",")}]}${after}}`;
}

function queryText(events: readonly string[]): string {
  const body = `{"queryResults":{"queryName":"q","ex:ignoreFields":["ex:a"],"resultsBody":{"eventList":[${events}]}}}`;
  return `{"@context":${CONTEXT},"type":"EPCISQueryDocument","epcisBody":${body}}`;
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof LhgError, String(error));
    return `${error.code} ${error.field}`;
  }
  return "accepted";
}

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const join = (parts: DocumentParts) => concatBytes(parts.head, ...parts.slices, parts.tail);

test("the cut runs from event to event", () => {
  const { head, slices, tail } = splitDocument(
    encodeUtf8(documentText([` ${EVENT} `, `\n${EVENT}`], { after: " " })),
  );
  assert.ok(decode(head).endsWith('"eventList":[ '));
  assert.deepEqual(slices.map(decode), [`${EVENT} ,\n`, EVENT]);
  assert.equal(decode(tail), "]} }");
});

test("a single event is cut from its white space, and no event at all before the bracket", () => {
  const bare = splitDocument(encodeUtf8(` ${EVENT}\n`));
  assert.deepEqual([bare.head, ...bare.slices, bare.tail].map(decode), [" ", EVENT, "\n"]);
  const none = splitDocument(encodeUtf8(documentText([" "])));
  assert.deepEqual([decode(none.head).at(-1), none.slices, decode(none.tail)], [" ", [], "]}}"]);
});

const spaces = fc.string({ unit: fc.constantFrom(" ", "\n", "\t"), maxLength: 2 });
const eventTexts = fc
  .tuple(
    spaces,
    fc.array(fc.tuple(fc.constantFrom('"ex:a"', '"ex:b"'), fc.jsonValue()), { maxLength: 1 }),
    spaces,
  )
  .map(([left, more, right]) => {
    const extensions = more.map(([name, value]) => `,${name}:${JSON.stringify(value)}`).join("");
    return `${left}${EVENT.slice(0, -1)}${extensions}}${right}`;
  });
const documents = fc
  .tuple(fc.constantFrom(documentText, queryText), fc.array(eventTexts, { maxLength: 4 }))
  .map(([write, events]) => encodeUtf8(write(events)));

test("split and join are inverse, and each event reads the same alone", () => {
  fc.assert(
    fc.property(documents, (bytes) => {
      const whole = readDocument(bytes);
      assert.ok(equalBytes(join(whole.parts), bytes));
      assert.deepEqual(joinDocument(whole.parts), whole);
      assert.deepEqual(parseHead(whole.parts.head), whole.context);
      for (const [index, slice] of whole.parts.slices.entries()) {
        const { start, end } = whole.events[index]!;
        const event = parseSlice(slice);
        assert.deepEqual([event.start, event.end], [0, end - start]);
        assert.deepEqual([...event.entries.keys()], [...whole.events[index]!.entries.keys()]);
      }
    }),
  );
});

test("no other cut joins", () => {
  fc.assert(
    fc.property(documents, fc.nat(), fc.nat(), (bytes, first, second) => {
      const { head, slices } = splitDocument(bytes);
      const [from, to] = [first % (bytes.length + 1), second % (bytes.length + 1)].sort((a, b) => a - b);
      const other = {
        head: bytes.subarray(0, from),
        slices: [bytes.subarray(from, to)],
        tail: bytes.subarray(to),
      };
      const isTheCut = slices.length === 1 && from === head.length && to === head.length + slices[0]!.length;
      assert.equal(
        refusal(() => joinDocument(other)),
        isTheCut ? "accepted" : "epcis.cut $",
      );
    }),
  );
});

test("two events in one slice, and an event in the tail, are found out", () => {
  const { head, slices, tail } = splitDocument(encodeUtf8(documentText([EVENT, EVENT])));
  const merged = { head, slices: [concatBytes(...slices)], tail };
  assert.equal(
    refusal(() => joinDocument(merged)),
    "epcis.cut $",
  );
  assert.equal(
    refusal(() => parseSlice(merged.slices[0]!)),
    "epcis.cut $",
  );
  assert.equal(
    refusal(() => joinDocument({ head, slices: [slices[0]!], tail: concatBytes(slices[1]!, tail) })),
    "epcis.cut $",
  );
  assert.equal(
    refusal(() => parseHead(concatBytes(head, slices[1]!))),
    "epcis.cut $.epcisBody.eventList",
  );
});

test("flipped bytes and random bytes throw nothing but LhgError", () => {
  const whole = encodeUtf8(documentText([EVENT, EVENT]));
  const { head, slices } = splitDocument(whole);
  const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(
      fc.constantFrom(whole, head, slices[0]!),
      flips,
      fc.uint8Array({ maxLength: 30 }),
      (base, changes, noise) => {
        const bytes = base.slice();
        for (const [at, mask] of changes) bytes[at % bytes.length]! ^= mask;
        for (const input of [bytes, noise])
          for (const run of [readDocument, parseHead, parseSlice, hoistContext]) refusal(() => run(input));
      },
    ),
    { numRuns: 500 },
  );
});

test("the head gives context, creation time and ignored fields", () => {
  const parts = splitDocument(
    encodeUtf8(documentText([EVENT], { before: '"ex:ignoreFields":["ex:hash"],' })),
  );
  const context = parseHead(parts.head);
  assert.equal(context.form, "document");
  assert.equal(context.prefixes.get("ex"), "https://ns.example.org/epcis/");
  assert.equal(context.prefixes.get("cbvmda"), "urn:epcglobal:cbv:mda:");
  assert.deepEqual([...context.ignoreFields], ["ex:hash"]);
  assert.equal(context.creationTimeMs, 1_769_904_000_000);
  assert.equal(parseHead(splitDocument(encodeUtf8(queryText([EVENT]))).head).form, "query");
  assert.equal(parseHead(encodeUtf8(" \n")).form, "event");
});

test("contexts that would have to be fetched, or that change what names mean, are refused", () => {
  const cases: [string, string][] = [
    [`"${GS1}"`, "accepted"],
    [`["${GS1}",{"@version":1.1,"ex:n":{"@type":"@id"}}]`, "accepted"],
    [`["${GS1}","https://example.org/context.jsonld"]`, 'epcis.context-unpinned $["@context"][1]'],
    ['{"ex":"https://ns.example.org/"}', 'epcis.context-unpinned $["@context"]'],
    [`["${GS1}","${GS1}"]`, 'epcis.duplicate $["@context"][1]'],
    [`["${GS1}",{"urn":"https://evil.example/"}]`, 'epcis.context-term $["@context"][1].urn'],
    [`["${GS1}",{"gs1":"https://evil.example/"}]`, 'epcis.context-term $["@context"][1].gs1'],
    [`["${GS1}",{"@vocab":"https://evil.example/"}]`, 'epcis.context-term $["@context"][1]["@vocab"]'],
    [`["${GS1}",{"epcList":{"@id":"https://evil.example/"}}]`, 'epcis.context-term $["@context"][1].epcList'],
    [`["${GS1}",{"ex:n":{"@id":"https://evil.example/"}}]`, 'epcis.context-term $["@context"][1]["ex:n"]'],
    [`["${GS1}",{"ex":"no uri"}]`, 'epcis.context-term $["@context"][1].ex'],
    [`["${GS1}",7]`, 'epcis.context-unpinned $["@context"][1]'],
  ];
  for (const [context, expected] of cases)
    assert.equal(
      refusal(() => readDocument(encodeUtf8(documentText([], { context })))),
      expected,
      context,
    );
  const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`p${i}`, "https://ns.example.org/"]));
  const context = JSON.stringify([GS1, many]);
  assert.match(
    refusal(() => readDocument(encodeUtf8(documentText([], { context })))),
    /^epcis.context-term/,
  );
});

test("a context behind the events is refused, and hoisted on request", () => {
  const late = documentText([EVENT])
    .replace(`"@context":${CONTEXT},`, "")
    .replace(/}$/, `, "@context" : ${CONTEXT} }`);
  assert.equal(
    refusal(() => readDocument(encodeUtf8(late))),
    'epcis.context-after-events $["@context"]',
  );
  const hoisted = hoistContext(encodeUtf8(late));
  assert.deepEqual(JSON.parse(decode(hoisted)), JSON.parse(late));
  assert.deepEqual(splitDocument(hoisted).slices.map(decode), [EVENT]);
  assert.equal(hoistContext(hoisted), hoisted);
  const ignoring = encodeUtf8(documentText([EVENT], { after: ',"ex:ignoreFields":[]' }));
  assert.equal(
    refusal(() => readDocument(ignoring)),
    'epcis.context-after-events $["ex:ignoreFields"]',
  );
  assert.equal(
    refusal(() => readDocument(hoistContext(ignoring))),
    "accepted",
  );
});

test("what stands around the events is checked", () => {
  const cases: [string, string][] = [
    ["[]", "epcis.type $"],
    ['{"a":1}', "epcis.required $.type"],
    [documentText([EVENT]).replace('"schemaVersion":"2.0",', ""), "epcis.required $.schemaVersion"],
    [documentText([EVENT]).replace('"2.0"', '"two"'), "epcis.format $.schemaVersion"],
    [
      documentText([EVENT]).replace('"creationDate":"2026-02-01T00:00:00Z"', '"creationDate":"today"'),
      "epcis.time $.creationDate",
    ],
    [documentText([EVENT], { before: '"mine":1,' }), "epcis.property $.mine"],
    [documentText([EVENT], { before: '"my:own":1,' }), 'epcis.prefix-undeclared $["my:own"]'],
    [documentText([EVENT]).replace("epcisBody", "body"), "epcis.required $.epcisBody"],
    [
      documentText([EVENT]).replace('{"eventList"', `{"event":${EVENT},"eventList"`),
      "epcis.property $.epcisBody.event",
    ],
    [documentText([EVENT, "7"]), "epcis.type $.epcisBody.eventList[1]"],
    [documentText(Array.from({ length: 10_001 }, () => "{}")), "epcis.too-many-events $.epcisBody.eventList"],
    [queryText([EVENT]).replace('"queryName":"q",', ""), "epcis.required $.epcisBody.queryResults.queryName"],
  ];
  for (const [text, expected] of cases)
    assert.equal(
      refusal(() => readDocument(encodeUtf8(text))),
      expected,
      text.slice(0, 300),
    );
});

test("master data is checked as the schema does", () => {
  const vocabulary = (element: unknown) =>
    encodeUtf8(
      documentText([], {
        before: `"epcisHeader":{"epcisMasterData":{"vocabularyList":[{"type":"urn:x:y","vocabularyElementList":[${JSON.stringify(element)}]}]}},`,
      }),
    );
  const id = "urn:epc:id:sgln:9521321.12345.0";
  assert.equal(
    refusal(() =>
      readDocument(vocabulary({ id, attributes: [{ id: "urn:a:b", attribute: 7 }], children: [id] })),
    ),
    "accepted",
  );
  const at = "$.epcisHeader.epcisMasterData.vocabularyList[0].vocabularyElementList[0]";
  assert.equal(
    refusal(() => readDocument(vocabulary({}))),
    `epcis.required ${at}.id`,
  );
  assert.equal(
    refusal(() => readDocument(vocabulary({ id, children: ["x"] }))),
    `epcis.uri ${at}.children[0]`,
  );
  assert.equal(
    refusal(() => readDocument(vocabulary({ id, attributes: [{ id, attribute: true }] }))),
    `epcis.type ${at}.attributes[0].attribute`,
  );
});
