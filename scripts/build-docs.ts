/** The documentation of `docs/` as a site in `dist/docs`: part of `npm run build`, alone by `node scripts/build-docs.ts`. */
import { join } from "node:path";
import { writeSite } from "./docs/site.ts";
import { ROOT } from "./run-test-files.ts";

const TARGET = join(ROOT, "dist", "docs");

export function buildDocs(): void {
  writeSite(TARGET);
  console.log("build: documentation in dist/docs");
}

if (import.meta.main) buildDocs();
