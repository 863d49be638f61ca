/** The verifier page as a file: the very bytes that a node of the chain serves, and their hash. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { fromHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeChainId, type Genesis, genesis } from "@lhg/protocol/core/genesis";
import { createClient } from "@lhg/sdk/client/client";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { loadDevKeys } from "../dev-keys.ts";
import { readVerifierPage } from "../pages-folder.ts";
import type { Session } from "../session.ts";
import { readGenesis } from "../trust-source.ts";

const DEFAULT_FILE = "verifier.html";

interface FoundGenesis {
  readonly value: Genesis;
  readonly origin: string;
}

/** Throws `verifier.not-found` where the page was not built. */
export async function writeVerifier(
  session: Session,
  options: { readonly out?: string; readonly hash?: boolean; readonly genesis?: string },
): Promise<void> {
  const { value, origin } = await findGenesis(session, options.genesis);
  const page = await readVerifierPage(value);
  if (page === undefined)
    throw new LhgError("verifier.not-found", "the verifier page is not built; run: npm run build");
  const bytes = Buffer.from(page);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const file = options.out ?? (options.hash === true ? undefined : DEFAULT_FILE);
  if (file !== undefined) await writeFile(file, bytes);
  const chainId = computeChainId(nodeCrypto, value);
  session.output.result(
    { sha256, sizeBytes: bytes.length, chainId, ...(file === undefined ? {} : { file }) },
    `${sha256}  ${file ?? DEFAULT_FILE}`,
  );
  session.output.note(`It trusts chain ${chainId}, of ${origin}.`);
}

async function findGenesis({ options, output }: Session, file: string | undefined): Promise<FoundGenesis> {
  if (file !== undefined) return { value: await readGenesis(file), origin: file };
  const devKeys = await loadDevKeys(options.data);
  if (devKeys !== undefined)
    return { value: devKeys.genesis, origin: `the development chain in ${options.data}` };
  const { genesisBytes } = await createClient({ url: options.url }).getChain();
  output.warn(`the genesis is the word of ${options.url}: compare its chain id with one that you know`);
  return { value: decode(genesis, fromHex(genesisBytes, "genesisBytes"), "genesis"), origin: options.url };
}
