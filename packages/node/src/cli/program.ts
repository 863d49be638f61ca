/** The commands, their options and their help. What they do is loaded when they run, so that help comes at once. */
import { Command } from "commander";
import { VERSION } from "../version.ts";
import { EXIT, EXIT_CODES_HELP, type ExitCode } from "./exit-codes.ts";
import { addCapture } from "./families/capture.ts";
import { addAttest, addCommands } from "./families/commands.ts";
import { addDevice } from "./families/devices.ts";
import { addEngine } from "./families/engine.ts";
import { addBridge, addGateway } from "./families/gateways.ts";
import { addKeys } from "./families/keys.ts";
import { addOperation } from "./families/operation.ts";
import { type Act, readDescriptor } from "./families/options.ts";
import { addQuestions } from "./families/questions.ts";
import { addSend } from "./families/send.ts";
import { addStart } from "./families/start.ts";
import { addVendor } from "./families/vendors.ts";
import type { Output, Streams } from "./output.ts";
import { DEFAULT_DATA, DEFAULT_URL, type GlobalOptions } from "./session.ts";

export interface ProgramParts {
  readonly output: Output;
  readonly streams: Streams;
  readonly onExit: (code: ExitCode) => void;
}

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
  addBridge(program, act);
  addGateway(program, act);
  addAttest(program, act);
  addCommands(program, act);
  addQuestions(program, act);
  addOperation(program, act);
  addEngine(program, act);
  return program;
}
