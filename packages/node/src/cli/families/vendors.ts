import type { Command } from "commander";
import { addDelegation } from "./gateways.ts";
import { type Act, asOption, collect, examples, KEYS } from "./options.ts";

export function addVendor(program: Command, act: Act): void {
  const vendor = program
    .command("vendor")
    .helpGroup(KEYS)
    .description("admit, expel and look at vendors")
    .addHelpText(
      "after",
      examples("lhg vendor list", "lhg vendor admit alice --name 'Alice Foods' --prefix 4099999"),
    );
  const approvalOptions = (command: Command): Command =>
    command
      .option(
        "--approve <file>",
        "as a validator's operator: sign an approval into this file and send nothing",
      )
      .option("--approval <file>", "approval that an operator signed; give it once for each", collect)
      .addOption(asOption());
  approvalOptions(
    vendor
      .command("admit")
      .argument("<vendor>", "address of the vendor, or the name of its key")
      .description("admit a vendor, or change its name and prefixes")
      .requiredOption("--name <name>", "name that is shown")
      .option(
        "--prefix <prefix>",
        "GS1 company prefix or beginning of a URI; give it once for each",
        collect,
      ),
  )
    .addHelpText(
      "after",
      `\nMore than half of the validators must approve. On a development chain their keys are here and sign at once;
elsewhere each operator runs the same command with --approve FILE and hands the file over.
${examples(
  "lhg vendor admit alice --name 'Alice Foods' --prefix 4099999",
  "lhg vendor admit 5f..c1 --name Bob --prefix https://bob.example/ --approval a.bin --approval b.bin --as operator",
)}`,
    )
    .action(act(async () => (await import("../commands/vendor.ts")).admitVendor));
  approvalOptions(
    vendor
      .command("expel")
      .argument("<vendor>", "address of the vendor, or the name of its key")
      .description("expel a vendor: what it recorded stays, it records no more"),
  )
    .addHelpText("after", examples("lhg vendor expel alice"))
    .action(act(async () => (await import("../commands/vendor.ts")).expelVendor));
  addDelegation(vendor, act);
  vendor
    .command("list")
    .description("list all vendors")
    .addHelpText("after", examples("lhg vendor list", "lhg vendor list --json"))
    .action(act(async () => (await import("../commands/vendor.ts")).listVendors));
  vendor
    .command("show")
    .argument("<vendor>", "address of the vendor, or the name of its key")
    .description("show one vendor: prefixes, credit, devices")
    .addHelpText("after", examples("lhg vendor show acme-manufacturing"))
    .action(act(async () => (await import("../commands/vendor.ts")).showVendor));
}
