import { type Command, InvalidArgumentError, Option } from "commander";
import { type Act, collect, examples, readPort, START } from "./options.ts";

const NODES_MAX = 256;

export function addNetwork(program: Command, act: Act): void {
  program
    .command("init")
    .helpGroup(START)
    .description("make a new network: its genesis, and for each node a folder with settings and keys")
    .option("--validators <count>", "nodes that decide, 1 to 256", readCount(1), 4)
    .requiredOption("--out <folder>", "folder to write; it must be empty or missing")
    .option(
      "--name <name>",
      "name of the chain: at most 17 lower-case letters, digits, hyphens",
      readName,
      "lhg-net",
    )
    .addOption(
      new Option("--kind <kind>", "who is in it; alliance and public chains have an odd number of validators")
        .choices(["private", "alliance", "public"])
        .default("private"),
    )
    .addOption(
      new Option(
        "--engine <engine>",
        "how the validators agree: inside of the node, or by CometBFT beside it",
      )
        .choices(["dbft", "comet"])
        .default("dbft"),
    )
    .option(
      "--host <hosts>",
      "where peers reach the nodes: one host for all, or one for each, with commas",
      "127.0.0.1",
    )
    .option(
      "--base-port <port>",
      "first of ten ports of a node: +0 peers, +1 API, +2 and +3 CometBFT; the next node has the next ten",
      readPort,
      26_700,
    )
    .option("--observers <count>", "nodes that follow and do not vote", readCount(0), 0)
    .option("--sentries", "a sentry before each validator, which then talks to nobody else")
    .option(
      "--vendor <name=prefixes>",
      "a vendor to begin with, such as 'Acme=0614141,4012345' (more than once)",
      collect,
    )
    .option("--insecure-keys", "do not encrypt the keys: for tests and development only")
    .addHelpText(
      "after",
      `\nAll keys are encrypted under one passphrase: LHG_PASSPHRASE, --passphrase-fd, or asked for. The account that
begins with tokens is accounts/faucet.json; with --keys <folder>/accounts it signs as faucet.
With --engine comet each home has one of CometBFT in it, with a second copy of the consensus key that is not encrypted,
as CometBFT wants it: comet/config/priv_validator_key.json, for the owner alone.
${examples("lhg init --validators 4 --out net", "lhg init --validators 1 --out net --insecure-keys", "lhg init --validators 4 --out net --host 192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4", "lhg init --validators 4 --engine comet --out net", "lhg init --validators 7 --kind alliance --sentries --observers 2 --out net --name our-chain")}`,
    )
    .action(act(async () => (await import("../commands/init.ts")).runInit));
  program
    .command("node")
    .helpGroup(START)
    .description("run a node of a network from its home, the folder with its settings and keys")
    .option("--home <folder>", "folder with lhg.toml, genesis.json and keys", process.env.LHG_HOME ?? ".")
    .option("--check-config", "check settings, genesis, keys, files and ports, and start nothing")
    .option(
      "--vote-without-record",
      "vote at once though data/votes is lost: only where all validators of a chain are restored together",
    )
    .addOption(
      new Option("--engine <engine>", "how validators agree, instead of what the settings say").choices([
        "dbft",
        "comet",
      ]),
    )
    .addOption(
      new Option("--log-level <level>", "how much the node logs, instead of what the settings say").choices([
        "silent",
        "error",
        "warn",
        "info",
        "debug",
      ]),
    )
    .addHelpText(
      "after",
      `\nKeeps running until Ctrl-C or SIGTERM (a second one forces it); logs go to standard error. Settings stand in
lhg.toml, and variables LHG_<SECTION>_<KEY> win over it. LHG_HOME stands for --home. The check ends with 0 or 2.
${examples("lhg node --home net/node0 --check-config", "lhg node --home net/node0", "LHG_API_PORT=9000 lhg node --home net/node0 --passphrase-fd 3 3<passphrase")}`,
    )
    .action(act(async () => (await import("../commands/node.ts")).runNode));
}

function readCount(min: number): (text: string) => number {
  return (text) => {
    if (!/^[0-9]{1,3}$/.test(text) || Number(text) < min || Number(text) > NODES_MAX)
      throw new InvalidArgumentError(`must be ${min} to ${NODES_MAX}`);
    return Number(text);
  };
}

function readName(text: string): string {
  if (!/^[a-z][a-z0-9-]{0,16}$/.test(text))
    throw new InvalidArgumentError("must be 1 to 17 lower-case letters, digits and hyphens, a letter first");
  return text;
}
