/** Where the built pages stand beside the packages. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Genesis, genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import type { PagesConfig } from "../api/pages.ts";

const ROOT = join(import.meta.dirname, "../../../..");
const CONSOLE = join(ROOT, "packages/console/dist");
/** What the built verifier page holds in place of the chain that it trusts. */
const PIN_PLACE = "__LHG_PINNED_GENESIS__";

export async function findPages(genesis: Genesis): Promise<PagesConfig> {
  return {
    consoleDirectory: join(CONSOLE, "console"),
    docsDirectory: join(ROOT, "dist/docs"),
    verifierPage: await readVerifierPage(genesis),
  };
}

/**
 * The verifier page with the genesis of a chain pinned in it; undefined where it was not built. The same page for the
 * same chain, byte for byte, wherever it is made.
 */
export async function readVerifierPage(genesis: Genesis): Promise<string | undefined> {
  const template = await readFile(join(CONSOLE, "verifier/verifier.html"), "utf8").catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    },
  );
  if (template === undefined) return undefined;
  const pieces = template.split(PIN_PLACE);
  if (pieces.length !== 2)
    throw new LhgError("verifier.template", "must have one place for the pinned chain", PIN_PLACE);
  return pieces.join(toHex(encode(genesisCodec, genesis, "genesis")));
}
