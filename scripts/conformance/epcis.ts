/**
 * GS1's EPCIS 2.0 examples against the schema and our validator, mutations of them against both, and the event
 * hashes of the reference implementation (standards: EPCIS 2.0, CBV 2.0).
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Ajv, type AnySchema, type ValidateFunction } from "ajv";
import formats from "ajv-formats";
import { concatBytes, encodeUtf8, equalBytes } from "../../packages/protocol/src/core/bytes.ts";
import { LhgError } from "../../packages/protocol/src/core/errors.ts";
import {
  type EpcisDocument,
  hoistContext,
  joinDocument,
  parseHead,
  parseSlice,
  readDocument,
} from "../../packages/protocol/src/epcis/document.ts";
import { readEvent } from "../../packages/protocol/src/epcis/event.ts";
import { eventHash, preHash } from "../../packages/protocol/src/epcis/event-hash.ts";
import type { ConformanceResult } from "./result.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const hasher = { sha256: (data: Uint8Array) => new Uint8Array(createHash("sha256").update(data).digest()) };

export async function runEpcis(vectorsDir: string): Promise<ConformanceResult[]> {
  const validate = await compileSchema(join(vectorsDir, "epcis", "EPCIS-JSON-Schema.json"));
  const examples = await findFiles(join(vectorsDir, "epcis", "JSON"), "**/*.jsonld");
  const results = [await runExamples(examples, validate), await runMutations(examples, validate)];
  const hashes = join(vectorsDir, "epcis-hash", "tests", "examples");
  if (!existsSync(hashes)) return [...results, skipped("CBV event hash", `no vectors in ${hashes}`)];
  return [...results, ...(await runHashes(hashes)), await compareEventIds(examples)];
}

async function compileSchema(file: string): Promise<ValidateFunction> {
  const ajv = new Ajv({ strict: false });
  formats.default(ajv);
  return ajv.compile(JSON.parse(await readFile(file, "utf8")) as AnySchema);
}

async function findFiles(folder: string, pattern: string): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob(pattern, { cwd: folder })) files.push(join(folder, file));
  return files.sort();
}

async function runExamples(files: readonly string[], validate: ValidateFunction): Promise<ConformanceResult> {
  const result = empty("EPCIS 2.0 schema");
  for (const file of files) {
    const bytes = await readFile(file);
    const miss = judgeExample(bytes, validate, result.notes, basename(file));
    count(result, miss === "", `${basename(file)}: ${miss}`);
  }
  return result;
}

/** What is wrong with our reading of an example; "" when nothing is. */
function judgeExample(bytes: Uint8Array, validate: ValidateFunction, notes: string[], name: string): string {
  const plain = JSON.parse(new TextDecoder().decode(bytes)) as Json;
  if (!validate(plain)) return "the schema refuses it";
  const refusal = judgeWhole(bytes);
  if (refusal === undefined) return judgeAlone(plain, validate);
  if (refusal.code === "epcis.context-after-events") {
    notes.push(`${name}: has its context behind the events, passes with it hoisted`);
    return judgeWhole(hoistContext(bytes))?.message ?? judgeAlone(plain, validate);
  }
  if (refusal.code !== "json.duplicate-key") return refusal.message;
  // JSON.parse keeps the last of two members, which is the one that the schema saw.
  notes.push(`${name}: has a duplicate key, passes without it (${refusal.field})`);
  return judgeWhole(encodeUtf8(JSON.stringify(plain)))?.message ?? "";
}

/** Every event of a document is also an event by itself, once it has the context. */
function judgeAlone(document: Json, validate: ValidateFunction): string {
  if (!isObject(document)) return "";
  const { "@context": context = null, epcisBody } = document;
  const list = isObject(epcisBody) ? epcisBody.eventList : undefined;
  for (const event of Array.isArray(list) ? list : []) {
    const alone = { "@context": context, ...(event as { [name: string]: Json }) };
    const refusal = validate(alone) ? judgeWhole(encodeUtf8(JSON.stringify(alone))) : undefined;
    if (refusal !== undefined) return `alone: ${refusal.message}`;
  }
  return "";
}

function judgeWhole(bytes: Uint8Array): LhgError | undefined {
  return judge(bytes, (document) => checkCut(bytes, document));
}

/** The error with which our validator refuses a document, one of its events, or what `more` checks. */
function judge(bytes: Uint8Array, more: (document: EpcisDocument) => void = () => {}): LhgError | undefined {
  try {
    const document = readDocument(bytes);
    for (const [index, event] of document.events.entries())
      readEvent(event, document.context, { path: `${document.eventsPath}[${index}]` });
    more(document);
    return undefined;
  } catch (error) {
    if (error instanceof LhgError) return error;
    throw error;
  }
}

