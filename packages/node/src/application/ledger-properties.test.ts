/** What holds of the ledger whatever it is given: random statements, most of them wrong in some way, in random blocks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { getAccount } from "@lhg/protocol/core/accounts";
import { toHex, ZERO32 } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { ALG_EDDSA, ALG_ES256, ALG_ES256K } from "@lhg/protocol/core/crypto";
import { getParameters } from "@lhg/protocol/core/parameters";
import { type Submission, submission } from "@lhg/protocol/core/statement/submission";
import { executeBlock } from "@lhg/protocol/execute-block";
import type { Message } from "@lhg/protocol/ledger";
import { FEES_ADDRESS, getSupply, TREASURY_ADDRESS } from "@lhg/protocol/modules/token/token";
import { prepareStatement } from "@lhg/protocol/statements";
import { keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import fc from "fast-check";
import {
  addressOf,
  makeReadings,
  makeRegistration,
  type SignedSubmission,
  signCollection,
  signTransaction,
} from "../../e2e/statements.ts";
import { sodiumCrypto } from "../crypto/sodium.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { LedgerApplication } from "./application.ts";
import { auditChain } from "./audit.ts";
import { GENESIS_MS, openTestChain, type TestChain } from "./testing.ts";

const EXPIRY_MS = GENESIS_MS + 3_600_000;

/** One statement as a generator describes it; what its numbers mean depends on the chain it is signed for. */
interface Draft {
  readonly kind: "transfer" | "allow" | "credit" | "register" | "two" | "collection" | "again";
  readonly who: number;
  readonly to: number;
  readonly amount: number;
  readonly fault: "none" | "nonce" | "chain" | "expiry" | "gas" | "price" | "payer" | "signer";
}

const draft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constantFrom("transfer", "transfer", "allow", "credit", "register", "two", "collection", "again"),
  who: fc.nat(5),
  to: fc.nat(5),
  amount: fc.oneof(fc.nat(1_000), fc.constant(Number.MAX_SAFE_INTEGER)),
  fault: fc.constantFrom(
    "none",
    "none",
    "none",
    "none",
    "nonce",
    "chain",
    "expiry",
    "gas",
    "price",
    "payer",
    "signer",
  ),
});

class Signing {
  readonly chain: TestChain;
  /** Faucet and vendors have tokens; the others sign with other algorithms and have none at first. */
  readonly people: readonly SecretKey[];
  readonly signed: SignedSubmission[] = [];
  private readonly pending = new Map<SecretKey, number>();
  private seq = 0;
  private prevId: Uint8Array = ZERO32;

  constructor(chain: TestChain) {
    this.chain = chain;
    const { faucet, vendors } = chain.dev;
    const others = ([ALG_EDDSA, ALG_ES256, ALG_ES256K] as const).map((alg, i) =>
      keyFromSeed(alg, new Uint8Array(32).fill(40 + i)),
    );
    this.people = [faucet, ...vendors.map((vendor) => vendor.key), ...others];
  }

  startBlock(): void {
    this.pending.clear();
  }

  private nextNonce(key: SecretKey): number {
    const known = this.pending.get(key) ?? getAccount(this.chain.application.state, addressOf(key)).nonce;
    this.pending.set(key, known + 1);
    return known;
  }

  sign(each: Draft): SignedSubmission {
    if (each.kind === "again" && this.signed.length > 0)
      return this.signed[each.amount % this.signed.length]!;
    const made = each.kind === "collection" ? this.signCollection(each) : this.signTransaction(each);
    this.signed.push(made);
    return made;
  }

  private signCollection({ fault, amount }: Draft): SignedSubmission {
    const device = this.people[3]!;
    const { chainId } = this.chain.application;
    const made = signCollection(device, {
      chainId: fault === "chain" ? "other-chain" : chainId,
      seq: fault === "nonce" ? this.seq + (amount % 5) : this.seq + 1,
      prevId: this.prevId,
      readings: makeReadings(1 + (amount % 3)),
    });
    if (fault === "none") {
      this.seq += 1;
      this.prevId = made.idBytes;
    }
    return made;
  }

  private signTransaction({ kind, who, to, amount, fault }: Draft): SignedSubmission {
    const { chainId } = this.chain.application;
    const key = this.people[who]!;
    const made = signTransaction(fault === "signer" ? this.people[(who + 1) % 6]! : key, {
      chainId: fault === "chain" ? "other-chain" : chainId,
      sender: addressOf(key),
      payer: addressOf(fault === "payer" ? this.people[to]! : key),
      nonce: fault === "nonce" ? amount : this.nextNonce(key),
      gasLimit: fault === "gas" ? 1 : 100_000,
      gasPrice: fault === "price" ? 0n : BigInt(1 + (amount % 3)),
      expiryMs: fault === "expiry" ? GENESIS_MS : EXPIRY_MS,
      messages: this.messagesOf(kind, key, this.people[to]!, amount),
    });
    return made;
  }

  private messagesOf(kind: Draft["kind"], from: SecretKey, other: SecretKey, amount: number): Message[] {
    const to = addressOf(other);
    const transfer: Message = { type: "token.transfer", body: { to, amount: BigInt(amount) * 1_000n } };
    if (kind === "allow")
      return [
        { type: "token.allow-fees", body: { spender: to, limit: BigInt(amount), expiryMs: EXPIRY_MS } },
      ];
    if (kind === "credit")
      return [{ type: "token.buy-credit", body: { vendor: addressOf(this.people[1]!), credits: amount } }];
    if (kind === "register")
      return [makeRegistration(this.chain.application.chainId, addressOf(from), this.people[3]!, EXPIRY_MS)];
    return kind === "two" ? [transfer, transfer] : [transfer];
  }
}

