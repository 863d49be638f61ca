/**
 * RFC 8949 appendix A. What lies in our deterministic subset must come back byte for byte; the rest must
 * be refused by the strict decoder with the code of its reason, and read rightly by the foreign one.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromHex, toHex } from "../../packages/protocol/src/core/bytes.ts";
import type { CborTagged, CborValue } from "../../packages/protocol/src/core/codec/cbor.ts";
import { decodeCbor, decodeForeignCbor, encodeCbor } from "../../packages/protocol/src/core/codec/cbor.ts";
import { LhgError } from "../../packages/protocol/src/core/errors.ts";
import type { ConformanceResult } from "./result.ts";

interface Vector {
  readonly hex: string;
  /** Diagnostic notation (RFC 8949 section 8), as the file gives it or written from its `decoded` member. */
  readonly meaning: string;
}

/** RFC 7049 gave this as an example; RFC 8949 section 3.3 calls it not well-formed, and its appendix A dropped it. */
const MALFORMED_SINCE_8949 = "f818";

export async function runCbor(vectorsDir: string): Promise<ConformanceResult> {
  const result: ConformanceResult = {
    standard: "CBOR RFC 8949",
    passed: 0,
    failed: 0,
    skipped: 0,
    notes: [],
  };
  for (const vector of await readVectors(join(vectorsDir, "cbor", "appendix_a.json"))) {
    const miss = judgeVector(vector);
    if (miss === "") result.passed++;
    else {
      result.failed++;
      result.notes.push(`${vector.hex}: ${miss}`);
    }
  }
  return result;
}

/** What is wrong with our reading of this vector; "" when nothing is. */
function judgeVector({ hex, meaning }: Vector): string {
  const bytes = fromHex(hex);
  const foreign = attempt(() => describe(decodeForeignCbor(bytes)));
  const expected = hex === MALFORMED_SINCE_8949 ? "cbor.malformed" : meaning;
  if (foreign !== expected) return `the foreign decoder reads ${foreign}, expected ${expected}`;
  const reason = findForeignItem(bytes);
  if (reason === "") {
    const own = attempt(() => describe(decodeCbor(bytes)));
    if (own !== meaning) return `the strict decoder reads ${own}, expected ${meaning}`;
    const encoded = attempt(() => toHex(encodeCbor(decodeCbor(bytes))));
    return encoded === hex ? "" : `encodes as ${encoded}`;
  }
  const refusal = attempt(() => describe(decodeCbor(bytes)));
  return refusal === reason ? "" : `the strict decoder answers ${refusal}, expected ${reason}`;
}

function attempt(run: () => string): string {
  try {
    return run();
  } catch (error) {
    if (error instanceof LhgError) return error.code;
    throw error;
  }
}

/**
 * Walks the initial bytes on its own, so that the decoder under test does not decide what it has to
 * accept: the code of the first item outside of the subset, or "".
 */
function findForeignItem(bytes: Uint8Array): string {
  let offset = 0;
  while (offset < bytes.length) {
    const initial = bytes[offset]!;
    const [major, info] = [initial >> 5, initial & 31];
    if (info === 31) return "cbor.indefinite";
    if (initial >= 0xf9) return "cbor.float";
    if (major === 7 && (info < 20 || info > 22)) return "cbor.simple";
    const width = info < 24 ? 0 : 1 << (info - 24);
    let argument = width === 0 ? info : 0;
    for (let i = 1; i <= width; i++) argument = argument * 256 + bytes[offset + i]!;
    offset += 1 + width + (major === 2 || major === 3 ? argument : 0);
  }
  return "";
}

async function readVectors(file: string): Promise<Vector[]> {
  // Numbers keep their text: doubles would round the 64-bit ones.
  const keepText = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === "number" ? new NumberText(context?.source ?? "") : value;
  const raw = JSON.parse(await readFile(file, "utf8"), keepText) as {
    hex: string;
    decoded?: unknown;
    diagnostic?: string;
  }[];
  return raw.map(({ hex, decoded, diagnostic }) => ({
    hex,
    meaning: diagnostic === undefined ? describeJson(decoded) : joinChunks(diagnostic),
  }));
}

class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function describeJson(value: unknown): string {
  if (value instanceof NumberText)
    return /[.e]/.test(value.text) ? describeFloat(Number(value.text)) : BigInt(value.text).toString();
  if (Array.isArray(value)) return `[${value.map(describeJson).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${describeJson(item)}`);
  return `{${pairs.join(", ")}}`;
}

/** `(_ h'01', h'02')` means the same bytes as `h'0102'`; the decoder rightly keeps no chunks. */
function joinChunks(diagnostic: string): string {
  const chunks = /^\(_ (h'[^)]*')\)$/.exec(diagnostic)?.[1];
  return chunks === undefined ? diagnostic : chunks.replaceAll("', h'", "");
}

function describe(value: CborValue): string {
  if (typeof value === "number") return describeFloat(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Uint8Array) return `h'${toHex(value)}'`;
  if (typeof value !== "object" || value === null) return String(value);
  if ("simple" in value) return `simple(${value.simple})`;
  if ("tag" in value) return describeTagged(value);
  if ("length" in value) return `[${value.map(describe).join(", ")}]`;
  return `{${value.entries.map(([key, item]) => `${describe(key)}: ${describe(item)}`).join(", ")}}`;
}

function describeFloat(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Bignums (tags 2 and 3) stand in the file as the integers they are, other tags in diagnostic notation. */
function describeTagged({ tag, value }: CborTagged): string {
  if ((tag !== 2 && tag !== 3) || !(value instanceof Uint8Array)) return `${tag}(${describe(value)})`;
  const magnitude = BigInt(`0x0${toHex(value)}`);
  return String(tag === 2 ? magnitude : -1n - magnitude);
}
