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
}
