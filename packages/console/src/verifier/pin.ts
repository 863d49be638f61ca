/** The chain that this page trusts: by its genesis, put into the page by whoever published it, or chosen by the user. */
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { decode, encode, fromJson } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Genesis, genesis } from "@lhg/protocol/core/genesis";
import { nobleCrypto } from "@lhg/sdk/crypto/noble";
import { TRUST_LENGTH_MS_DEFAULT, type Trust, trustFromGenesis } from "@lhg/sdk/verify/trust";

const GENESIS_BYTES_MAX = 16 << 20;

export interface Pin {
  readonly chainId: string;
  /** Hex. */
  readonly validatorsHash: string;
  readonly pinnedAtMs: number;
  readonly genesisHash: string;
  readonly validators: number;
  readonly trustedUntilMs: number;
  /** Names that the genesis gives to accounts, by address in hex. */
  readonly names: ReadonlyMap<string, string>;
}

/** The pin in the page's own text; undefined in a page that nobody put one into. Throws `genesis.*`, `cbor.*`. */
export function readOwnPin(text: string): Pin | undefined {
  const value = JSON.parse(text) as unknown;
  if (typeof value !== "string" || !/^(?:[0-9a-f]{2})+$/.test(value)) return undefined;
  return pinGenesis(decode(genesis, fromHex(value), "genesis"));
}

/** Genesis in bytes, as JSON, or as a node answers it. Throws `genesis.*`, `cbor.*`, `json.*`. */
export function readGenesisFile(bytes: Uint8Array): Pin {
  if (bytes.length > GENESIS_BYTES_MAX) throw new LhgError("genesis.size", "is too large", "genesis");
  if (!/^[\s{]/.test(String.fromCharCode(bytes[0] ?? 0)))
    return pinGenesis(decode(genesis, bytes, "genesis"));
  let json: { genesis?: unknown };
  try {
    json = JSON.parse(new TextDecoder().decode(bytes)) as typeof json;
  } catch {
    throw new LhgError("json.syntax", "is no JSON", "genesis");
  }
  return pinGenesis(fromJson(genesis, json.genesis ?? json, "genesis"));
}

function pinGenesis(made: Genesis): Pin {
  const trust = trustFromGenesis(made);
  const bytes = encode(genesis, made, "genesis");
  return {
    chainId: trust.chainId,
    validatorsHash: toHex(trust.validatorsHash),
    pinnedAtMs: made.timeMs,
    genesisHash: toHex(nobleCrypto.sha256(bytes)),
    validators: made.validators.length,
    trustedUntilMs: made.timeMs + TRUST_LENGTH_MS_DEFAULT,
    names: new Map(made.vendors.map(({ account, name }) => [toHex(account), name])),
  };
}

/** A page may stay open for months: the time that counts is that of the check. */
export function trustAt({ chainId, validatorsHash, pinnedAtMs }: Pin, nowMs: number): Trust {
  return {
    chainId,
    validatorsHash: fromHex(validatorsHash),
    period: { pinnedAtMs, lengthMs: TRUST_LENGTH_MS_DEFAULT, nowMs },
  };
}
