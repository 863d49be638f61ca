import type { Command } from "commander";
import { type Act, examples, RECORD, waitOption } from "./options.ts";

export function addCapture(program: Command, act: Act): void {
  program
    .command("capture")
    .helpGroup(RECORD)
    .argument("<files...>", "EPCIS 2.0 documents in JSON-LD, or folders of them")
    .description("sign EPCIS documents as a vendor and record their events")
    .option(
      "--vendor <name>",
      "vendor that captures; by default the development vendor who owns the identifiers",
    )
    .option("--for <address>", "vendor for whom a delegated key signs")
    .addOption(waitOption())
    .addHelpText(
      "after",
      `\nEvery file is checked before it is signed. What is wrong with one is said with its JSON path, and the others go on;
the exit code is 1 if any failed.
${examples("lhg capture shipment.jsonld", "lhg capture ./documents --wait provable", "lhg capture order.jsonld --vendor alice --json")}`,
    )
    .action(act(async () => (await import("../commands/capture.ts")).captureFiles));
}
