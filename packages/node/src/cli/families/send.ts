import type { Command } from "commander";
import { type Act, asOption, examples, KEYS, waitOption } from "./options.ts";

export function addSend(program: Command, act: Act): void {
  program
    .command("account")
    .helpGroup(KEYS)
    .argument("[account]", "address, or name of a key; without it all keys of this machine")
    .description("show balance, nonce and key of an account")
    .addHelpText("after", examples("lhg account", "lhg account alice"))
    .action(act(async () => (await import("../commands/account.ts")).showAccount));
  const send = program
    .command("send")
    .helpGroup(KEYS)
    .description("send LHG, or buy credit for captures and readings")
    .addHelpText("after", examples("lhg send transfer alice 10 --as faucet", "lhg send credit alice 100000"));
  send
    .command("transfer")
    .argument("<to>", "address, or name of a key")
    .argument("<amount>", "LHG, such as 12.5")
    .description("send LHG to an account")
    .addOption(asOption())
    .addOption(waitOption())
    .addHelpText("after", examples("lhg send transfer alice 10 --as faucet"))
    .action(act(async () => (await import("../commands/send.ts")).sendTransfer));
  send
    .command("credit")
    .argument("<vendor>", "address of the vendor, or the name of its key")
    .argument("<credits>", "how many")
    .description("buy credit, of which a vendor's captures and readings are paid")
    .addOption(asOption())
    .addOption(waitOption())
    .addHelpText("after", examples("lhg send credit acme-manufacturing 100000"))
    .action(act(async () => (await import("../commands/send.ts")).sendCredit));
}
