/**
 * Who signs in this browser: a development key of the node's machine, or a key file that the user opened. Secrets stay in
 * the memory of the page; only which development key was chosen is remembered, until the tab is closed.
 */
import { type Address, deriveAddress } from "@lhg/protocol/core/account";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import type { Signer } from "@lhg/protocol/core/cose";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { nobleCrypto } from "@lhg/sdk/crypto/noble";
import { keyFromSeed, type SecretKey, signerFromSecret } from "@lhg/sdk/keys/keys";
import { useSyncExternalStore } from "react";
import { recall, remember } from "./tab-memory.ts";

export type SignerRole = "vendor" | "operator" | "faucet" | "own";

export interface BrowserSigner {
  readonly name: string;
  /** As on the chain, where it is known. */
  readonly title?: string;
  readonly address: Address;
  /** Hex. */
  readonly account: string;
  readonly role: SignerRole;
  readonly signer: Signer;
}

export interface Signers {
  /** Undefined until the node was asked. */
  readonly available: readonly BrowserSigner[] | undefined;
  readonly chosen: BrowserSigner | undefined;
  /** Why the development keys could not be had, where it is more than that there are none. */
  readonly problem?: unknown;
}

interface DevelopmentKeys {
  readonly keys: readonly {
    readonly name: string;
    readonly title?: string;
    readonly address: string;
    readonly role: "vendor" | "operator" | "faucet";
    readonly seed: string;
  }[];
}

const CHOICE = "lhg-signer";
/** The node has no such keys, or does not give them to this machine. */
const NONE_STATUSES: readonly number[] = [403, 404];

let signers: Signers = { available: undefined, chosen: undefined };
let isAsked = false;
const listeners = new Set<() => void>();

function change(next: Signers): void {
  signers = next;
  for (const listener of listeners) listener();
}

async function loadDevelopmentKeys(): Promise<BrowserSigner[]> {
  const response = await fetch("/api/v1/development/keys", { headers: { accept: "application/json" } });
  if (NONE_STATUSES.includes(response.status)) return [];
  if (!response.ok) throw new LhgError("client.answer", `the node answered with HTTP ${response.status}`);
  const { keys } = (await response.json()) as DevelopmentKeys;
  return keys.map(({ name, title, role, seed }) => {
    const key = keyFromSeed(ALG_EDDSA, fromHex(seed, "seed"));
    return { ...describeKey(name, key, role), ...(title === undefined ? {} : { title }) };
  });
}

function describeKey(name: string, key: SecretKey, role: SignerRole): BrowserSigner {
  const signer = signerFromSecret(key);
  const address = deriveAddress(nobleCrypto, signer.publicKey);
  return { name, address, account: toHex(address), role, signer };
}

export function loadSigners(): void {
  if (isAsked) return;
  isAsked = true;
  loadDevelopmentKeys().then(
    (keys) => {
      const own = signers.available?.filter(({ role }) => role === "own") ?? [];
      const kept = recall<string>(CHOICE);
      const chosen =
        signers.chosen ??
        keys.find(({ account }) => account === kept) ??
        keys.find(({ role }) => role === "vendor");
      change({ available: [...own, ...keys], chosen });
    },
    (problem: unknown) => {
      isAsked = false;
      change({ ...signers, available: signers.available ?? [], problem });
    },
  );
}

export function chooseSigner(account: string): void {
  const chosen = signers.available?.find((signer) => signer.account === account);
  if (chosen === undefined) return;
  if (chosen.role !== "own") remember(CHOICE, account);
  change({ ...signers, chosen });
}

/** The key of a file that was opened; forgotten when the page is loaded again. */
export function addOwnKey(name: string, key: SecretKey): void {
  const own = describeKey(name, key, "own");
  const others = signers.available?.filter(({ account }) => account !== own.account) ?? [];
  change({ available: [own, ...others], chosen: own });
}

export function forgetOwnKeys(): void {
  const available = signers.available?.filter(({ role }) => role !== "own") ?? [];
  const chosen = available.find(({ role }) => role === "vendor");
  change({ available, chosen });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  loadSigners();
  return () => void listeners.delete(listener);
}

export function useSigners(): Signers {
  return useSyncExternalStore(subscribe, () => signers);
}
