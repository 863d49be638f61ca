/** Certificates come in their order, however often they are asked for and whatever CometBFT says in between. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import { ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import { type CometBlockMade, commitCometBlock } from "../../../compliance/comet-blocks.ts";
import { type MadeHeader, makeCometCommit, makeCometHeader } from "../../../compliance/comet-headers.ts";
import { createWorld } from "../../../compliance/world.ts";
import { createRandom } from "../../../simulation/random.ts";
import { LedgerApplication } from "../../application/application.ts";
import { GENESIS_MS } from "../../application/testing.ts";
import { sodiumCrypto } from "../../crypto/sodium.ts";
import { createMemoryStore } from "../../store/memory-store.ts";
import { type CertificateParts, followCertificates } from "./certificates.ts";

const away = (): never => {
  throw new LhgError("engine.rpc-unreachable", "is away", "rpc");
};

function follow(over: Partial<CertificateParts>) {
  const certified: number[] = [];
  const fatal: unknown[] = [];
  const lines: string[] = [];
  let heard = Promise.withResolvers<void>();
  const certificates = followCertificates({
    fetch: async (height) => ({ header: Uint8Array.of(height), commit: Uint8Array.of(height) }),
    certify: async () => {},
    isShared: () => false,
    certifiedHeight: 0,
    onCertified: (height) => {
      certified.push(height);
      heard.resolve();
      heard = Promise.withResolvers();
    },
    onFatal: (error) => fatal.push(error),
    log: (level, fields) => lines.push(`${level} ${(fields as { code: string }).code}`),
    ...over,
  });
  const until = async (height: number): Promise<void> => {
    while ((certified.at(-1) ?? 0) < height) await heard.promise;
  };
  return { certificates, certified, fatal, lines, until };
}

test("every height up to the newest is certified, in order, once", async () => {
  const asked: number[] = [];
  const { certificates, certified, until } = follow({
    certify: async (header) => void asked.push(header[0]!),
  });
  certificates.follow(3);
  certificates.follow(2);
  await until(3);
  certificates.follow(5);
  await until(5);
  assert.deepEqual(asked, [1, 2, 3, 4, 5]);
  assert.deepEqual(certified, asked);
  assert.equal(certificates.certifiedHeight, 5);
  await certificates.stop();
});

test("what CometBFT can't say yet is asked for again, and nothing is skipped", async () => {
  let tries = 0;
  const { certificates, certified, lines, fatal, until } = follow({
    fetch: async (height) => {
      if (height === 2 && tries++ < 3) away();
      return { header: Uint8Array.of(height), commit: Uint8Array.of(height) };
    },
  });
  certificates.follow(3);
  await until(3);
  assert.deepEqual(certified, [1, 2, 3]);
  assert.deepEqual(lines, Array(3).fill("debug engine.rpc-unreachable"));
  assert.deepEqual(fatal, []);
  await certificates.stop();
});

test("a new height counts at whatever moment it comes", async () => {
  // A height that comes just as the one before it was certified must not wait for the one after it.
  for (let turns = 0; turns < 12; turns++) {
    const { certificates, until } = follow({
      certify: async (header) => {
        if (header[0] !== 1) return;
        void (async () => {
          for (let i = 0; i < turns; i++) await Promise.resolve();
          certificates.follow(2);
        })();
      },
    });
    certificates.follow(1);
    await until(1);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(certificates.certifiedHeight, 2, `after ${turns} turns`);
    await certificates.stop();
  }
});

test("stopping ends the wait for CometBFT, and nothing is asked after it", async () => {
  let asked = 0;
  const { certificates } = follow({
    fetch: async () => {
      asked += 1;
      return away();
    },
  });
  certificates.follow(1);
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  await certificates.stop();
  const before = asked;
  certificates.follow(2);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(asked, before);
});

test("an error of our own is no reason to ask again", async () => {
  const problem = new TypeError("a bug");
  const told = Promise.withResolvers<unknown>();
  const { certificates } = follow({
    certify: async () => {
      throw problem;
    },
    onFatal: told.resolve,
  });
  certificates.follow(1);
  assert.equal(await told.promise, problem);
  await certificates.stop();
});

/** A chain of two blocks under four validators, one of whom holds nearly all power. */
async function openChain() {
  const made = createWorld(createRandom(1), { validators: 4, timeMs: GENESIS_MS });
  const powers = [10n, 1n, 1n, 1n];
  const validatorsOf = made.genesis.validators.map((entry, i) => ({ ...entry, power: powers[i]! }));
  const genesis = { ...made.genesis, validators: validatorsOf };
  const store = createMemoryStore();
  const ledger = await LedgerApplication.open(sodiumCrypto, store, genesis, () => [], ENGINE_COMETBFT);
  const world = { ...made, genesis, chainId: ledger.chainId };
  const { validators } = ledger.tip;
  const headers: MadeHeader[] = [];
  let last: CometBlockMade | undefined;
  for (const height of [1, 2]) {
    last = await commitCometBlock(world, ledger, { timeMs: GENESIS_MS + height, last });
    headers.push(last.header);
  }
  const commitOf = (header: MadeHeader, absent = new Set<number>()) =>
    makeCometCommit(world, { header, round: 0, validators, absent });
  return { ledger, world, headers, commitOf, validators };
}

