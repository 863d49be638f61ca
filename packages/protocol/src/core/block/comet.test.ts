import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes, equalBytes } from "../bytes.ts";
import type { Zip215Check } from "../crypto.ts";
import { LhgError } from "../errors.ts";
import {
  type CometCommit,
  type CometSignature,
  cometVoteSignBytes,
  decodeCometCommit,
  encodeCometCommit,
  FLAG_ABSENT,
  FLAG_COMMIT,
  FLAG_NIL,
  hasThirdOf,
  verifyCometCommit,
  ZERO_TIME,
} from "./comet-commit.ts";
import {
  type CometBlockId,
  type CometHeader,
  type CometTime,
  decodeCometHeader,
  encodeCometHeader,
} from "./comet-header.ts";

const plain = { noNullPrototype: true } as const;
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const anyHash = fc.oneof(bytes(32), bytes(0));
const height = fc.bigInt({ min: 1n, max: (1n << 63n) - 1n });
const anyTime: fc.Arbitrary<CometTime> = fc.record(
  { seconds: fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }), nanos: fc.nat(999_999_999) },
  plain,
);
const parts = fc.record({ total: fc.nat(0xffffffff), hash: anyHash }, plain);
const blockIdOf = (hash: fc.Arbitrary<Uint8Array>): fc.Arbitrary<CometBlockId> =>
  fc.record({ hash, partSetHeader: parts }, plain);
const anyHeader: fc.Arbitrary<CometHeader> = fc.record(
  {
    version: fc.record(
      { block: fc.constant(11n), app: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) },
      plain,
    ),
    chainId: fc.stringMatching(/^[a-z][a-z0-9-]{0,49}$/),
    height,
    time: anyTime,
    lastBlockId: blockIdOf(anyHash),
    lastCommitHash: anyHash,
    dataHash: anyHash,
    validatorsHash: bytes(32),
    nextValidatorsHash: bytes(32),
    consensusHash: anyHash,
    appHash: fc.uint8Array({ maxLength: 64 }),
    lastResultsHash: anyHash,
    evidenceHash: anyHash,
    proposerAddress: bytes(20),
  },
  plain,
);
const NONE = new Uint8Array(0);
const ABSENT: CometSignature = {
  blockIdFlag: FLAG_ABSENT,
  validatorAddress: NONE,
  timestamp: ZERO_TIME,
  signature: NONE,
};
const anySignature: fc.Arbitrary<CometSignature> = fc.oneof(
  fc.constant(ABSENT),
  fc.record(
    {
      blockIdFlag: fc.constantFrom<typeof FLAG_COMMIT | typeof FLAG_NIL>(FLAG_COMMIT, FLAG_NIL),
      validatorAddress: bytes(20),
      timestamp: anyTime,
      signature: bytes(64),
    },
    plain,
  ),
);
const anyCommit: fc.Arbitrary<CometCommit> = fc.record(
  {
    height,
    round: fc.nat(0x7fffffff),
    blockId: blockIdOf(bytes(32)),
    signatures: fc.array(anySignature, { minLength: 1, maxLength: 6 }),
  },
  plain,
);

test("any header is read back", () => {
  fc.assert(
    fc.property(anyHeader, (value) => assert.deepEqual(decodeCometHeader(encodeCometHeader(value)), value)),
  );
});

test("any commit is read back", () => {
  fc.assert(
    fc.property(anyCommit, (value) => assert.deepEqual(decodeCometCommit(encodeCometCommit(value)), value)),
  );
});

/** Reads as an attacker's bytes are read: refused with `comet.*`, or the one encoding of what was read. */
function readHostile<T>(input: Uint8Array, read: (bytes: Uint8Array) => T, write: (value: T) => Uint8Array) {
  let value: T;
  try {
    value = read(input);
  } catch (error) {
    assert.ok(error instanceof LhgError, String(error));
    assert.match(error.code, /^comet\./);
    assert.match(error.field, /^(header|certificate)/);
    return;
  }
  assert.deepEqual(write(value), input);
}

