/** All standards LHG speaks, each judged by cases that others wrote (standards, vectors, notes). */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ConformanceResult } from "./result.ts";

export const DEFAULT_VECTORS = fileURLToPath(new URL("../../../shared/vectors", import.meta.url));

type Runner = (vectorsDir: string) => Promise<ConformanceResult | ConformanceResult[]>;

interface Standard {
  readonly name: string;
  readonly folder: string;
  /** Loaded on its own, so that one standard whose code is broken does not silence the others. */
  readonly load: () => Promise<Runner>;
}

const STANDARDS: readonly Standard[] = [
  { name: "CBOR", folder: "cbor", load: async () => (await import("./cbor.ts")).runCbor },
  { name: "COSE", folder: "cose", load: async () => (await import("./cose.ts")).runCose },
  { name: "RFC 9162", folder: "merkle", load: async () => (await import("./merkle.ts")).runMerkle },
  { name: "SenML", folder: "senml", load: async () => (await import("./senml.ts")).runSenml },
  { name: "EPCIS", folder: "epcis", load: async () => (await import("./epcis.ts")).runEpcis },
];

/**
 * A missing folder, as a whole or of one standard, counts as skipped and says so; it never counts as passed.
 * `only` names folders of standards; without names all are run.
 */
export async function runConformance(
  vectorsDir = DEFAULT_VECTORS,
  only: readonly string[] = [],
): Promise<ConformanceResult[]> {
  const unknown = only.find((name) => !STANDARDS.some(({ folder }) => folder === name));
  if (unknown !== undefined) throw new Error(`no standard ${unknown}`);
  const results: ConformanceResult[] = [];
  for (const standard of STANDARDS.filter(({ folder }) => only.length === 0 || only.includes(folder))) {
    const folder = `${vectorsDir}/${standard.folder}`;
    if (!existsSync(folder)) results.push(skip(standard.name, `no vectors in ${folder}`));
    else results.push(...(await runStandard(standard, vectorsDir)));
  }
  return results;
}

async function runStandard(standard: Standard, vectorsDir: string): Promise<ConformanceResult[]> {
  try {
    const run = await standard.load();
    return [await run(vectorsDir)].flat();
  } catch (error) {
    // One runner that breaks is a miss of its standard; the others still have their say.
    const note = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [{ standard: standard.name, passed: 0, failed: 1, skipped: 0, notes: [note] }];
  }
}

function skip(standard: string, reason: string): ConformanceResult {
  return { standard, passed: 0, failed: 0, skipped: 1, notes: [reason] };
}

export function printConformance(results: readonly ConformanceResult[]): void {
  const width = Math.max(...results.map((result) => result.standard.length));
  console.log(`\n${"conformance".padEnd(width)}  passed  failed  skipped`);
  for (const { standard, passed, failed, skipped } of results) {
    const cells = [String(passed).padStart(6), String(failed).padStart(6), String(skipped).padStart(7)];
    console.log(`${standard.padEnd(width)}  ${cells.join("  ")}`);
  }
  for (const { standard, notes } of results) for (const note of notes) console.log(`  ${standard}: ${note}`);
}
