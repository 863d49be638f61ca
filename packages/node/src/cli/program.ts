/** The commands, their options and their help. What they do is loaded when they run, so that help comes at once. */
import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { VERSION } from "../version.ts";
import { EXIT, EXIT_CODES_HELP, type ExitCode } from "./exit-codes.ts";
import type { Output, Streams } from "./output.ts";
import { DEFAULT_DATA, DEFAULT_URL, type GlobalOptions, type Session } from "./session.ts";

export interface ProgramParts {
  readonly output: Output;
  readonly streams: Streams;
  readonly onExit: (code: ExitCode) => void;
}

/** What a command runs: the session, then its arguments, then its options. */
type Handler = (session: Session, ...args: never[]) => Promise<ExitCode> | Promise<void>;
type Act = (load: () => Promise<Handler>) => (...args: unknown[]) => Promise<void>;

const START = "Start here:";
const KEYS = "Keys and accounts:";
const RECORD = "Record:";
const ASK = "Ask and verify:";
const OPERATE = "Operate:";

export function createProgram({ output, streams, onExit }: ProgramParts): Command {
  const program = new Command("lhg");
  program
    .description("LHG: signed device readings and product events on a chain that anyone can verify.")
    .version(VERSION, "--version", "show the version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
      // The one line for an error is written where the exit code is decided.
      outputError: () => {},
    })
    .configureHelp({ showGlobalOptions: true })
    .optionsGroup("Options of every command:")
    .option("--url <url>", "node to talk to", process.env.LHG_URL ?? DEFAULT_URL)
    .option(
      "--data <folder>",
      "folder of the development chain and its keys",
      process.env.LHG_DATA ?? DEFAULT_DATA,
    )
    .option("--keys <folder>", "keystore, instead of <data>/keys")
    .option("--passphrase-fd <number>", "read the passphrase from this file descriptor", readDescriptor)
    .option("--json", "answer in JSON, and in nothing else")
    .addHelpText(
      "after",
      `\nEnvironment: LHG_URL, LHG_DATA, LHG_PASSPHRASE, LHG_DEBUG=1\n\n${EXIT_CODES_HELP}`,
    );

  const act: Act =
    (load) =>
    async (...args) => {
      const command = args.at(-1) as Command;
      const session = { output, options: command.optsWithGlobals<GlobalOptions>() };
      const handler = await load();
      onExit((await handler(session, ...(args.slice(0, -1) as never[]))) ?? EXIT.ok);
    };

  addStart(program, act);
  addKeys(program, act);
  addVendor(program, act);
  addDevice(program, act);
  addSend(program, act);
  addCapture(program, act);
  addQuestions(program, act);
  addOperation(program, act);
  return program;
}

function readDescriptor(text: string): number {
  if (!/^[0-9]{1,4}$/.test(text)) throw new InvalidArgumentError("must be a file descriptor, such as 3");
  return Number(text);
}

function readPort(text: string): number {
  if (!/^[0-9]{1,5}$/.test(text) || Number(text) > 65_535)
    throw new InvalidArgumentError("must be a port, 0 to 65535");
  return Number(text);
}

function readPositive(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError("must be a positive whole number");
  return Number(text);
}

function readIndex(text: string): number {
  if (!/^(0|[1-9][0-9]{0,14})$/.test(text)) throw new InvalidArgumentError("must be a whole number");
  return Number(text);
}

function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** Examples stand at the end of every help. */
function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

const asOption = (): Option =>
  new Option("--as <key>", "key to sign with: its name or address (lhg keys list)");
const waitOption = (): Option =>
  new Option("--wait <state>", "how far to wait: until it is in a block, or until it can be proven")
    .choices(["committed", "provable"])
    .default("committed");

function addStart(program: Command, act: Act): void {
  program
    .command("dev")
    .helpGroup(START)
    .description("start a development chain: seven validators in one process, and keys to play with")
    .option("--port <port>", "port of the API; 0 lets the system choose", readPort, 8080)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--public-url <url>", "where people and phones reach the node, such as https://node.example.com")
    .option("--tls-cert <file>", "certificate chain in PEM: the API speaks HTTPS, and takes renewals over")
    .option("--tls-key <file>", "its key in PEM")
    .option("--http-port <port>", "plain HTTP port that leads to the public URL; 80 with --acme", readPort)
    .option("--acme <domain>", "get a certificate for this name, agreeing to the terms of Let's Encrypt")
    .option("--acme-email <address>", "for messages of the certificate authority")
    .option("--acme-directory <url>", "ACME server, instead of Let's Encrypt")
    .addOption(
      new Option(
        "--log-level <level>",
        "how much the node logs; warn by default, nothing with --json",
      ).choices(["silent", "error", "warn", "info", "debug"]),
    )
    .addHelpText(
      "after",
      `\nKeeps running until Ctrl-C (a second Ctrl-C forces it). The chain stands in the data folder, and the
next start continues it. Its keys are not encrypted: never use them for anything real.
${examples(
  "lhg dev",
  "lhg dev --data ./my-chain --port 9000",
  "lhg dev --host 0.0.0.0 --port 443 --public-url https://node.example.com --tls-cert chain.pem --tls-key key.pem",
  "lhg dev --host 0.0.0.0 --port 443 --acme node.example.com",
)}`,
    )
    .action(act(async () => (await import("./commands/dev.ts")).runDev));
  program
    .command("status")
    .helpGroup(START)
    .description("ask a node how it is: chain, height, what waits")
    .addHelpText("after", examples("lhg status", "lhg status --url http://node.example:8080 --json"))
    .action(act(async () => (await import("./commands/status.ts")).showStatus));
}

