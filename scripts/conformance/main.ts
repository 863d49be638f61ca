/** `npm run conformance -- [--json] [--only cose] [vectors folder]`: what passed, per standard; exit 1 on any miss. */
import { parseArgs } from "node:util";
import { addTallies, formatTally } from "../tally.ts";
import { printConformance, runConformance } from "./suite.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false }, only: { type: "string", multiple: true } },
});
const results = await runConformance(positionals[0], values.only);
const total = addTallies(results);
if (values.json) console.log(JSON.stringify({ total, results }, null, 2));
else {
  printConformance(results);
  console.log(`\n${formatTally(total)}`);
}
process.exitCode = total.failed === 0 ? 0 : 1;
