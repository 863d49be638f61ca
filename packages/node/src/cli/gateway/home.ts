/** The chain that a gateway records on, remembered so that it takes readings also when it starts before the node. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";

export interface GatewayHome {
  readonly chainId: string;
  /** Address in hex. */
  readonly vendor: string;
}

const FILE = "chain.json";

/** Undefined for a gateway that was never in contact with a node. Throws `gateway.memory` for a damaged file. */
export async function recallHome(folder: string): Promise<GatewayHome | undefined> {
  const path = join(folder, FILE);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { chainId, vendor } = JSON.parse(text) as Partial<GatewayHome>;
    if (typeof chainId === "string" && /^[0-9a-f]{40}$/.test(vendor ?? ""))
      return { chainId, vendor: vendor! };
  } catch {
    // Said below, as for every other text that names no chain.
  }
  throw new LhgError("gateway.memory", "does not say for whom the gateway records", path);
}

/** Throws `gateway.foreign` where the folder is of another chain or vendor: what waits there was taken for that one. */
export async function rememberHome(folder: string, home: GatewayHome): Promise<void> {
  const before = await recallHome(folder);
  if (before !== undefined) {
    if (before.chainId === home.chainId && before.vendor === home.vendor) return;
    throw new LhgError("gateway.foreign", `holds readings for ${before.vendor} on ${before.chainId}`, folder);
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, FILE);
  await writeFile(`${path}.next`, `${JSON.stringify(home, undefined, 2)}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.next`, path);
}