test("lies of CometBFT's RPC are not taken, and the truth is after them", async () => {
  const { ledger, headers, commitOf, world, validators } = await openChain();
  const [first, second] = headers as [MadeHeader, MadeHeader];
  const { header } = first;
  const otherBlock = makeCometHeader({
    chainId: world.chainId,
    height: 1,
    timeMs: GENESIS_MS + 1,
    last: undefined,
    appHash: header.appHash,
    txs: [],
    validators,
    nextValidatorsHash: header.nextValidatorsHash,
    proposerAddress: header.proposerAddress,
    round: 1,
  });
  const otherChain = { ...first, header: { ...first.header, chainId: "lhg-other-1" } };
  const otherKey = world.dev.consensusKeys.at(-1)!;
  const strangers = { ...world, keyOf: () => otherKey };
  const forged = makeCometCommit(strangers, { header: first, round: 0, validators });
  const lies: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
    ["header.hash", otherBlock.encoded, commitOf(otherBlock)],
    ["certificate.block", first.encoded, commitOf(otherBlock)],
    ["certificate.height", first.encoded, commitOf(second)],
    ["certificate.order", second.encoded, commitOf(second)],
    ["certificate.signature", first.encoded, commitOf(otherChain)],
    ["certificate.signature", first.encoded, forged],
    ["certificate.quorum", first.encoded, commitOf(first, new Set([0]))],
    ["comet.truncated", first.encoded.subarray(0, 40), commitOf(first)],
    ["comet.truncated", first.encoded, commitOf(first).subarray(0, 40)],
  ];
  const codes: string[] = [];
  for (const [, header, commit] of lies)
    await ledger.certify(header, commit).catch((error: LhgError) => codes.push(error.code));
  assert.deepEqual(
    codes,
    lies.map(([code]) => code),
  );
  assert.equal(ledger.certifiedHeight, 0);
  let lied = 0;
  const { certificates, until, lines } = follow({
    certify: (header, commit) => ledger.certify(header, commit),
    fetch: async (height) => {
      const [, header, commit] = lies[lied < 3 ? lied++ : lies.length]! ?? [
        "",
        headers[height - 1]!.encoded,
        commitOf(headers[height - 1]!, new Set([1])),
      ];
      return { header, commit };
    },
  });
  certificates.follow(2);
  await until(2);
  assert.equal(ledger.certifiedHeight, 2);
  assert.deepEqual(lines, ["debug header.hash", "debug certificate.block", "debug certificate.height"]);
  await certificates.stop();
});
