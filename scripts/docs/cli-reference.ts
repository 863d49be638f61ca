/** docs/cli.md from the definitions of the commands, so that the two can't differ. */
import type { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { EXIT_CODES_HELP } from "../../packages/node/src/cli/exit-codes.ts";
import { createOutput } from "../../packages/node/src/cli/output.ts";
import { createProgram } from "../../packages/node/src/cli/program.ts";
import { escapeMarkdown, table } from "./markdown-table.ts";

type Command = ReturnType<typeof createProgram>;

const HEAD = `# Command line

<!-- Written by \`node scripts/write-cli-docs.ts\`; a test compares it with the commands. -->

\`npm run -s lhg --\` runs the command from a clone of the repository; \`alias lhg="npm run -s lhg --"\` makes it \`lhg\`. Results go to standard
output, everything else to standard error. With \`--json\` the result is JSON, and errors are one line of JSON with \`code\`, \`field\` and
\`message\`.
`;

export function describeCommands(): string {
  // Defaults as they are where nobody set these.
  const names = ["LHG_URL", "LHG_DATA", "LHG_HOME"] as const;
  const environment = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) delete process.env[name];
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const program = createProgram({ output: createOutput(streams, false), streams, onExit: () => {} });
  for (const [name, value] of environment) if (value !== undefined) process.env[name] = value;

  const codes = EXIT_CODES_HELP.split("\n")
    .slice(1)
    .map((line) => /^ +(\d+) +(.*)$/.exec(line))
    .map((found) => [found?.[1] ?? "", found?.[2] ?? ""]);
  return [
    HEAD,
    "## Options of every command\n",
    optionTable(program),
    "The environment variables `LHG_URL`, `LHG_DATA` and `LHG_PASSPHRASE` stand for the first options and the passphrase; `LHG_DEBUG=1` shows where a fault happened.\n",
    "## Exit codes\n",
    table(["code", "means"], codes),
    ...commandsOf(program).map((command) => describeCommand(command, "lhg")),
  ].join("\n");
}

function commandsOf(command: Command): readonly Command[] {
  return command.commands.filter((member) => member.name() !== "help");
}

function describeCommand(command: Command, parent: string): string {
  const name = `${parent} ${command.name()}`;
  const level = parent === "lhg" ? "##" : "###";
  const members = commandsOf(command);
  const usage = members.length > 0 ? `${name} <command>` : `${name} ${command.usage()}`;
  const args = command.registeredArguments.map((argument) => [
    `\`${argument.name()}\``,
    [argument.description, choicesOf(argument.argChoices)].filter((part) => part !== "").join("; "),
  ]);
  return [
    `${level} ${name}\n`,
    `${capitalise(command.description())}.\n`,
    `\`\`\`sh\n${usage}\n\`\`\`\n`,
    args.length === 0 ? "" : table(["argument", "is"], args),
    command.options.length === 0 ? "" : optionTable(command),
    members.length > 0 ? "" : describeRest(command),
    ...members.map((member) => describeCommand(member, name)),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function optionTable(command: Command): string {
  const rows = command.options.map((option) => {
    const { defaultValue } = option as { readonly defaultValue?: unknown };
    const given = defaultValue === undefined ? "" : `default \`${String(defaultValue)}\``;
    const parts = [option.description, choicesOf(option.argChoices), given];
    return [`\`${option.flags}\``, parts.filter((part) => part !== "").join("; ")];
  });
  return table(["option", "does"], rows);
}

function choicesOf(choices: readonly string[] | undefined): string {
  return choices === undefined ? "" : `one of ${choices.map((choice) => `\`${choice}\``).join(", ")}`;
}

/** What stands after the options in the command's help: explanations, then examples. */
function describeRest(command: Command): string {
  let text = "";
  const write = (part: string): void => {
    text += part;
  };
  // An emitter at run time, which the types of commander keep to themselves.
  (command as unknown as EventEmitter).emit("afterHelp", { error: false, command, write });
  const [words = "", examples = ""] = text.split("\nExamples:\n");
  const explained = words.trim() === "" ? "" : `${escapeMarkdown(words.trim())}\n`;
  const shown = examples.split("\n").map((line) => line.trim());
  return [explained, examples === "" ? "" : `\`\`\`sh\n${shown.join("\n").trim()}\n\`\`\`\n`]
    .filter((part) => part !== "")
    .join("\n");
}

function capitalise(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
