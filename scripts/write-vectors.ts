/**
 * Writes the golden vectors of the formats into packages/protocol/vectors, and the worked examples of
 * docs/spec/formats.md from them. Deterministic: fixed keys, Ed25519, and ECDSA by RFC 6979. With `--check` it
 * writes nothing and fails where a file is not what it would write.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Json } from "../packages/protocol/src/core/codec/definition.ts";
import { makeBlockVectors } from "./format-vectors/block-vectors.ts";
import { runChain } from "./format-vectors/chain.ts";
import { makeChainVectors, makeGenesisVectors } from "./format-vectors/chain-vectors.ts";
import { makeCodecVectors } from "./format-vectors/codec-vectors.ts";
import { fillExamples } from "./format-vectors/examples.ts";
import { makeLogVectors, makeTrieVectors } from "./format-vectors/merkle-vectors.ts";
import { makeAddressVectors, makeStatementVectors } from "./format-vectors/statement-vectors.ts";

const ROOT = new URL("../", import.meta.url);
const FORMATS = new URL("docs/spec/formats.md", ROOT);

function makeFiles(): Map<URL, string> {
  const run = runChain();
  const vectors: Record<string, Json> = {
    addresses: makeAddressVectors(),
    blocks: makeBlockVectors(run),
    chain: makeChainVectors(run),
    codecs: makeCodecVectors(),
    genesis: makeGenesisVectors(run),
    log: makeLogVectors(),
    statements: makeStatementVectors(),
    trie: makeTrieVectors(),
  };
  const files = new Map(
    Object.entries(vectors).map(([name, value]) => [
      new URL(`packages/protocol/vectors/${name}.json`, ROOT),
      `${JSON.stringify(value, null, 1)}\n`,
    ]),
  );
  files.set(FORMATS, fillExamples(readFileSync(FORMATS, "utf8"), vectors));
  return files;
}

const isCheck = process.argv.slice(2).includes("--check");
const stale: string[] = [];
for (const [url, text] of makeFiles()) {
  const held = existsSync(url) ? readFileSync(url, "utf8") : undefined;
  if (held === text) continue;
  stale.push(relative(fileURLToPath(ROOT), fileURLToPath(url)));
  if (!isCheck) writeFileSync(url, text);
}
if (isCheck && stale.length > 0) {
  console.error(`stale: ${stale.join(", ")}; run: node scripts/write-vectors.ts`);
  process.exitCode = 1;
} else console.log(stale.length === 0 ? "all vectors are current" : `wrote ${stale.join(", ")}`);
