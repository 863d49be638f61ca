/** Commands around gateways and the keys that vendors delegate to them. */
import type { Command } from "commander";
import { type Act, asOption, collect, examples, readPort, readPositive } from "./arguments.ts";

export function addDelegation(vendor: Command, act: Act): void {
  vendor
    .command("delegate")
    .argument("<key>", "name of the key, or its address")
    .description("let another key sign captures for the vendor, as that of a gateway or a branch")
    .option("--prefix <prefix>", "only about items under it; give it once for each", collect)
    .option("--days <number>", "how long", readPositive, 365)
    .addOption(asOption())
    .addHelpText(
      "after",
      examples("lhg keys new gateway-1", "lhg vendor delegate gateway-1 --as acme-manufacturing --days 90"),
    )
    .action(act(async () => (await import("./commands/vendor.ts")).delegateCapture));
  vendor
    .command("revoke-delegate")
    .argument("<key>", "name of the key, or its address")
    .description("take that leave back; a key is delegated once and never again")
    .addOption(asOption())
    .addHelpText("after", examples("lhg vendor revoke-delegate gateway-1 --as acme-manufacturing"))
    .action(act(async () => (await import("./commands/vendor.ts")).revokeCapture));
}

export function addGateway(program: Command, group: string, act: Act): void {
  program
    .command("gateway")
    .helpGroup(group)
    .description("record what devices send that cannot sign, under a key delegated by their vendor")
    .requiredOption("--config <file>", "devices and their readings, in JSON")
    .option("--vendor <name>", "vendor for whom it captures, instead of the file's")
    .option("--key <name>", "key that signs, instead of the file's")
    .option("--broker <url>", "MQTT broker where plain readings arrive, instead of the file's")
    .option("--http-port <port>", "port for plain readings by HTTP; 0 lets the system choose", readPort)
    .addHelpText(
      "after",
      `\nExamples and the form of the file: packages/node/src/cli/gateway/README.md.
${examples("lhg gateway --config gateway.json", "lhg gateway --config gateway.json --broker mqtt://127.0.0.1:1883")}`,
    )
    .action(act(async () => (await import("./commands/gateway.ts")).runGateway));
}
