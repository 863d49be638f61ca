import type { Command } from "commander";
import { type Act, asOption, examples, RECORD, readIndex, readPositive, waitOption } from "./options.ts";

export function addAttest(program: Command, act: Act): void {
  program
    .command("attest")
    .helpGroup(RECORD)
    .argument("<file>", "file of any size and kind; it stays where it is")
    .description("register the hash of a file: proof that it existed, unchanged, by now")
    .option("--note <text>", "what it is, for whoever finds it; public")
    .option("--type <media type>", "media type, such as application/pdf")
    .option("--look", "register nothing: say who registered this file, and when")
    .addOption(asOption())
    .addOption(waitOption())
    .addHelpText(
      "after",
      examples("lhg attest contract.pdf --note 'signed by both'", "lhg attest contract.pdf --look"),
    )
    .action(act(async () => (await import("../commands/attest.ts")).attestFile));
}

export function addCommands(program: Command, act: Act): void {
  const command = program
    .command("command")
    .helpGroup(RECORD)
    .description("send commands to devices, and see what they answered")
    .addHelpText(
      "after",
      `\nThe device checks each command itself against the validators that it pinned (lhg device answer).
${examples("lhg command send sensor-7 configure --payload '{\"intervalMs\":5000}'", "lhg command list sensor-7")}`,
    );
  command
    .command("send")
    .argument("<device>", "address of the device, or the name of its key")
    .argument("<name>", "what is asked, such as configure or reboot; up to 64 bytes")
    .description("ask a device for something, as its vendor or a program that the vendor allowed")
    .option("--payload <text>", "what goes with it, up to 2048 bytes; public")
    .option("--file <file>", "the same from a file")
    .option("--minutes <count>", "how long the device may follow it", readPositive, 60)
    .addOption(asOption())
    .addHelpText(
      "after",
      examples("lhg command send sensor-7 reboot", "lhg command send sensor-7 update --file fw.json"),
    )
    .action(act(async () => (await import("../commands/command.ts")).sendCommand));
  command
    .command("list")
    .argument("<device>", "address of the device, or the name of its key")
    .description("list what was sent to a device and what it answered, newest first")
    .addHelpText("after", examples("lhg command list sensor-7"))
    .action(act(async () => (await import("../commands/command.ts")).listCommands));
  command
    .command("delegate")
    .argument("<program>", "address of a program's account, or the name of its key")
    .description("let a program command the devices of a vendor, so that the vendor's own key can stay away")
    .option("--days <count>", "for how long; 0 ends it", readIndex, 30)
    .addOption(asOption())
    .addHelpText(
      "after",
      examples("lhg command delegate fleet-manager", "lhg command delegate fleet-manager --days 0"),
    )
    .action(act(async () => (await import("../commands/command.ts")).delegateCommands));
}