function addKeys(program: Command, act: Act): void {
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
    .action(act(async () => (await import("./commands/keys.ts")).newKey));
  keys
    .command("list")
    .description("list the keys of this machine, development keys included")
    .addHelpText("after", examples("lhg keys list", "lhg keys list --json"))
    .action(act(async () => (await import("./commands/keys.ts")).showKeys));
  keys
    .command("show")
    .argument("<name>", "name of a key")
    .description("show address and public key; never the secret")
    .addHelpText("after", examples("lhg keys show alice"))
    .action(act(async () => (await import("./commands/keys.ts")).showKey));
  keys
    .command("import")
    .argument("<name>", "lower-case letters, digits and hyphens")
    .description("store a secret of 64 hexadecimal digits, read from standard input")
    .addOption(algorithm())
    .addHelpText("after", examples("LHG_PASSPHRASE=... lhg keys import alice < secret.hex"))
    .action(act(async () => (await import("./commands/keys.ts")).importKey));
}

function addVendor(program: Command, act: Act): void {
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
    .action(act(async () => (await import("./commands/vendor.ts")).admitVendor));
  approvalOptions(
    vendor
      .command("expel")
      .argument("<vendor>", "address of the vendor, or the name of its key")
      .description("expel a vendor: what it recorded stays, it records no more"),
  )
    .addHelpText("after", examples("lhg vendor expel alice"))
    .action(act(async () => (await import("./commands/vendor.ts")).expelVendor));
  vendor
    .command("list")
    .description("list all vendors")
    .addHelpText("after", examples("lhg vendor list", "lhg vendor list --json"))
    .action(act(async () => (await import("./commands/vendor.ts")).listVendors));
  vendor
    .command("show")
    .argument("<vendor>", "address of the vendor, or the name of its key")
    .description("show one vendor: prefixes, credit, devices")
    .addHelpText("after", examples("lhg vendor show acme-manufacturing"))
    .action(act(async () => (await import("./commands/vendor.ts")).showVendor));
}

function addDevice(program: Command, act: Act): void {
  const device = program
    .command("device")
    .helpGroup(RECORD)
    .description("register devices and record their readings")
    .addHelpText(
      "after",
      examples("lhg device register sensor-7 --model T-1000", "lhg device record sensor-7 readings.json"),
    );
  device
    .command("register")
    .argument("<key>", "name of the device's key, which consents")
    .description("register a device of a vendor")
    .requiredOption("--model <model>", "what kind of device it is")
    .option("--capability <name>", "what it can do; give it once for each", collect)
    .option("--limit <credits>", "credits that it may use a day", readIndex)
    .addOption(asOption())
    .addHelpText(
      "after",
      examples(
        "lhg keys new sensor-7",
        "lhg device register sensor-7 --model T-1000 --capability temperature",
      ),
    )
    .action(act(async () => (await import("./commands/device.ts")).registerDevice));
  device
    .command("list")
    .argument("[vendor]", "vendor whose devices to list; by default the development vendor")
    .description("list the devices of a vendor")
    .addHelpText("after", examples("lhg device list acme-manufacturing"))
    .action(act(async () => (await import("./commands/device.ts")).listDevices));
  device
    .command("show")
    .argument("<device>", "address of the device, or the name of its key")
    .description("show one device and its first stream")
    .addHelpText("after", examples("lhg device show sensor-7"))
    .action(act(async () => (await import("./commands/device.ts")).showDevice));
  device
    .command("revoke")
    .argument("<device>", "address of the device, or the name of its key")
    .description("revoke a device: from then on it may only fill gaps")
    .option(
      "--from-height <height>",
      "first block that takes no new readings of it; by default the one after the revocation",
      readIndex,
    )
    .addOption(asOption())
    .addHelpText("after", examples("lhg device revoke sensor-7"))
    .action(act(async () => (await import("./commands/device.ts")).revokeDevice));
  device
    .command("record")
    .argument("<key>", "name of the device's key")
    .argument("<files...>", "SenML packs in JSON; - is standard input")
    .description("sign readings as a device and send them; what could not be sent is kept for the next time")
    .option("--stream <number>", "stream of the device", readIndex, 0)
    .addOption(waitOption())
    .addHelpText(
      "after",
      `\nWithout a node it signs and keeps them in the data folder, says so and ends with exit code 3, once the device was
registered or recorded from here.
${examples(
  "lhg device record sensor-7 readings.json",
  'echo \'[{"n":"urn:dev:mac:1","u":"Cel","v":21.5}]\' | lhg device record sensor-7 -',
)}`,
    )
    .action(act(async () => (await import("./commands/device-record.ts")).recordReadings));
  device
    .command("flush")
    .argument("<key>", "name of the device's key")
    .description("send the collections that wait, which were recorded while the node could not be reached")
    .option("--stream <number>", "stream of the device", readIndex, 0)
    .addOption(waitOption())
    .addHelpText("after", examples("lhg device flush sensor-7"))
    .action(act(async () => (await import("./commands/device-record.ts")).flushReadings));
}

