import { type Command, Option } from "commander";
import { type Act, examples, KEYS } from "./options.ts";

export function addKeys(program: Command, act: Act): void {
  const keys = program
    .command("keys")
    .helpGroup(KEYS)
    .description("make, list and import keys, each encrypted under a passphrase")
    .addHelpText("after", examples("lhg keys new alice", "lhg keys list"));
  const algorithm = (): Option =>
    new Option("--alg <algorithm>", "signature algorithm")
      .choices(["EdDSA", "ES256", "ES256K"])
      .default("EdDSA");
  keys
    .command("new")
    .argument("<name>", "lower-case letters, digits and hyphens")
    .description("make a key and store it encrypted")
    .addOption(algorithm())
    .addHelpText(
      "after",
      examples("lhg keys new alice", "LHG_PASSPHRASE=... lhg keys new sensor-7 --alg ES256"),
    )
    .action(act(async () => (await import("../commands/keys.ts")).newKey));
  keys
    .command("list")
    .description("list the keys of this machine, development keys included")
    .addHelpText("after", examples("lhg keys list", "lhg keys list --json"))
    .action(act(async () => (await import("../commands/keys.ts")).showKeys));
  keys
    .command("show")
    .argument("<name>", "name of a key")
    .description("show address and public key; never the secret")
    .addHelpText("after", examples("lhg keys show alice"))
    .action(act(async () => (await import("../commands/keys.ts")).showKey));
  keys
    .command("import")
    .argument("<name>", "lower-case letters, digits and hyphens")
    .description("store a secret of 64 hexadecimal digits, read from standard input")
    .addOption(algorithm())
    .addHelpText("after", examples("LHG_PASSPHRASE=... lhg keys import alice < secret.hex"))
    .action(act(async () => (await import("../commands/keys.ts")).importKey));
}
