/** A chain to load: its node in this process without HTTP, with accounts, vendors and their keys. */
import { randomBytes } from "node:crypto";
import type { NodeService } from "../packages/node/src/api/service.ts";
import { DEFAULT_CONFIG } from "../packages/node/src/config.ts";
import { createLocalSigner, createNativeSigner, sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";
import { createDevChain, type DevChain } from "../packages/node/src/dev-chain.ts";
import { startChain } from "../packages/node/src/start-chain.ts";
import { deriveAddress } from "../packages/protocol/src/core/account.ts";
import type { Signer } from "../packages/protocol/src/core/cose.ts";
import { ALG_EDDSA } from "../packages/protocol/src/core/crypto.ts";
import { UNIT } from "../packages/protocol/src/core/genesis.ts";
import { encodeTransaction, type Message } from "../packages/protocol/src/ledger.ts";
import { generateKey } from "../packages/sdk/src/keys/keys.ts";
import { signSubmission } from "../packages/sdk/src/transaction/signed-statement.ts";
import type { BenchContext } from "./figures.ts";

/** Somebody who signs statements in an unbroken order. */
export interface Sender {
  readonly signer: Signer;
  readonly address: Uint8Array;
  /** The next nonce of an account, captureSeq of a vendor, seq of a device. */
  next: number;
}

export interface VendorSender extends Sender {
  readonly prefix: string;
  nextCapture: number;
}

export interface BenchChain {
  readonly chainId: string;
  readonly service: NodeService;
  readonly accounts: readonly Sender[];
  readonly vendors: readonly VendorSender[];
  /** Rejects when the node can't go on. */
  readonly failure: Promise<never>;
  stop(): Promise<void>;
}

export const ACCOUNTS = 200;
export const VENDORS = 8;
const ACCOUNT_BALANCE = 1_000n * UNIT;
/** What any statement of the benchmark needs, rounded up; fees are computed from what it used. */
const GAS_LIMIT = 10_000;
const LIFETIME_MS = 12 * 3_600_000;

export function newSender(): Sender {
  const signer = createNativeSigner(generateKey(ALG_EDDSA, (size) => randomBytes(size)));
  return { signer, address: deriveAddress(sodiumCrypto, signer.publicKey), next: 0 };
}

export function createBenchGenesis(validators: number, accounts: readonly Sender[]): DevChain {
  const vendors = Array.from({ length: VENDORS }, (_, i) => ({
    name: `Vendor ${i}`,
    prefixes: [`952100${i}`],
  }));
  const dev = createDevChain(Date.now(), vendors, validators);
  const funded = accounts.map(({ address }) => ({ address, balance: ACCOUNT_BALANCE }));
  return { ...dev, genesis: { ...dev.genesis, accounts: [...dev.genesis.accounts, ...funded] } };
}

export function vendorSenders(dev: DevChain): VendorSender[] {
  return dev.vendors.map(({ key, prefixes }) => {
    const signer = createNativeSigner(key);
    const address = deriveAddress(sodiumCrypto, signer.publicKey);
    return { signer, address, next: 0, nextCapture: 0, prefix: prefixes[0]! };
  });
}

export async function startBenchChain(context: BenchContext, validators: number): Promise<BenchChain> {
  const accounts = Array.from({ length: ACCOUNTS }, newSender);
  const dev = createBenchGenesis(validators, accounts);
  const { promise: failure, reject } = Promise.withResolvers<never>();
  failure.catch(() => {});
  const chain = await startChain({
    config: { ...DEFAULT_CONFIG, dataDirectory: context.makeDirectory(), logLevel: "silent" },
    genesis: dev.genesis,
    signers: dev.consensusKeys.map(createLocalSigner),
    onFatal: reject,
  });
  const { chainId, service, stop } = chain;
  return { chainId, service, failure, stop, accounts, vendors: vendorSenders(dev) };
}

/** The sender's next transaction, signed and encoded. */
export function signTransaction(chainId: string, from: Sender, messages: readonly Message[]): Uint8Array {
  const payload = encodeTransaction({
    chainId,
    sender: from.address,
    payer: from.address,
    nonce: from.next++,
    gasLimit: GAS_LIMIT * messages.length,
    gasPrice: 1n,
    expiryMs: Date.now() + LIFETIME_MS,
    messages,
  });
  return signSubmission(sodiumCrypto, from.signer, "transaction", payload).bytes;
}
