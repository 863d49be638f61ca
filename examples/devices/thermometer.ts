/** What the three thermometers share: the key of the keystore, the memory where lhg device keeps it, and errors in one line. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { deriveAddress } from "@lhg/protocol/core/account";
import { toHex } from "@lhg/protocol/core/bytes";
import type { Signer } from "@lhg/protocol/core/cose";
import { LhgError } from "@lhg/protocol/core/errors";
import { createNodeSigner, nodeCrypto } from "@lhg/sdk/crypto/node";
import { createDevice, type Device } from "@lhg/sdk/device/device";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { decryptKey } from "@lhg/sdk/keys/keystore";

export interface Thermometer {
  readonly name: string;
  readonly chainId: string;
  readonly signer: Signer;
  readonly device: Device;
}

const { LHG_CHAIN = "", LHG_DATA = "./lhg-data", LHG_PASSPHRASE = "" } = process.env;

/** The device knows its chain by its id: what it signs counts nowhere else. */
export async function openThermometer(name = process.argv[2] ?? "thermometer"): Promise<Thermometer> {
  if (LHG_CHAIN === "") throw new Error("set LHG_CHAIN to what lhg status shows as the chain");
  const signer = createNodeSigner(decryptKey(await readKeyFile(name), LHG_PASSPHRASE));
  const address = deriveAddress(nodeCrypto, signer.publicKey);
  // Stream 0, in the file of lhg device: with a second memory of its own it would use numbers twice.
  const folder = join(LHG_DATA, "devices");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const store = createFileStore(join(folder, `${toHex(address)}-0.state`));
  const device = await createDevice({ signer, chainId: LHG_CHAIN, store, crypto: nodeCrypto });
  return { name, chainId: LHG_CHAIN, signer, device };
}

async function readKeyFile(name: string): Promise<Parameters<typeof decryptKey>[0]> {
  const path = join(LHG_DATA, "keys", `${name}.json`);
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error(`there is no key ${path}: make it with lhg keys new ${name}`);
  }
}

/** Says in one line why it goes no further, with the chain's code where it has one, and ends. */
export function giveUp(error: unknown): never {
  const text = error instanceof Error ? error.message || String(error.cause ?? error.name) : String(error);
  console.error(error instanceof LhgError ? `${text} (${error.code})` : text);
  process.exit(1);
}