/** Every event reads the same from head and slice alone. */
function checkCut(bytes: Uint8Array, { parts, context }: EpcisDocument): void {
  if (!equalBytes(concatBytes(parts.head, ...parts.slices, parts.tail), bytes))
    throw new LhgError("conformance.cut", "must be its own pieces joined");
  const joined = joinDocument(parts);
  const head = parseHead(parts.head);
  for (const [index, slice] of parts.slices.entries()) {
    const alone = eventHash(parseSlice(slice), head, hasher);
    if (alone !== eventHash(joined.events[index]!, context, hasher))
      throw new LhgError("conformance.cut", "must hash alone as in its document");
  }
}

/** Where epcis/README.md, "Stricter than the schema", says that and why we refuse what the schema lets through. */
const STRICTER_CODES: ReadonlySet<string> = new Set([
  "epcis.context-term",
  "epcis.context-unpinned",
  "epcis.duplicate",
  "epcis.event-type",
  "epcis.prefix-undeclared",
  "epcis.property",
  "epcis.quantity",
  "epcis.required",
]);

/**
 * Changes every value of every example in every way below; what the schema refuses, we must refuse. Counted by
 * example: tens of thousands of mutants would drown every other count.
 */
async function runMutations(
  files: readonly string[],
  validate: ValidateFunction,
): Promise<ConformanceResult> {
  const result = empty("EPCIS 2.0 schema, mutations");
  const stricter = new Map<string, number>();
  let both = 0;
  let refusedByBoth = 0;
  for (const file of files) {
    const failedBefore = result.failed;
    const plain = JSON.parse(await readFile(file, "utf8")) as Json;
    const root = contextFirst(plain);
    for (const mutant of mutate(root, (changed) => changed)) {
      const valid = validate(mutant.root);
      const refusal = judge(encodeUtf8(JSON.stringify(mutant.root)));
      if (!valid) {
        if (refusal === undefined) count(result, false, `${basename(file)}: accepted after ${mutant.what}`);
        else refusedByBoth += 1;
        continue;
      }
      if (refusal === undefined) both += 1;
      else if (!STRICTER_CODES.has(refusal.code))
        count(result, false, `${basename(file)}: refused after ${mutant.what}: ${refusal.message}`);
      else stricter.set(refusal.code, (stricter.get(refusal.code) ?? 0) + 1);
    }
    if (result.failed === failedBefore) count(result, true, basename(file));
  }
  const more = [...stricter].sort().map(([code, times]) => `${code} ${times}`);
  result.notes.push(`${refusedByBoth} mutants refused by the schema and by us, ${both} accepted by both`);
  result.notes.push(`stricter than the schema by the rules of epcis/README.md: ${more.join(", ")}`);
  return result;
}

function contextFirst(root: Json): Json {
  if (!isObject(root)) return root;
  const { "@context": context, ...rest } = root;
  return context === undefined ? root : { "@context": context, ...rest };
}

/** Of one array: further items have the shape of these. */
const MAX_MUTATED_ITEMS = 3;

interface Mutant {
  readonly root: Json;
  readonly what: string;
}

function* mutate(node: Json, rebuild: (changed: Json) => Json, path = "$"): Generator<Mutant> {
  for (const [what, changed] of changesOf(node)) yield { root: rebuild(changed), what: `${what} at ${path}` };
  if (Array.isArray(node)) {
    for (const [index, item] of node.slice(0, MAX_MUTATED_ITEMS).entries()) {
      yield* mutate(item, (changed) => rebuild(node.with(index, changed)), `${path}[${index}]`);
      yield { root: rebuild(node.toSpliced(index, 1)), what: `deletion of ${path}[${index}]` };
    }
  } else if (isObject(node)) {
    for (const [name, value] of Object.entries(node)) {
      const { [name]: _, ...rest } = node;
      yield { root: rebuild(rest), what: `deletion of ${path}.${name}` };
      yield { root: rebuild({ ...rest, [`${name}X`]: value }), what: `renaming of ${path}.${name}` };
      // The inside of an extension is free in the schema.
      if (!name.includes(":"))
        yield* mutate(value, (changed) => rebuild({ ...node, [name]: changed }), `${path}.${name}`);
    }
  }
}

const REPLACEMENTS: readonly Json[] = [
  null,
  true,
  7,
  -0.5,
  "",
  "word",
  "x:y",
  "urn:epcglobal:cbv:bizstep:shipping",
];
const MORE_REPLACEMENTS: readonly Json[] = [
  "https://gs1.org/voc/Temperature",
  "2020-02-30T00:00:00Z",
  "+14:01",
  [],
  {},
];

