/** Runs one command line from its arguments to its exit code; nothing it throws gets past here. */
import { CommanderError } from "commander";
import { describeFailure, EXIT, type ExitCode, type Failure } from "./exit-codes.ts";
import { createOutput, formatFailure, type Streams } from "./output.ts";
import { createProgram } from "./program.ts";

export async function runCommand(args: readonly string[], streams: Streams = process): Promise<ExitCode> {
  const isJson = args.includes("--json");
  const output = createOutput(streams, isJson);
  let exitCode: ExitCode = EXIT.ok;
  // A reader that has seen enough (`| head`) is no failure.
  streams.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(exitCode);
    throw error;
  });
  const program = createProgram({
    output,
    streams,
    onExit: (code) => {
      exitCode = code;
    },
  });
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (isHelp(error)) return EXIT.ok;
    output.endProgress();
    const failure = error instanceof CommanderError ? describeUsage(error) : describeFailure(error);
    streams.stderr.write(`${formatFailure(failure, isJson)}\n`);
    if (process.env.LHG_DEBUG === "1" && error instanceof Error) streams.stderr.write(`${error.stack}\n`);
    return failure.exitCode;
  } finally {
    output.endProgress();
  }
}

function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** `commander.unknownCommand` -> `usage.unknown-command` */
function describeUsage({ code, message }: CommanderError): Failure {
  const name = code.replace(/^commander\./, "").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const text =
    code === "commander.help" ? "which command? (--help lists them)" : message.replace(/^error: /, "");
  return { exitCode: EXIT.usage, code: `usage.${name}`, field: "", message: text };
}
