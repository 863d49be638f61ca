/** What a verification trusts: a genesis file, a pinned validator set, or the development chain of this machine. */
import { readFile } from "node:fs/promises";
import { fromHex } from "@lhg/protocol/core/bytes";
import { decode, fromJson } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Genesis, genesis } from "@lhg/protocol/core/genesis";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { TRUST_LENGTH_MS_DEFAULT, type Trust, trustFromGenesis } from "@lhg/sdk/verify/trust";
import { type DevKeys, loadDevKeys } from "./dev-keys.ts";
import type { Session } from "./session.ts";

const DAY_MS = 24 * 3_600_000;

export interface TrustOptions {
  readonly genesis?: string;
  readonly chainId?: string;
  readonly validatorsHash?: string;
  /** For how long after genesis its validators are trusted; 180 by default. */
  readonly trustDays?: number;
}

export interface FoundTrust {
  readonly trust: Trust;
  /** In words. */
  readonly origin: string;
  /** Names of accounts, where the chain is the development chain of the data folder. */
  readonly devKeys?: DevKeys;
}

/** Throws `usage.trust` where nothing says what to trust. */
export async function findTrust({ options }: Session, given: TrustOptions): Promise<FoundTrust> {
  const { trustDays } = given;
  const lengthMs = trustDays === undefined ? TRUST_LENGTH_MS_DEFAULT : trustDays * DAY_MS;
  if (given.genesis !== undefined)
    return {
      trust: trustFromGenesis(await readGenesis(given.genesis), { lengthMs, hasher: nodeCrypto }),
      origin: given.genesis,
    };
  if (given.chainId !== undefined || given.validatorsHash !== undefined)
    return { trust: readPinned(given), origin: "the validators that were named" };
  const devKeys = await loadDevKeys(options.data);
  if (devKeys === undefined)
    throw new LhgError(
      "usage.trust",
      "say what to trust: --genesis FILE, or --chain-id and --validators-hash",
      "--genesis",
    );
  const trust = trustFromGenesis(devKeys.genesis, { lengthMs, hasher: nodeCrypto });
  return { trust, devKeys, origin: `the development chain of ${options.data}` };
}

function readPinned({ chainId, validatorsHash }: TrustOptions): Trust {
  if (chainId === undefined || validatorsHash === undefined)
    throw new LhgError("usage.trust", "--chain-id and --validators-hash go together", "--chain-id");
  if (!/^[0-9a-fA-F]{64}$/.test(validatorsHash))
    throw new LhgError("usage.hash", "must be 64 hexadecimal digits", "--validators-hash");
  return { chainId, validatorsHash: fromHex(validatorsHash) };
}

const JSON_STARTS: ReadonlySet<number> = new Set([0x7b, 0x20, 0x09, 0x0a, 0x0d]);

/** Genesis in bytes, as JSON, or as a node answers it (`{ "genesis": ... }`). */
export async function readGenesis(file: string): Promise<Genesis> {
  const bytes = new Uint8Array(await readFile(file));
  if (!JSON_STARTS.has(bytes[0] ?? 0)) return decode(genesis, bytes, "genesis");
  const json = parseJsonFile(Buffer.from(bytes).toString("utf8"), file) as { genesis?: unknown };
  return fromJson(genesis, json.genesis ?? json, "genesis");
}

function parseJsonFile(text: string, file: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new LhgError("json.syntax", "is no JSON", file);
  }
  if (typeof value !== "object" || value === null) throw new LhgError("json.type", "must be an object", file);
  return value;
}
