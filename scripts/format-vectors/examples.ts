/**
 * Fills the worked examples of the specification: a fenced block "```cbor codecs.json messages[token.transfer].cbor" shows that
 * vector's bytes item by item, "```hex ..." the plain bytes.
 */
import { fromHex, toHex } from "../../packages/protocol/src/core/bytes.ts";
import { CborReader } from "../../packages/protocol/src/core/codec/cbor-reader.ts";
import {
  MAJOR_ARRAY,
  MAJOR_BYTES,
  MAJOR_MAP,
  MAJOR_SIMPLE,
  MAJOR_TAG,
  MAJOR_TEXT,
} from "../../packages/protocol/src/core/codec/cbor-writer.ts";
import type { Json } from "../../packages/protocol/src/core/codec/definition.ts";

const FENCE = /^```(cbor|hex) (\w+)\.json (\S+)\n[\s\S]*?^```$/gm;
const HEX_PER_LINE = 96;

export function fillExamples(document: string, vectors: Readonly<Record<string, Json>>): string {
  return document.replaceAll(FENCE, (_, form: string, file: string, path: string) => {
    const found = look(vectors[file], path);
    if (typeof found !== "string") throw new Error(`${file}.json has no bytes at ${path}`);
    const shown = form === "hex" ? wrap(found, "") : annotate(fromHex(found));
    return `\`\`\`${form} ${file}.json ${path}\n${shown}\n\`\`\``;
  });
}

/** Follows `a[b].c`, where b is an index, or the `name` (spaces as `_`) of the wanted element. */
function look(start: Json | undefined, path: string): Json | undefined {
  let at = start;
  for (const [, step] of path.matchAll(/([^.[\]]+(?:\.[a-z-]+(?=\]))?)/g)) {
    if (Array.isArray(at))
      at = /^[0-9]+$/.test(step!)
        ? (at[Number(step)] as Json)
        : ((at as readonly { name?: string }[]).find(
            (entry) => entry.name?.replaceAll(" ", "_") === step,
          ) as Json);
    else at = (at as Readonly<Record<string, Json>> | undefined)?.[step!];
  }
  return at;
}

function wrap(hex: string, indent: string): string {
  const lines = hex.match(new RegExp(`.{1,${HEX_PER_LINE}}`, "g")) ?? [""];
  return lines.map((line) => `${indent}${line}`).join("\n");
}

/** One line per head: its bytes, and what they say. Byte strings that are CBOR themselves are not opened. */
function annotate(bytes: Uint8Array): string {
  const reader = new CborReader(bytes);
  const lines: string[] = [];
  annotateItem(reader, 0, lines);
  reader.finish();
  return lines.join("\n");
}

function annotateItem(reader: CborReader, depth: number, lines: string[]): void {
  const start = reader.offset;
  const indent = "  ".repeat(depth);
  const add = (what: string): void => {
    lines.push(`${wrap(toHex(reader.bytes.subarray(start, reader.offset)), indent)}  # ${what}`);
  };
  const addItems = (count: number): void => {
    for (let i = 0; i < count; i++) annotateItem(reader, depth + 1, lines);
  };
  const major = reader.peekMajor();
  if (major === MAJOR_ARRAY) {
    const count = reader.readArrayHeader();
    add(`array of ${count}`);
    addItems(count);
  } else if (major === MAJOR_MAP) {
    const count = reader.readMapHeader();
    add(`map of ${count}`);
    addItems(2 * count);
  } else if (major === MAJOR_TAG) {
    add(`tag ${reader.readTag()}`);
    addItems(1);
  } else if (major === MAJOR_BYTES) add(`bytes(${reader.readBytes().length})`);
  else if (major === MAJOR_TEXT) add(JSON.stringify(reader.readText()));
  else if (major !== MAJOR_SIMPLE) add(`${reader.readBigInt()}`);
  else if (reader.isNull()) {
    reader.readNull();
    add("null");
  } else add(`${reader.readBool()}`);
}
