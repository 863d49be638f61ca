import type { Command } from "commander";
import { type Act, examples, OPERATE } from "./options.ts";

export function addOperation(program: Command, act: Act): void {
  program
    .command("backup")
    .helpGroup(OPERATE)
    .argument("<file>", "file to write")
    .description(
      "write the data folder of a stopped node, or the newest snapshot of a running one, into one file, keys included",
    )
    .option("--force", "replace the file if it exists")
    .addHelpText("after", examples("lhg backup chain.lhgbackup", "lhg backup /mnt/chain.lhgbackup --force"))
    .action(act(async () => (await import("../commands/backup.ts")).runBackup));
  program
    .command("restore")
    .helpGroup(OPERATE)
    .argument("<file>", "backup to read")
    .description("verify a backup and put it in the place of a data folder that is empty or missing")
    .option("--list", "say what is in it, and restore nothing")
    .addHelpText(
      "after",
      examples("lhg restore chain.lhgbackup --list", "lhg restore chain.lhgbackup --data ./restored"),
    )
    .action(act(async () => (await import("../commands/restore.ts")).runRestore));
  program
    .command("signer")
    .helpGroup(OPERATE)
    .description("sign for a validator from another process or machine, and never twice")
    .requiredOption("--key <name>", "consensus key: its name in the keystore, or its file")
    .requiredOption("--listen <address>", "unix:PATH, or tcp:HOST:PORT with the three --tls options")
    .option("--state <file>", "memory of what was signed, instead of NAME.signed beside the key")
    .option("--new-state", "begin that memory: for a key that has never signed")
    .option("--chain <id>", "sign for this chain only")
    .option("--group-access", "let the group of the Unix socket connect (mode 0660 instead of 0600)")
    .option("--tls-cert <file>", "certificate of this signer (PEM)")
    .option("--tls-key <file>", "its key (PEM)")
    .option("--tls-peer <file>", "certificate of the node, the only one that may connect (PEM)")
    .addHelpText(
      "after",
      examples(
        "lhg signer --key validator --listen unix:/run/lhg/signer.sock --new-state",
        "lhg signer --key ./validator.json --listen tcp:0.0.0.0:7100 --tls-cert signer.pem --tls-key signer.key --tls-peer node.pem",
      ),
    )
    .action(act(async () => (await import("../commands/signer.ts")).runSigner));
}