const hostile = (good: fc.Arbitrary<Uint8Array>) =>
  fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.tuple(good, fc.nat(), fc.nat(255)).map(([all, at, byte]) => all.with(at % all.length, byte)),
    fc.tuple(good, fc.nat()).map(([all, length]) => all.slice(0, length % all.length)),
    fc
      .tuple(good, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 12 }))
      .map(([all, at, more]) => concatBytes(all.slice(0, at % all.length), more, all.slice(at % all.length))),
  );

test("hostile bytes are refused with comet.*, or are the one encoding of a header or a commit", () => {
  const headers = hostile(anyHeader.map(encodeCometHeader));
  const commits = hostile(anyCommit.map(encodeCometCommit));
  fc.assert(fc.property(headers, (input) => readHostile(input, decodeCometHeader, encodeCometHeader)));
  fc.assert(fc.property(commits, (input) => readHostile(input, decodeCometCommit, encodeCometCommit)));
});

test("values out of bounds are refused by name", () => {
  const refuseHeader = (change: Partial<CometHeader>, code: string, field: string) => {
    const [value] = fc.sample(anyHeader, { numRuns: 1, seed: 1 });
    const encoded = encodeCometHeader({ ...value!, ...change });
    assert.throws(() => decodeCometHeader(encoded), { code, field });
  };
  refuseHeader({ version: { block: 10n, app: 0n } }, "comet.range", "header.version.block");
  refuseHeader({ chainId: "" }, "comet.length", "header.chain_id");
  refuseHeader({ chainId: "a".repeat(51) }, "comet.length", "header.chain_id");
  refuseHeader({ height: 0n }, "comet.range", "header.height");
  refuseHeader({ height: -1n }, "comet.range", "header.height");
  refuseHeader({ time: { seconds: -62_135_596_801n, nanos: 0 } }, "comet.range", "header.time.seconds");
  refuseHeader({ time: { seconds: 0n, nanos: 1e9 } }, "comet.range", "header.time.nanos");
  refuseHeader({ dataHash: new Uint8Array(31) }, "comet.length", "header.data_hash");
  refuseHeader({ validatorsHash: NONE }, "comet.length", "header.validators_hash");
  refuseHeader({ appHash: new Uint8Array(65) }, "comet.length", "header.app_hash");
  refuseHeader({ proposerAddress: new Uint8Array(32) }, "comet.length", "header.proposer_address");
  const refuseCommit = (change: Partial<CometCommit>, code: string, field: string) => {
    const [value] = fc.sample(anyCommit, { numRuns: 1, seed: 1 });
    const encoded = encodeCometCommit({ ...value!, ...change });
    assert.throws(() => decodeCometCommit(encoded), { code, field: `certificate.${field}` });
  };
  const noBlock = { hash: NONE, partSetHeader: { total: 0, hash: NONE } };
  refuseCommit({ height: 0n }, "comet.range", "height");
  refuseCommit({ round: -1 }, "comet.range", "round");
  refuseCommit({ blockId: noBlock }, "comet.missing", "block_id.hash");
  refuseCommit({ signatures: [] }, "comet.count", "signatures");
  refuseCommit({ signatures: Array.from({ length: 257 }, () => ABSENT) }, "comet.count", "signatures");
  const late = { ...ABSENT, timestamp: { seconds: 0n, nanos: 0 } };
  refuseCommit({ signatures: [ABSENT, late] }, "comet.range", "signatures[1].timestamp");
  const signed = { ...ABSENT, signature: new Uint8Array(64) };
  refuseCommit({ signatures: [signed] }, "comet.length", "signatures[0].signature");
  const unsigned = { ...ABSENT, blockIdFlag: FLAG_NIL, validatorAddress: new Uint8Array(20) } as const;
  refuseCommit({ signatures: [unsigned] }, "comet.length", "signatures[0].signature");
  const flagged = { ...ABSENT, blockIdFlag: 4 as never };
  refuseCommit({ signatures: [flagged] }, "comet.range", "signatures[0].block_id_flag");
});

