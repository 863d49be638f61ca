import type { Command } from "commander";
import { type Act, collect, examples, OPERATE, readPositive } from "./options.ts";

export function addEngine(program: Command, act: Act): void {
  const engine = program
    .command("engine")
    .helpGroup(OPERATE)
    .description("CometBFT, the engine for networks of machines");
  engine
    .command("install")
    .description(
      "build CometBFT with Go, in the version that LHG needs; does nothing where it is there already",
    )
    .option("--directory <folder>", "folder for the program, instead of that of the user's cache")
    .addHelpText(
      "after",
      `\nIt takes Go 1.25 or later, and some minutes. The program is found in $XDG_CACHE_HOME/lhg/bin (~/.cache/lhg/bin),
on PATH, or where engine.comet_binary of lhg.toml says.
${examples("lhg engine install", "lhg engine install --directory /usr/local/bin")}`,
    )
    .action(act(async () => (await import("../commands/engine.ts")).runEngineInstall));
  engine
    .command("status")
    .description("say which CometBFT a node would start, and how the one is that runs")
    .option("--home <folder>", "folder of a node, with lhg.toml", process.env.LHG_HOME ?? ".")
    .addHelpText(
      "after",
      `\nWithout an lhg.toml in the folder only the program is looked for. Ends with 0 where there is one that fits, else with 4.
${examples("lhg engine status", "lhg engine status --home net/node0 --json")}`,
    )
    .action(act(async () => (await import("../commands/engine.ts")).showEngineStatus));
  engine
    .command("join")
    .description(
      "let a node without a chain begin with a snapshot of its peers, instead of with the first block",
    )
    .option("--home <folder>", "folder of the node, with lhg.toml", process.env.LHG_HOME ?? ".")
    .option(
      "--rpc-server <url>",
      "RPC of a CometBFT of the chain; two at least, as each is checked by the others",
      collect,
    )
    .option(
      "--trust-height <height>",
      "a block that is known to be right; or sync.trusted_height",
      readPositive,
    )
    .option("--trust-hash <hash>", "its hash, by CometBFT; or sync.trusted_hash")
    .option("--trust-days <days>", "how long its validators are trusted", readPositive, 7)
    .option("--off", "begin with the first block after all")
    .addHelpText(
      "after",
      `\nWrites [statesync] into comet/config/config.toml, which CometBFT reads at its start, and only while it has no blocks.
Take height and hash from a node that you trust: its console shows them, and so does GET /api/v1/blocks/HEIGHT.
CometBFT listens for its RPC on 127.0.0.1 alone: let the new node in for that time, by a tunnel, or by engine.comet_rpc and a firewall.
Nodes of the chain make snapshots where storage.snapshot_every_blocks says so.
${examples(
  "lhg engine join --home net/observer0 --rpc-server http://10.0.0.1:26703 --rpc-server http://10.0.0.2:26703 --trust-height 120000 --trust-hash 4f2a...",
  "lhg engine join --home net/observer0 --off",
)}`,
    )
    .action(act(async () => (await import("../commands/engine-join.ts")).runEngineJoin));
}
