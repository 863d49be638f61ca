/** RFC 9162 inclusion and consistency proofs, good and bad, of transparency-dev/merkle. */
import { hash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LogHasher } from "../../packages/protocol/src/core/merkle/log.ts";
import { verifyConsistency, verifyInclusion } from "../../packages/protocol/src/core/merkle/log.ts";
import type { ConformanceResult } from "./result.ts";

interface InclusionCase {
  leafIdx: number;
  treeSize: number;
  root: string;
  leafHash: string;
  proof: string[] | null;
  wantErr: boolean;
}

interface ConsistencyCase {
  size1: number;
  size2: number;
  root1: string;
  root2: string;
  proof: string[] | null;
  wantErr: boolean;
}

const hasher: LogHasher = { sha256: (data) => hash("sha256", data, "buffer") };

export async function runMerkle(vectorsDir: string): Promise<ConformanceResult[]> {
  const folder = join(vectorsDir, "merkle", "testdata");
  return [
    await runCases<InclusionCase>("RFC 9162 inclusion", join(folder, "inclusion"), (test) =>
      verifyInclusion(hasher, {
        leafHash: fromBase64(test.leafHash),
        index: test.leafIdx,
        size: test.treeSize,
        path: (test.proof ?? []).map(fromBase64),
        root: fromBase64(test.root),
      }),
    ),
    await runCases<ConsistencyCase>("RFC 9162 consistency", join(folder, "consistency"), (test) =>
      verifyConsistency(hasher, {
        size1: test.size1,
        size2: test.size2,
        root1: fromBase64(test.root1),
        root2: fromBase64(test.root2),
        path: (test.proof ?? []).map(fromBase64),
      }),
    ),
  ];
}

async function runCases<Case extends { wantErr: boolean }>(
  standard: string,
  folder: string,
  verify: (test: Case) => boolean,
): Promise<ConformanceResult> {
  const result: ConformanceResult = { standard, passed: 0, failed: 0, skipped: 0, notes: [] };
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const files = names.filter((name) => name.endsWith(".json")).sort();
  if (files.length === 0) {
    result.skipped = 1;
    result.notes.push(`no cases in ${folder}`);
  }
  for (const file of files) {
    const test = JSON.parse(await readFile(join(folder, file), "utf8")) as Case;
    if (verify(test) !== test.wantErr) {
      result.passed++;
    } else {
      result.failed++;
      result.notes.push(`${file}: ${test.wantErr ? "accepted a bad proof" : "refused a good proof"}`);
    }
  }
  return result;
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
