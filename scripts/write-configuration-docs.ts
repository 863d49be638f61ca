/** Writes docs/configuration.md from the table of settings. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeConfiguration } from "./docs/configuration-reference.ts";
import { ROOT } from "./run-test-files.ts";

writeFileSync(join(ROOT, "docs", "configuration.md"), describeConfiguration());
