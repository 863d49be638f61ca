/** `npm run soak -- --devices 200 --seconds 600 --kills 2`: ends with 1 where anything acknowledged is lost, doubled or gapped. */
import { parseArgs } from "node:util";
import { runSoak } from "./soak.ts";

const { values } = parseArgs({
  options: {
    devices: { type: "string", default: "200" },
    seconds: { type: "string", default: "600" },
    kills: { type: "string", default: "2" },
  },
});
const result = await runSoak({
  devices: Number(values.devices),
  seconds: Number(values.seconds),
  kills: Number(values.kills),
  say: (text) => console.error(`  ${text}`),
});
const { ackMs, outagesMs, gapsMade, gapsFilled, ...rest } = result;
const counts = { ...rest, "gaps made": gapsMade, "gaps filled": gapsFilled };
const rows: readonly (readonly [string, string])[] = [
  ["devices", values.devices],
  ["seconds", values.seconds],
  ["kills", values.kills],
  ...Object.entries(counts).map(([name, count]) => [name, String(count)] as const),
  ["acknowledged after p50", `${ackMs.p50.toFixed(0)} ms`],
  ["acknowledged after p99", `${ackMs.p99.toFixed(0)} ms`],
  ["acknowledged after max", `${ackMs.max.toFixed(0)} ms`],
  ["outages", outagesMs.map((ms) => `${ms.toFixed(0)} ms`).join(", ") || "none"],
];
for (const [name, value] of rows) console.log(`${name.padEnd(24)}${value.padStart(12)}`);
const isSound =
  counts.lost + counts.duplicates + counts.incomplete === 0 &&
  counts.onChain === counts.recorded &&
  gapsFilled === gapsMade;
console.log(isSound ? "every acknowledged reading is on the chain exactly once" : "NOT SOUND");
process.exitCode = isSound ? 0 : 1;
