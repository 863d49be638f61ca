/** genesis.json of CometBFT, made of the genesis of LHG: the same chain id, the same validators. */
import { validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { sodiumCrypto } from "../../../crypto/sodium.ts";

export interface CometValidator {
  /** Ed25519, 32 bytes. */
  readonly consensusKey: Uint8Array;
  readonly power: bigint;
  readonly name: string;
}

export interface CometGenesisPlan {
  readonly chainId: string;
  readonly genesisTimeMs: number;
  readonly validators: readonly CometValidator[];
  /** Of a block with its header, commit and evidence: 1 to 104,857,600. */
  readonly blockBytesMax: number;
  /** Evidence is stale when it is older than both. */
  readonly evidenceMaxAgeMs: number;
  readonly evidenceMaxAgeHeights: number;
}

/** Limits of CometBFT (types/genesis.go, types/params.go). */
const CHAIN_ID_LENGTH_MAX = 50;
const BLOCK_BYTES_MAX = 104_857_600;
const EVIDENCE_BYTES_MAX = 1 << 20;
const NANOS_PER_MS = 1_000_000n;

export const ED25519_PUBLIC = "tendermint/PubKeyEd25519";

/** As CometBFT reads it: 64-bit numbers are texts. Throws `engine.genesis` naming the field that CometBFT would not start with. */
export function makeCometGenesis(plan: CometGenesisPlan): object {
  checkGenesisPlan(plan);
  const { chainId, genesisTimeMs, validators, blockBytesMax, evidenceMaxAgeMs, evidenceMaxAgeHeights } = plan;
  return {
    genesis_time: new Date(genesisTimeMs).toISOString(),
    chain_id: chainId,
    initial_height: "1",
    consensus_params: {
      block: { max_bytes: String(blockBytesMax), max_gas: "-1" },
      evidence: {
        max_age_num_blocks: String(evidenceMaxAgeHeights),
        max_age_duration: String(BigInt(evidenceMaxAgeMs) * NANOS_PER_MS),
        max_bytes: String(Math.min(EVIDENCE_BYTES_MAX, blockBytesMax)),
      },
      validator: { pub_key_types: ["ed25519"] },
      version: { app: "0" },
      abci: { vote_extensions_enable_height: "0" },
    },
    validators: validators.map(({ consensusKey, power, name }) => ({
      address: addressText(consensusKey),
      pub_key: { type: ED25519_PUBLIC, value: toBase64(consensusKey) },
      power: String(power),
      name,
    })),
    app_hash: "",
  };
}

/** Of a key, in the capitals in which CometBFT writes it. */
export function addressText(publicKey: Uint8Array): string {
  return toHex(validatorAddress(sodiumCrypto, publicKey)).toUpperCase();
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function checkGenesisPlan(plan: CometGenesisPlan): void {
  const refuse = (field: string, problem: string): never => {
    throw new LhgError("engine.genesis", problem, field);
  };
  const { chainId, genesisTimeMs, validators, blockBytesMax, evidenceMaxAgeMs, evidenceMaxAgeHeights } = plan;
  if (chainId === "" || chainId.length > CHAIN_ID_LENGTH_MAX)
    refuse("chainId", `must have 1 to ${CHAIN_ID_LENGTH_MAX} characters`);
  if (!Number.isSafeInteger(genesisTimeMs) || Number.isNaN(new Date(genesisTimeMs).getTime()))
    refuse("genesisTimeMs", "must be a time");
  if (validators.length === 0) refuse("validators", "must be one at least");
  for (const [i, { consensusKey, power }] of validators.entries()) {
    if (consensusKey.length !== 32) refuse(`validators[${i}].consensusKey`, "must have 32 bytes");
    if (power <= 0n) refuse(`validators[${i}].power`, "must be positive");
  }
  if (!isWhole(blockBytesMax, BLOCK_BYTES_MAX)) refuse("blockBytesMax", `must be 1 to ${BLOCK_BYTES_MAX}`);
  if (!isWhole(evidenceMaxAgeMs)) refuse("evidenceMaxAgeMs", "must be positive");
  if (!isWhole(evidenceMaxAgeHeights)) refuse("evidenceMaxAgeHeights", "must be positive");
}

function isWhole(value: number, max = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= max;
}
