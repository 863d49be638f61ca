/** Writes docs/cli.md from the definitions of the commands. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeCommands } from "./docs/cli-reference.ts";
import { ROOT } from "./run-test-files.ts";

writeFileSync(join(ROOT, "docs", "cli.md"), describeCommands());