function addSend(program: Command, act: Act): void {
  program
    .command("account")
    .helpGroup(KEYS)
    .argument("[account]", "address, or name of a key; without it all keys of this machine")
    .description("show balance, nonce and key of an account")
    .addHelpText("after", examples("lhg account", "lhg account alice"))
    .action(act(async () => (await import("./commands/account.ts")).showAccount));
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
    .action(act(async () => (await import("./commands/send.ts")).sendTransfer));
  send
    .command("credit")
    .argument("<vendor>", "address of the vendor, or the name of its key")
    .argument("<credits>", "how many")
    .description("buy credit, of which a vendor's captures and readings are paid")
    .addOption(asOption())
    .addOption(waitOption())
    .addHelpText("after", examples("lhg send credit acme-manufacturing 100000"))
    .action(act(async () => (await import("./commands/send.ts")).sendCredit));
}

function addCapture(program: Command, act: Act): void {
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
    .action(act(async () => (await import("./commands/capture.ts")).captureFiles));
}

function addQuestions(program: Command, act: Act): void {
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
    .action(act(async () => (await import("./commands/trace.ts")).traceItem));
  program
    .command("item")
    .helpGroup(ASK)
    .argument("<uri>", "item: EPC URN, GS1 Digital Link or any URI that events name")
    .description("show where an item stands: custodian, what it is in, what is in it, quantities")
    .addHelpText("after", examples("lhg item urn:epc:id:sgtin:4012345.011111.9876"))
    .action(act(async () => (await import("./commands/item.ts")).showItem));
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
    .action(act(async () => (await import("./commands/receipt.ts")).fetchReceipt));
  program
    .command("verify")
    .helpGroup(ASK)
    .argument("<file>", "receipt, trace or value proof")
    .description("check a proof offline: what it proves, what is only claimed, and by whom")
    .option("--genesis <file>", "genesis of the chain that you trust (JSON or bytes)")
    .option("--chain-id <id>", "chain that you trust, with --validators-hash")
    .option("--validators-hash <hex>", "hash of a validator set that you trust")
    .addHelpText(
      "after",
      `\nNeeds no network. Without --genesis or --chain-id it trusts the development chain of the data folder. A node
answers its genesis at /api/v1/chain; whether it is the right one, its chain id says, which you know from elsewhere.
${examples("lhg verify event.receipt", "lhg verify journey.trace --genesis genesis.json", "lhg verify event.receipt --chain-id lhg-5e... --validators-hash 7c...")}`,
    )
    .action(act(async () => (await import("./commands/verify.ts")).verifyFile));
  program
    .command("audit")
    .helpGroup(ASK)
    .description("execute the chain of a stopped node again and compare everything it keeps")
    .addHelpText("after", examples("lhg audit --data ./lhg-data"))
    .action(act(async () => (await import("./commands/audit.ts")).runAudit));
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
    .action(act(async () => (await import("./commands/export.ts")).exportLines));
}

function addOperation(program: Command, act: Act): void {
  program
    .command("backup")
    .helpGroup(OPERATE)
    .argument("<file>", "file to write")
    .description("write the data folder of a stopped node into one file, keys included")
    .option("--force", "replace the file if it exists")
    .addHelpText("after", examples("lhg backup chain.lhgbackup", "lhg backup /mnt/chain.lhgbackup --force"))
    .action(act(async () => (await import("./commands/backup.ts")).runBackup));
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
    .action(act(async () => (await import("./commands/restore.ts")).runRestore));
}
