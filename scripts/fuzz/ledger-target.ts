/** Execution of blocks of mutated statements under good signatures: whatever they say, a block has one result. */

import { addressOf } from "../../packages/node/e2e/statements.ts";
import { openTestChain, type TestChain } from "../../packages/node/src/application/testing.ts";
import { createNativeSigner, sodiumCrypto } from "../../packages/node/src/crypto/sodium.ts";
import { createRandom } from "../../packages/node/src/store/memory-store.ts";
import { getAccount } from "../../packages/protocol/src/core/accounts.ts";
import { equalBytes } from "../../packages/protocol/src/core/bytes.ts";
import { type CborValue, decodeCbor, encodeCbor } from "../../packages/protocol/src/core/codec/cbor.ts";
import { decode, encode } from "../../packages/protocol/src/core/codec/definition.ts";
import { decodeSign1, type Signer, signStatement } from "../../packages/protocol/src/core/cose.ts";
import { assertInvariant, LhgError } from "../../packages/protocol/src/core/errors.ts";
import { computeSlicesRoot } from "../../packages/protocol/src/core/statement/capture.ts";
import { type Submission, submission } from "../../packages/protocol/src/core/statement/submission.ts";
import { splitDocument } from "../../packages/protocol/src/epcis/document.ts";
import { executeBlock } from "../../packages/protocol/src/execute-block.ts";
import { getNextCaptureSeq } from "../../packages/protocol/src/modules/trace/capture.ts";
import { prepareStatement } from "../../packages/protocol/src/statements.ts";
import type { Corpus } from "./corpus.ts";
import { changeCbor, mutate, pick, type Random } from "./mutate.ts";
import type { Target } from "./targets.ts";

/** The chain begins anew after so many blocks: it need not grow to be hostile to. */
const BLOCKS_MAX = 150;
const STATEMENTS_PER_BLOCK = 8;

interface Source {
  readonly kind: "transaction" | "collection" | "capture";
  readonly payload: Uint8Array;
  readonly signer: Signer;
}

export async function createLedgerTarget(corpus: Corpus): Promise<Target> {
  const { dev } = corpus.chain;
  const signers = new Map(
    [dev.vendors[0]!.key, corpus.device].map((key) => [key.publicKey.join(), createNativeSigner(key)]),
  );
  const sources = corpus.submissions.flatMap(({ statement }): Source[] => {
    const { kind, payload, key } = decodeSign1(statement);
    return kind === "approval" ? [] : [{ kind, payload, signer: signers.get(key.bytes.join())! }];
  });
  const payloads = sources.map((source) => source.payload);
  let chain: TestChain | undefined;

  function drawCapture(random: Random, { payload, signer }: Source): Submission {
    const { application } = chain!;
    const vendor = addressOf(dev.vendors[0]!.key);
    const document = random(5) === 0 ? pick(random, corpus.documents) : mutate(random, corpus.documents);
    const { head, slices, tail } = splitDocument(document);
    const body = [head, ...slices, tail];
    const [version, chainId] = decodeCbor(payload) as readonly CborValue[];
    const fields = [
      version,
      chainId,
      vendor,
      getNextCaptureSeq(application.state, vendor),
      "application/ld+json",
      computeSlicesRoot(sodiumCrypto, body),
      body.length,
      document.length,
    ];
    return { statement: signStatement(signer, "capture", encodeCbor(fields)), body };
  }

  function drawTransaction(random: Random, payload: Uint8Array, nonces: { next: number }): Uint8Array {
    const fields = [...(decodeCbor(payload) as readonly CborValue[])];
    // Nonce and expiry hold, so that the messages are reached; the messages are of any of the corpus.
    const messages = Array.from({ length: 1 + random(3) }, () => {
      const other = decodeCbor(
        pick(
          random,
          sources.filter(({ kind }) => kind === "transaction"),
        ).payload,
      );
      return ((other as readonly CborValue[])[8] as readonly CborValue[])[0]!;
    });
    fields[4] = random(8) === 0 ? fields[4] : nonces.next++;
    fields[8] = random(3) === 0 ? messages : changeCbor(random, messages, payloads);
    return encodeCbor(random(10) === 0 ? changeCbor(random, fields, payloads) : fields);
  }

  /** A statement that decodes; undefined where mutation left none. */
  function draw(random: Random, nonces: { next: number }): Submission | undefined {
    const source = pick(random, sources);
    try {
      const drawn = drawFrom(random, source, nonces);
      prepareStatement(sodiumCrypto, drawn);
      return drawn;
    } catch (error) {
      if (error instanceof LhgError) return undefined;
      throw error;
    }
  }

  function drawFrom(random: Random, source: Source, nonces: { next: number }): Submission {
    const { kind, payload, signer } = source;
    if (kind === "capture" || random(4) === 0) {
      const by = kind === "capture" ? source : sources.find((other) => other.kind === "capture")!;
      return drawCapture(random, by);
    }
    const changed =
      kind === "transaction"
        ? drawTransaction(random, payload, nonces)
        : encodeCbor(changeCbor(random, decodeCbor(payload), payloads));
    return { statement: signStatement(signer, kind, changed), body: null };
  }

  return {
    name: "ledger",
    acceptedAs: "executed",
    draw: (random) => Uint8Array.from({ length: 4 }, () => random(256)),
    async run(seed) {
      const random = createRandom(new DataView(Uint8Array.from(seed).buffer).getUint32(0));
      if (chain === undefined || chain.application.head.height >= BLOCKS_MAX)
        chain = await openTestChain({ dev });
      const { application } = chain;
      const sender = addressOf(dev.vendors[0]!.key);
      const nonces = { next: getAccount(application.state, sender).nonce };
      const drawn = Array.from({ length: STATEMENTS_PER_BLOCK }, () => draw(random, nonces));
      const submissions = drawn.filter((entry) => entry !== undefined);
      expectOneResult(chain, submissions);
      await chain.commit(submissions);
    },
  };
}

/** The same block twice, and once without what it skips, gives the same state. */
function expectOneResult({ application }: TestChain, submissions: readonly Submission[]): void {
  const { chainId, state, crypto, head } = application;
  const statements = submissions.map((entry) => ({
    statement: prepareStatement(crypto, decode(submission, encode(submission, entry), "submission")),
    isSignatureValid: true,
  }));
  const input = {
    chainId,
    height: head.height + 1,
    timeMs: head.timeMs + 1_000,
    statements,
    misbehaviours: [],
  };
  const first = executeBlock(crypto, state, input);
  const second = executeBlock(crypto, state, input);
  assertInvariant(equalBytes(first.commit.appHash, second.commit.appHash), "a block has one app hash");
  assertInvariant(equalBytes(first.resultsHash, second.resultsHash), "a block has one results hash");
  const skipped = new Set(first.skipped.map((entry) => entry.position));
  const rest = statements.filter((_, position) => !skipped.has(position));
  const third = executeBlock(crypto, state, { ...input, statements: rest });
  assertInvariant(third.skipped.length === 0, "what was admitted is admitted without the others");
  assertInvariant(equalBytes(first.resultsHash, third.resultsHash), "a skipped statement changes no outcome");
  assertInvariant(
    equalBytes(first.commit.appHash, third.commit.appHash),
    "a skipped statement changes no state",
  );
}
