/** What the process that writes a million accounts and the one that reads them agree on. */
import { sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";

export const GENESIS_FILE = "genesis.cbor";
export const LEDGER_FOLDER = "ledger";
export const SNAPSHOTS_FOLDER = "snapshots";
export const READS = 100_000;

/** Account `i`, from 1. */
export function addressOf(i: number): Uint8Array {
  const seed = new Uint8Array(8);
  new DataView(seed.buffer).setBigUint64(0, BigInt(i));
  return sodiumCrypto.sha256(seed).subarray(0, 20);
}

/** What the restarted process says of itself. */
export interface RestartReport {
  /** From opening the chain to the first answer. */
  readonly answerMs: number;
  /** From the start of the process to the first answer. */
  readonly processMs: number;
}

/** What the restoring process says of itself. */
export interface RestoreReport {
  readonly restoreMs: number;
  readonly cpuMs: number;
  readonly openMs: number;
  readonly maxResidentBytes: number;
}
