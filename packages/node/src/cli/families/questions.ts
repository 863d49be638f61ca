import { Argument, type Command, Option } from "commander";
import { type Act, ASK, examples, readIndex, readPositive } from "./options.ts";

export function addQuestions(program: Command, act: Act): void {
  program
    .command("trace")
    .helpGroup(ASK)
    .argument("<uri>", "item: EPC URN, GS1 Digital Link or any URI that events name")
    .description("show the journey of an item, in time order")
    .addOption(
      new Option("--direction <way>", "towards its origins, its destinations, or both")
        .choices(["back", "forward", "both"])
        .default("both"),
    )
    .option("--depth <steps>", "steps from item to item; no limit by default", readIndex)
    .option("--from <time>", "no events before this time, in ISO 8601")
    .option("--until <time>", "no events after this time, in ISO 8601")
    .option("--max-events <count>", "end after so many events", readPositive, 1000)
    .option("--verify", "check the proof of every event, and that none was left out")
    .option("--genesis <file>", "genesis to verify against, instead of the development chain's")
    .option("--out <file>", "keep the trace with all its proofs in a file, for lhg verify")
    .addHelpText(
      "after",
      examples(
        "lhg trace urn:epc:id:sgtin:4012345.011111.9876 --verify",
        "lhg trace https://id.gs1.org/01/09521234543213/21/1 --direction back --depth 3 --out journey.trace",
      ),
    )
    .action(act(async () => (await import("../commands/trace.ts")).traceItem));
  program
    .command("item")
    .helpGroup(ASK)
    .argument("<uri>", "item: EPC URN, GS1 Digital Link or any URI that events name")
    .description("show where an item stands: custodian, what it is in, what is in it, quantities")
    .addHelpText("after", examples("lhg item urn:epc:id:sgtin:4012345.011111.9876"))
    .action(act(async () => (await import("../commands/item.ts")).showItem));
  program
    .command("receipt")
    .helpGroup(ASK)
    .argument("<id>", "statement id, with :N to open event N of a capture; or an eventID or event hash")
    .description("fetch the proof that a statement was recorded, and what became of it")
    .option("--out <file>", "file to write, instead of <first 16 digits of the id>[-N].receipt")
    .addHelpText(
      "after",
      examples(
        "lhg receipt 9f86d0...:0 --out event.receipt",
        "lhg receipt 'ni:///sha-256;1ad2...?ver=CBV2.0'",
        "lhg verify event.receipt",
      ),
    )
    .action(act(async () => (await import("../commands/receipt.ts")).fetchReceipt));
  program
    .command("verify")
    .helpGroup(ASK)
    .argument("<file>", "receipt, trace or value proof")
    .description("check a proof offline: what it proves, what is only claimed, and by whom")
    .option("--genesis <file>", "genesis of the chain that you trust (JSON or bytes)")
    .option("--chain-id <id>", "chain that you trust, with --validators-hash")
    .option("--validators-hash <hex>", "hash of a validator set that you trust")
    .option(
      "--trust-days <days>",
      "so long after its genesis the validators of it are trusted",
      readIndex,
      180,
    )
    .addHelpText(
      "after",
      `\nNeeds no network. Without --genesis or --chain-id it trusts the development chain of the data folder. A node
answers its genesis at /api/v1/chain; whether it is the right one, its chain id says, which you know from elsewhere.
${examples("lhg verify event.receipt", "lhg verify journey.trace --genesis genesis.json", "lhg verify event.receipt --chain-id lhg-5e... --validators-hash 7c...")}`,
    )
    .action(act(async () => (await import("../commands/verify.ts")).verifyFile));
  program
    .command("verifier")
    .helpGroup(ASK)
    .description("write the page that checks proofs in a browser, with a chain pinned, and print its SHA-256")
    .option("--out <file>", "file to write, instead of verifier.html")
    .option("--hash", "print the hash and write nothing, unless --out says where")
    .option("--genesis <file>", "genesis to pin, instead of the development chain's or the node's")
    .addHelpText("after", examples("lhg verifier", "lhg verifier --hash --genesis genesis.json"))
    .action(act(async () => (await import("../commands/verifier.ts")).writeVerifier));
  program
    .command("audit")
    .helpGroup(ASK)
    .description("execute the chain of a stopped node again and compare everything it keeps")
    .addHelpText("after", examples("lhg audit --data ./lhg-data"))
    .action(act(async () => (await import("../commands/audit.ts")).runAudit));
  program
    .command("export")
    .helpGroup(ASK)
    .addArgument(new Argument("<what>", "what to export").choices(["blocks", "statements", "events"]))
    .description("write blocks, statements or events as lines of JSON")
    .option("--limit <count>", "end after so many lines", readPositive)
    .option("--out <file>", "file to write, instead of standard output")
    .addHelpText(
      "after",
      examples("lhg export events > events.jsonl", "lhg export blocks --limit 100 --out blocks.jsonl"),
    )
    .action(act(async () => (await import("../commands/export.ts")).exportLines));
}