function changesOf(node: Json): [string, Json][] {
  const changes = [...REPLACEMENTS, ...MORE_REPLACEMENTS].map((value): [string, Json] => [
    `replacement by ${JSON.stringify(value)}`,
    value,
  ]);
  if (Array.isArray(node) && node.length > 0) changes.push(["repetition of an item", [...node, node[0]!]]);
  if (isObject(node)) {
    changes.push(["an unknown property", { ...node, unknown: 1 }]);
    changes.push(["an extension", { ...node, "example:extension": "1" }]);
    for (const name of ["ilmd", "action", "parentID", "epcList", "persistentDisposition"])
      if (!(name in node)) changes.push([`an added ${name}`, { ...node, [name]: {} }]);
  }
  if (typeof node === "string")
    changes.push(["a space", `${node} `], ["a percent sign", `${node}%`], ["an umlaut", `${node}ä`]);
  return changes;
}

function isObject(node: Json | undefined): node is { [name: string]: Json } {
  return typeof node === "object" && node !== null && !Array.isArray(node);
}

async function runHashes(folder: string): Promise<ConformanceResult[]> {
  const preHashes = empty("CBV event pre-hash");
  const hashes = empty("CBV event hash");
  for (const file of await findFiles(folder, "*.jsonld")) {
    const expected = {
      preHashes: await readLines(file, ".prehashes"),
      hashes: await readLines(file, ".hashes"),
    };
    const document = readDocument(await readFile(file));
    for (const [index, event] of document.events.entries()) {
      const text = preHash(event, document.context);
      const name = `${basename(file)}, event ${index + 1}`;
      const hash = eventHash(event, document.context, hasher);
      count(hashes, hash === expected.hashes[index], `${name}: ${hash}`);
      judgePreHash(preHashes, name, text, expected.preHashes[index], expected.hashes[index]);
    }
  }
  for (const file of await findFiles(folder, "*.xml"))
    skip(hashes, `${basename(file)}: EPCIS XML is out of scope`);
  return [preHashes, hashes];
}

/** GS1's examples carry event ids in the form of event hashes: no test cases, so they are told of and not counted. */
async function compareEventIds(files: readonly string[]): Promise<ConformanceResult> {
  const result = empty("CBV event hash, ids in GS1's examples");
  let ids = 0;
  let equal = 0;
  for (const file of files) {
    const plain = contextFirst(JSON.parse(await readFile(file, "utf8")) as Json);
    const document = readDocument(encodeUtf8(JSON.stringify(plain)));
    for (const event of document.events) {
      const { eventId } = readEvent(event, document.context);
      if (!eventId?.startsWith("ni:")) continue;
      ids += 1;
      if (eventHash(event, document.context, hasher) === eventId) equal += 1;
    }
  }
  result.notes.push(
    `${equal} of ${ids} ids equal our hash; no test cases and not counted, because an id is only what its captor wrote: for the one event of these whose hash the reference implementation publishes (epcisDocHavingEventWithComment), that hash is not the id either, and ours equals it`,
  );
  return result;
}

/**
 * A published pre-hash whose SHA-256 is not the published hash is wrong by its own data; where ours hashes to
 * the published hash, ours is the right one.
 */
function judgePreHash(
  result: ConformanceResult,
  name: string,
  ours: string,
  published: string | undefined,
  publishedHash: string | undefined,
): void {
  if (published === undefined) {
    skip(result, `${name}: has no published pre-hash`);
    return;
  }
  if (ours !== published && hashOf(published) !== publishedHash && hashOf(ours) === publishedHash) {
    skip(
      result,
      `${name}: known inconsistent, the published pre-hash is not what the published hash is of; ours is`,
    );
    return;
  }
  count(result, ours === published, `${name}: ${ours}`);
}

function hashOf(text: string): string {
  return `ni:///sha-256;${createHash("sha256").update(text).digest("hex")}?ver=CBV2.0`;
}

async function readLines(file: string, suffix: string): Promise<string[]> {
  const path = file.replace(/\.jsonld$/, suffix);
  return existsSync(path) ? (await readFile(path, "utf8")).split("\n").filter((line) => line !== "") : [];
}

function empty(standard: string): ConformanceResult {
  return { standard, passed: 0, failed: 0, skipped: 0, notes: [] };
}

function skipped(standard: string, reason: string): ConformanceResult {
  return { ...empty(standard), skipped: 1, notes: [reason] };
}

function skip(result: ConformanceResult, reason: string): void {
  result.skipped += 1;
  result.notes.push(reason);
}

const MAX_MISS_NOTES = 30;

function count(result: ConformanceResult, passed: boolean, miss: string): void {
  if (passed) result.passed += 1;
  else {
    result.failed += 1;
    if (result.failed <= MAX_MISS_NOTES) result.notes.push(miss);
  }
}
