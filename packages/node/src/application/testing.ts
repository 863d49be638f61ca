/** Test chains in memory: blocks are executed and committed as the engine would, certificates included. */
import { deriveAddress } from "@lhg/protocol/core/account";
import { certificate, commitSignBytes } from "@lhg/protocol/core/block/certificate";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { type Signer, signStatement, toSignatureCheck } from "@lhg/protocol/core/cose";
import { EPOCH } from "@lhg/protocol/core/proof/anchor";
import { type Submission, submission } from "@lhg/protocol/core/statement/submission";
import { encodeTransaction, type Message } from "@lhg/protocol/ledger";
import { prepareStatement } from "@lhg/protocol/statements";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import { makeProposal, openProposal } from "../blocks/proposal.ts";
import { createNativeSigner, sodiumCrypto } from "../crypto/sodium.ts";
import { createDevChain, type DevChain } from "../dev-chain.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import type { Store } from "../store/store.ts";
import { LedgerApplication } from "./application.ts";
import type { BlockIndexer, CommitSummary, StatementInput } from "./port.ts";

export const GENESIS_MS = 1_800_000_000_000;

export interface TestChain {
  readonly dev: DevChain;
  readonly application: LedgerApplication;
  readonly store: Store;
  /** Executes and commits a block of these submissions. */
  commit(
    submissions: readonly Submission[],
    timeMs?: number,
    evidence?: readonly Uint8Array[],
  ): Promise<CommitSummary>;
  transaction(from: SecretKey, messages: readonly Message[], over?: Partial<TransactionFields>): Submission;
}

interface TransactionFields {
  readonly nonce: number;
  readonly gasLimit: number;
  readonly gasPrice: bigint;
  readonly expiryMs: number;
  readonly chainId: string;
  readonly payer: Uint8Array;
  readonly signer: Signer;
}

export function addressOf(key: SecretKey): Uint8Array {
  return deriveAddress(sodiumCrypto, { alg: key.alg, bytes: key.publicKey });
}

export async function openTestChain(
  options: { dev?: DevChain; store?: Store; indexBlock?: BlockIndexer } = {},
): Promise<TestChain> {
  const dev = options.dev ?? createDevChain(GENESIS_MS);
  const store = options.store ?? createMemoryStore();
  const application = await LedgerApplication.open(
    sodiumCrypto,
    store,
    dev.genesis,
    options.indexBlock ?? (() => []),
  );
  return {
    dev,
    application,
    store,
    commit: (submissions, timeMs, evidence) => commitBlock(dev, application, submissions, timeMs, evidence),
    transaction: createSender(application),
  };
}

/** Makes signed transactions, counting nonces. */
export function createSender(application: LedgerApplication): TestChain["transaction"] {
  const nonces = new Map<string, number>();
  return (from, messages, over = {}) => {
    const sender = addressOf(from);
    const name = sender.join();
    const nonce = over.nonce ?? nonces.get(name) ?? 0;
    nonces.set(name, nonce + 1);
    const payload = encodeTransaction({
      chainId: over.chainId ?? application.chainId,
      sender,
      payer: over.payer ?? sender,
      nonce,
      gasLimit: over.gasLimit ?? 1_000_000,
      gasPrice: over.gasPrice ?? 1n,
      expiryMs: over.expiryMs ?? application.head.timeMs + 60_000,
      messages,
    });
    return {
      statement: signStatement(over.signer ?? createNativeSigner(from), "transaction", payload),
      body: null,
    };
  };
}

/** As other threads hand them over, their signatures verified. */
export function prepareInputs(submissions: readonly Submission[]): StatementInput[] {
  return submissions.map((entry) => {
    const { sign1, leafHash } = prepareStatement(sodiumCrypto, entry);
    const isSignatureValid = sodiumCrypto.verify(toSignatureCheck(sign1));
    return { bytes: encode(submission, entry), leafHash, isSignatureValid };
  });
}

async function commitBlock(
  dev: DevChain,
  application: LedgerApplication,
  submissions: readonly Submission[],
  timeMs = application.head.timeMs + 1_000,
  evidence: readonly Uint8Array[] = [],
): Promise<CommitSummary> {
  const { tip } = application;
  const statements = prepareInputs(submissions);
  const proposal = openProposal(
    sodiumCrypto,
    makeProposal(sodiumCrypto, tip.base, {
      proposer: tip.validators[0]!.operator,
      timeMs,
      statements: statements.map((entry) => entry.leafHash),
      lastCertificate: application.headCertificate,
      evidence,
    }),
  )!;
  const { blockHash } = application.execute({ ...proposal, statements });
  const message = commitSignBytes(application.chainId, EPOCH, proposal.header.height, 0, blockHash);
  const signatures = tip.validators.map((validator, validatorIndex) => {
    const key = dev.consensusKeys.find((entry) => equalBytes(entry.publicKey, validator.consensusKey))!;
    return { validatorIndex, signature: createNativeSigner(key).sign(message) };
  });
  return application.commit(blockHash, encode(certificate, { view: 0, signatures }));
}
