/** Commands around gateways and the keys that vendors delegate to them. */
import type { Command } from "commander";
import { type Act, asOption, collect, examples, RECORD, readPort, readPositive, START } from "./options.ts";

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
    .action(act(async () => (await import("../commands/vendor.ts")).delegateCapture));
  vendor
    .command("revoke-delegate")
    .argument("<key>", "name of the key, or its address")
    .description("take that leave back; a key is delegated once and never again")
    .addOption(asOption())
    .addHelpText("after", examples("lhg vendor revoke-delegate gateway-1 --as acme-manufacturing"))
    .action(act(async () => (await import("../commands/vendor.ts")).revokeCapture));
}

export function addGateway(program: Command, act: Act): void {
  program
    .command("gateway")
    .helpGroup(RECORD)
    .description("record what devices send that cannot sign, under a key delegated by their vendor")
    .requiredOption("--config <file>", "devices and their readings, in JSON")
    .option("--vendor <name>", "vendor for whom it captures, instead of the file's")
    .option("--key <name>", "key that signs, instead of the file's")
    .option("--broker <url>", "MQTT broker where plain readings arrive, instead of the file's")
    .option("--username <name>", "user name at the broker, instead of the file's")
    .option("--password-file <file>", "file with the password at the broker, on its first line")
    .option("--ca <file>", "authority of the broker's certificate (PEM)")
    .option("--http-port <port>", "port for plain readings by HTTP; 0 lets the system choose", readPort)
    .addHelpText(
      "after",
      `\nExamples and the form of the file: packages/node/src/cli/gateway/README.md.
${examples("lhg gateway --config gateway.json", "lhg gateway --config gateway.json --broker mqtt://127.0.0.1:1883")}`,
    )
    .action(act(async () => (await import("../commands/gateway.ts")).runGateway));
}

export function addBridge(program: Command, act: Act): void {
  program
    .command("bridge")
    .helpGroup(START)
    .description("carry what devices publish on a broker of one's own (MQTT 5, such as Mosquitto) to a node")
    .requiredOption("--broker <url>", "mqtt://host:1883 or mqtts://host:8883")
    .option("--username <name>", "user name at the broker")
    .option("--password-file <file>", "file with the password, on its first line")
    .option("--ca <file>", "authority of the broker's certificate (PEM)")
    .option("--name <name>", "of the bridge's sessions at the broker; another for each bridge", "1")
    .option(
      "--connections <count>",
      "connections to the broker; 1 keeps the order of all devices",
      readPositive,
      8,
    )
    .addHelpText(
      "after",
      `\nDevices publish on lhg/v1/<address>/up and listen on lhg/v1/<address>/reply. The broker gets its
acknowledgement once the node has a statement on disk; while no node answers, messages wait at the broker.
${examples("lhg bridge --broker mqtt://127.0.0.1:1883", "lhg bridge --broker mqtts://broker.example --username lhg --password-file ./secret")}`,
    )
    .action(act(async () => (await import("../commands/bridge.ts")).runBridge));
}