function prepareAll(submissions: readonly Submission[]) {
  return submissions.map((each) => {
    const statement = prepareStatement(sodiumCrypto, decode(submission, encode(submission, each)));
    const { alg, bytes } = statement.sign1.key;
    return { statement, isSignatureValid: alg !== undefined && bytes.length > 0 };
  });
}

function sumBalances({ people, chain }: Signing): bigint {
  const addresses = [FEES_ADDRESS, TREASURY_ADDRESS, ...people.map(addressOf)];
  return addresses.reduce((sum, each) => sum + getAccount(chain.application.state, each).balance, 0n);
}

/** A block executed twice, and once without what it skips, is the same block. */
function expectPure({ application }: TestChain, submissions: readonly Submission[]): void {
  const { chainId, state, head } = application;
  const block = {
    chainId,
    height: head.height + 1,
    timeMs: head.timeMs + 1_000,
    statements: prepareAll(submissions),
    hasEvidence: false,
    misbehaviours: [],
  };
  const first = executeBlock(sodiumCrypto, state, block);
  const second = executeBlock(sodiumCrypto, state, block);
  assert.deepEqual(second.commit.appHash, first.commit.appHash);
  assert.deepEqual(second.resultsHash, first.resultsHash);
  const skipped = new Set(first.skipped.map((entry) => entry.position));
  const statements = block.statements.filter((_, position) => !skipped.has(position));
  const third = executeBlock(sodiumCrypto, state, { ...block, statements });
  assert.deepEqual(third.skipped, []);
  assert.deepEqual(third.commit.appHash, first.commit.appHash, "what is skipped leaves the state untouched");
  assert.deepEqual(third.resultsHash, first.resultsHash);
  if (first.executed.length === 0) assert.deepEqual(first.commit.appHash, head.appHash);
}

async function runBlocks(blocks: readonly (readonly Draft[])[]): Promise<Signing> {
  const chain = await openTestChain();
  const signing = new Signing(chain);
  const supply = chain.dev.genesis.initialSupply;
  const outcomes = new Map<string, string>();
  const nonces = new Map<SecretKey, number>();
  for (const drafts of blocks) {
    signing.startBlock();
    const submissions = drafts.map((each) => signing.sign(each));
    expectPure(chain, submissions);
    const summary = await chain.commit(submissions);
    assert.equal(summary.executed.length + summary.skipped.length, submissions.length);
    for (const { id, status } of summary.executed) {
      assert.equal(outcomes.get(toHex(id)), undefined, "an id has one outcome");
      outcomes.set(toHex(id), status);
    }
    for (const { verdict } of summary.skipped) assert.match(verdict.code, /^[a-z]+\.[a-z-]+$/);
    assert.equal(sumBalances(signing), supply, "tokens are neither made nor lost");
    assert.equal(getSupply(chain.application.state), supply);
    for (const key of signing.people) {
      const { nonce } = getAccount(chain.application.state, addressOf(key));
      assert.ok(nonce >= (nonces.get(key) ?? 0), "nonces never go back");
      nonces.set(key, nonce);
    }
  }
  for (const [id, status] of outcomes) {
    const idBytes = signing.signed.find((each) => each.id === id)!.idBytes;
    assert.equal(chain.application.locate([idBytes])[0]!.status, status);
  }
  return signing;
}

test("supply, nonces and outcomes hold through any blocks, and the chain audits", async () => {
  const blocks = fc.array(fc.array(draft, { maxLength: 12 }), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(blocks, async (drafts) => {
      const { chain } = await runBlocks(drafts);
      await chain.commit([]);
      const audit = auditChain(chain.application, createMemoryStore());
      let step = await audit.next();
      while (step.done !== true) step = await audit.next();
      assert.deepEqual(step.value.problems, []);
      const { dev, application, store } = chain;
      const again = await LedgerApplication.open(sodiumCrypto, store, dev.genesis, () => []);
      assert.deepEqual(again.tip, application.tip);
      assert.deepEqual(getParameters(again.state), getParameters(application.state));
    }),
    { numRuns: 25 },
  );
});

test("an audit tells what was changed behind the ledger's back, and where", async () => {
  const chain = await openTestChain();
  const { faucet, vendors } = chain.dev;
  for (let i = 0; i < 3; i++)
    await chain.commit([
      chain.transaction(faucet, [
        { type: "token.transfer", body: { to: addressOf(vendors[0]!.key), amount: 5n } },
      ]),
    ]);
  const { store, application } = chain;
  const entries = [];
  for await (const entry of store.iterate({})) entries.push(entry);
  const findProblems = async (): Promise<string[]> => {
    const audit = auditChain(application, createMemoryStore());
    let step = await audit.next();
    while (step.done !== true) step = await audit.next();
    return step.value.problems.map((problem) => problem.code);
  };
  assert.deepEqual(await findProblems(), []);
  for (const { key, value } of entries) {
    const isCertificate = key[0] === 0x14;
    if (key[0]! >= 0x10 && !isCertificate) continue;
    const changed = value.slice();
    changed[changed.length - 1]! ^= 1;
    await store.commit([{ key, value: changed }]);
    assert.equal(
      (await findProblems())[0],
      isCertificate ? "certificate.signature" : "audit.differs",
      toHex(key),
    );
    await store.commit([{ key, value: undefined }]);
    assert.equal(
      (await findProblems())[0],
      isCertificate ? "replay.block-missing" : "audit.missing",
      toHex(key),
    );
    await store.commit([{ key, value }]);
  }
  const extra = Uint8Array.of(4, 0);
  await store.commit([{ key: extra, value: extra }]);
  assert.deepEqual(await findProblems(), ["audit.unexplained"]);
});