const toySha256 = (data: Uint8Array): Uint8Array => {
  const out = new Uint8Array(32);
  for (const [i, byte] of data.entries()) out[i % 32] = (out[i % 32]! * 31 + byte + i) & 0xff;
  return out;
};
/** A signature that shows what it signs. */
const toySignature = (key: Uint8Array, message: Uint8Array): Uint8Array =>
  concatBytes(toySha256(concatBytes(key, message)), toySha256(concatBytes(message, key)));
const verifier = {
  sha256: toySha256,
  verifyZip215: ({ publicKey, message, signature }: Zip215Check) =>
    equalBytes(toySignature(publicKey, message), signature),
};
const HASH = new Uint8Array(32).fill(7);

function makeValidators(powers: readonly bigint[]) {
  return powers.map((power, i) => ({ consensusKey: new Uint8Array(32).fill(i + 1), power }));
}

function commitBy(validators: ReturnType<typeof makeValidators>, flags: readonly number[]): CometCommit {
  const unsigned: CometCommit = {
    height: 9n,
    round: 0,
    blockId: { hash: HASH, partSetHeader: { total: 1, hash: HASH } },
    signatures: flags.map((flag, i) =>
      flag === FLAG_ABSENT
        ? ABSENT
        : {
            blockIdFlag: flag as typeof FLAG_COMMIT,
            validatorAddress: toySha256(validators[i]!.consensusKey).slice(0, 20),
            timestamp: { seconds: 5n, nanos: i },
            signature: new Uint8Array(64),
          },
    ),
  };
  const signatures = unsigned.signatures.map((each, i) => {
    if (each.blockIdFlag === FLAG_ABSENT) return each;
    const message = cometVoteSignBytes("test-00", unsigned, i);
    return { ...each, signature: toySignature(validators[i]!.consensusKey, message) };
  });
  return { ...unsigned, signatures };
}

const powers = fc.bigInt({ min: 1n, max: 1n << 50n });
const votes = fc.array(fc.tuple(powers, fc.constantFrom(FLAG_ABSENT, FLAG_COMMIT, FLAG_NIL)), {
  minLength: 1,
  maxLength: 8,
});

test("over two thirds of the power decide, and votes for no block count for nothing", () => {
  fc.assert(
    fc.property(votes, (entries) => {
      const validators = makeValidators(entries.map(([power]) => power));
      const flags = entries.map(([, flag]) => flag);
      const sum = (wanted: (flag: number) => boolean) =>
        entries.reduce((total, [power, flag]) => (wanted(flag) ? total + power : total), 0n);
      const isQuorum = 3n * sum((flag) => flag === FLAG_COMMIT) > 2n * sum(() => true);
      const commit = commitBy(validators, flags);
      const verify = () =>
        verifyCometCommit(verifier, { chainId: "test-00", height: 9n }, HASH, commit, validators);
      if (isQuorum) verify();
      else assert.throws(verify, { code: "certificate.quorum" });
    }),
  );
});

test("a third of a known set is counted by key, each validator once, wherever it stands", () => {
  const known = makeValidators([10n, 10n, 10n]);
  const strangers = makeValidators([1n, 1n, 1n, 1n, 1n, 1n]).slice(3);
  const hasThird = (validators: typeof known, flags: readonly number[]) =>
    hasThirdOf(known, commitBy(validators, flags), validators);
  const [first, second] = known as [(typeof known)[number], (typeof known)[number]];
  assert.equal(hasThird([...strangers, first, second], [2, 2, 2, 2, 2]), true);
  assert.equal(hasThird([...strangers, second], [2, 2, 2, 2]), false, "exactly a third");
  assert.equal(hasThird([first, second], [FLAG_COMMIT, FLAG_NIL]), false);
  assert.equal(hasThird([first, second], [FLAG_COMMIT, FLAG_ABSENT]), false);
  assert.equal(hasThird([first, first, first], [2, 2, 2]), false, "named thrice");
  assert.equal(hasThird([{ ...first, power: 1000n }, ...strangers], [2, 2, 2, 2]), false, "power of its own");
});
