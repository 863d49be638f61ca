/**
 * The chain this browser knows: the genesis it saw first, kept across visits. A node that later shows another chain is
 * caught by it, and a node that shows less of the same chain by the height that was verified here before. Every proof that
 * holds while the chain's validators are trusted renews that trust: it counts from the newest header seen so.
 */
import { fromHex } from "@lhg/protocol/core/bytes";
import { client } from "../node/client.ts";
import type { Pinned, Vouched } from "./messages.ts";
import { check } from "./verifier.ts";

export interface Pin {
  readonly chainId: string;
  /** Hex of the encoded genesis. */
  readonly genesis: string;
  readonly sinceMs: number;
}

export interface PinState {
  /** What verdicts hang on. */
  readonly pin: Pin;
  /** What the node shows now. */
  readonly shown: Pin;
  readonly isSame: boolean;
  /** False where the browser keeps nothing for this page: every visit begins anew. */
  readonly isKept: boolean;
}

const PIN = "lhg-pin";
const HEIGHT = "lhg-verified-height";
const NEWEST = "lhg-newest-validators";

let memory: Pin | undefined;

export async function readPin(): Promise<PinState> {
  const { genesisBytes } = await client.getChain();
  const { chainId } = await check({ kind: "chain", genesis: fromHex(genesisBytes, "genesisBytes") });
  const shown: Pin = { chainId, genesis: genesisBytes, sinceMs: Date.now() };
  const pin = loadPin() ?? shown;
  if (pin === shown) keepPin(shown);
  return { pin, shown, isSame: pin.chainId === chainId, isKept: storage() !== undefined };
}

export function keepPin(pin: Pin): void {
  memory = pin;
  storage()?.setItem(PIN, JSON.stringify(pin));
}

/** The highest block whose proof held in this browser; 0 before the first. */
export function readVerifiedHeight(chainId: string): number {
  const kept = Number(storage()?.getItem(`${HEIGHT}-${chainId}`) ?? 0);
  return Number.isSafeInteger(kept) ? kept : 0;
}

export function keepVerifiedHeight(chainId: string, height: number): void {
  if (height > readVerifiedHeight(chainId)) storage()?.setItem(`${HEIGHT}-${chainId}`, String(height));
}

/** What a proof is judged by. */
export function toPinned({ chainId, genesis }: Pin): Pinned {
  return { genesis: fromHex(genesis, "genesis"), newest: readNewest(chainId), nowMs: Date.now() };
}

/** Never later than the clock of this device: a header of the future would keep its signers trusted for longer. */
export function keepVouched(chainId: string, vouched: Vouched | undefined): void {
  if (vouched === undefined) return;
  const timeMs = Math.min(vouched.timeMs, Date.now());
  if (timeMs <= (readNewest(chainId)?.timeMs ?? 0)) return;
  storage()?.setItem(`${NEWEST}-${chainId}`, JSON.stringify({ ...vouched, timeMs }));
}

function readNewest(chainId: string): Vouched | undefined {
  const text = storage()?.getItem(`${NEWEST}-${chainId}`);
  if (text === null || text === undefined) return undefined;
  try {
    const { validatorsHash, timeMs } = JSON.parse(text) as Partial<Vouched>;
    if (typeof validatorsHash !== "string" || !/^[0-9a-f]{64}$/.test(validatorsHash)) return undefined;
    return typeof timeMs === "number" ? { validatorsHash, timeMs } : undefined;
  } catch {
    // Something else wrote there: the trust counts from genesis again.
    return undefined;
  }
}

function loadPin(): Pin | undefined {
  const text = storage()?.getItem(PIN);
  if (text === null || text === undefined) return memory;
  try {
    const { chainId, genesis, sinceMs } = JSON.parse(text) as Partial<Pin>;
    if (typeof chainId !== "string" || typeof genesis !== "string" || !/^(?:[0-9a-f]{2})+$/.test(genesis))
      return undefined;
    return { chainId, genesis, sinceMs: typeof sinceMs === "number" ? sinceMs : 0 };
  } catch {
    // Something else wrote there: the chain is pinned anew.
    return undefined;
  }
}

/** Absent where the browser forbids pages to keep anything. */
function storage(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}
