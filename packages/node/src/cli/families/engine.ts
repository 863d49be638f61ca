import type { Command } from "commander";
import { type Act, examples, OPERATE } from "./options.ts";

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
}
