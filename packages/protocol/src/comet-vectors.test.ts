/** LHG's verification of CometBFT's headers, commits and ways over them against the verdicts of CometBFT's own code (vectors/comet). */
import assert from "node:assert/strict";
import { createPublicKey, hash, type KeyObject, verify as verifySignature } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  cometSigners,
  cometVoteSignBytes,
  decodeCometCommit,
  encodeCometCommit,
  verifyCometCommit,
} from "./core/block/comet-commit.ts";
import {
  decodeCometHeader,
  encodeCometHeader,
  hashCometHeader,
  timeMsOf,
} from "./core/block/comet-header.ts";
import { header as dbftHeader } from "./core/block/header.ts";
import { hashValidators, type Signatory, sortValidators } from "./core/block/validator-set.ts";
import { fromHex, toHex, ZERO32 } from "./core/bytes.ts";
import { decode, encode } from "./core/codec/definition.ts";
import type { Crypto, Zip215Check } from "./core/crypto.ts";
import { LhgError } from "./core/errors.ts";
import {
  type CertifiedHeader,
  certifiedHeader,
  ENGINE_COMETBFT,
  ENGINE_DBFT,
  readLightHeader,
  type Trust,
  verifyCertifiedHeader,
  verifyHeader,
} from "./core/proof/anchor.ts";
import { fakeCrypto } from "./modules/trace/testing.ts";

interface CommitVector {
  readonly name: string;
  readonly height: number;
  readonly blockHash: string;
  readonly validators: readonly { readonly consensusKey: string; readonly power: string }[];
  readonly commit: string;
  readonly signBytes: readonly string[];
  readonly fault: string;
  readonly lightFault: string;
}
interface Vectors {
  readonly chainId: string;
  readonly headers: readonly { readonly name: string; readonly header: string; readonly hash: string }[];
  readonly commits: readonly CommitVector[];
  readonly blocks: Readonly<
    Record<string, Pick<CommitVector, "commit" | "validators"> & { readonly header: string }>
  >;
  readonly ways: readonly {
    readonly name: string;
    readonly way: readonly string[];
    readonly periodMs: number;
    readonly nowMs: number;
    readonly fault: string;
  }[];
}
const vectors: Vectors = JSON.parse(readFileSync(new URL("../vectors/comet.json", import.meta.url), "utf8"));
const { chainId } = vectors;

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(hash("sha256", data, "buffer"));

const imported = new Map<string, KeyObject>();

/** Enough of ZIP-215 for signatures that are right or plainly wrong; its edges are tested where it is implemented. */
function verifyZip215({ publicKey, message, signature }: Zip215Check): boolean {
  const x = Buffer.from(publicKey).toString("base64url");
  const key = imported.get(x) ?? createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  imported.set(x, key);
  return verifySignature(null, message, key, signature);
}
const crypto: Crypto = { ...fakeCrypto(sha256), verifyZip215 };

function setOf(validators: CommitVector["validators"]): Signatory[] {
  return validators.map(({ consensusKey, power }) => ({
    consensusKey: fromHex(consensusKey),
    power: BigInt(power),
  }));
}

function blockNamed(name: string): CertifiedHeader {
  const { header, commit, validators } = vectors.blocks[name]!;
  return {
    engine: ENGINE_COMETBFT,
    header: fromHex(header),
    certificate: fromHex(commit),
    validators: setOf(validators),
  };
}

/** What a call refuses with; undefined where it does not. Anything but LhgError is a failure of the test. */
function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    return error.code;
  }
}

test("headers have their bytes and hashes", () => {
  assert.ok(vectors.headers.length >= 10);
  for (const { name, header, hash: expected } of vectors.headers) {
    const decoded = decodeCometHeader(fromHex(header));
    assert.equal(toHex(encodeCometHeader(decoded)), header, name);
    assert.equal(toHex(hashCometHeader(crypto, decoded)), expected, name);
  }
});

test("times are milliseconds, rounded down on both sides of 1970", () => {
  const timeMs = (name: string) =>
    timeMsOf(decodeCometHeader(fromHex(vectors.headers.find((each) => each.name === name)!.header)));
  assert.equal(timeMs("ordinary"), Date.parse("2025-01-01T00:02:00.123Z"));
  assert.equal(timeMs("before 1970"), -1000);
  assert.equal(timeMs("zero time"), Date.parse("0001-01-01T00:00:00.000Z"));
  assert.equal(timeMs("greatest numbers"), Date.parse("9999-12-31T23:59:59.999Z"));
});

test("a height beyond the safe integers is refused, not rounded", () => {
  const { header } = vectors.headers.find(({ name }) => name === "greatest numbers")!;
  const subject = { engine: ENGINE_COMETBFT, header: fromHex(header) };
  assert.throws(() => readLightHeader(subject), { code: "comet.range", field: "header.height" });
});

test("commits have their bytes and what each vote signs", () => {
  for (const { name, commit, signBytes } of vectors.commits) {
    const decoded = decodeCometCommit(fromHex(commit));
    assert.equal(toHex(encodeCometCommit(decoded)), commit, name);
    const signed = decoded.signatures.map((_, index) => toHex(cometVoteSignBytes(chainId, decoded, index)));
    assert.deepEqual(signed, signBytes, name);
  }
});

test("a commit is accepted where CometBFT's VerifyCommit accepts it", () => {
  const codes = vectors.commits.map(({ name, height, blockHash, commit, validators, fault }) => {
    const verify = () =>
      verifyCometCommit(
        crypto,
        { chainId, height: BigInt(height) },
        fromHex(blockHash),
        decodeCometCommit(fromHex(commit)),
        setOf(validators),
      );
    const code = codeOf(verify);
    assert.equal(code === undefined, fault === "", `${name}: ${code}, but CometBFT says: ${fault}`);
    return code;
  });
  const expected = ["block", "count", "height", "quorum", "signature", "unknown-validator"];
  assert.deepEqual(
    [...new Set(codes.filter((code) => code !== undefined))].sort(),
    expected.map((what) => `certificate.${what}`),
  );
});

/** CometBFT refuses a header of the future itself. Here only what is to be reached over it is refused: the verifier's clock may be wrong. */
const TOLERATED = ["from the future"];

test("a way is accepted where CometBFT's light client accepts it", () => {
  for (const { name, way, periodMs, nowMs, fault } of vectors.ways) {
    const [first, ...rest] = way.map(blockNamed);
    const { validatorsHash, timeMs } = readLightHeader(first!);
    const period = { pinnedAtMs: timeMs, lengthMs: periodMs, nowMs };
    const subject = { transitions: [first!, ...rest.slice(0, -1)], header: rest.at(-1)! };
    const code = codeOf(() => {
      const verified = verifyHeader(crypto, { chainId, validatorsHash, period }, subject);
      if (!verified.isWithinTrust) throw new LhgError("test.lapsed", "is not within trust");
    });
    const isAccepted = fault === "" || TOLERATED.includes(name);
    assert.equal(code === undefined, isAccepted, `${name}: ${code}, but CometBFT says: ${fault}`);
  }
});

const pin = (name: string): Trust => ({
  chainId,
  validatorsHash: readLightHeader(blockNamed(name)).validatorsHash,
});
const follow = (trust: Trust, ...way: readonly string[]) =>
  verifyHeader(crypto, trust, {
    transitions: way.slice(0, -1).map(blockNamed),
    header: blockNamed(way.at(-1)!),
  });

test("a verified header says what both engines' headers say, and its hash", () => {
  const { header, hash: found, isWithinTrust } = follow(pin("1 of a"), "1 of a", "9 of b");
  const decoded = decodeCometHeader(blockNamed("9 of b").header);
  assert.deepEqual(header, {
    chainId,
    height: 9,
    timeMs: Date.parse("2025-01-01T00:09:00.123Z"),
    appHash: decoded.appHash,
    validatorsHash: decoded.validatorsHash,
    nextValidatorsHash: decoded.nextValidatorsHash,
  });
  assert.deepEqual(found, hashCometHeader(crypto, decoded));
  assert.ok(isWithinTrust);
});

test("ways are refused for their reasons", () => {
  const refuse = (code: string, trust: Trust, ...way: readonly string[]) =>
    assert.throws(() => follow(trust, ...way), { code }, way.join(" > "));
  const a = pin("1 of a");
  refuse("header.untrusted", a, "9 of b");
  refuse("header.untrusted", a, "1 of a", "15 of c");
  refuse("header.untrusted", a, "4 of a, then b", "5 of a still");
  refuse("header.order", a, "1 of a", "9 of b", "5 of b");
  refuse("header.order", a, "1 of a", "9 of b", "5 of b, later than 9");
  refuse("header.order", a, "1 of a", "2 of a, earlier than 1");
  refuse("header.order", a, "2 of a", "2 of a, just later than 1");
  refuse("certificate.signature", a, "1 of a", "9 of b, forged");
  refuse("certificate.quorum", a, "1 of a", "4 of a, then b", "9 of b, too few");
  refuse("header.chain", { ...a, chainId: "lhg-vectors-other" }, "1 of a");
  const period = { pinnedAtMs: 0, lengthMs: 1000, nowMs: Date.parse("2025-01-02T00:00:00Z") };
  refuse("header.expired", { ...a, period }, "1 of a", "9 of b");
  // By name the way holds, but nobody knows whether the pinned keys leaked since.
  assert.equal(follow({ ...a, period }, "1 of a", "2 of a").isWithinTrust, false);
});

test("a header given twice, and those before the pinned set, change nothing", () => {
  assert.equal(follow(pin("1 of a"), "1 of a", "2 of a", "2 of a").header.height, 2);
  assert.equal(follow(pin("9 of b"), "30 of a, then new", "9 of b", "15 of c").header.height, 15);
});

/** Two headers that anybody can make; the engine is asked before any signature. */
test("headers of two engines do not vouch for each other", () => {
  const comet = blockNamed("1 of a");
  const { validatorsHash } = readLightHeader(comet);
  const value = {
    chainId,
    protocolVersion: 1,
    height: 2,
    timeMs: 1,
    parent: ZERO32,
    proposer: new Uint8Array(20),
    transactionsRoot: ZERO32,
    appHash: ZERO32,
    resultsHash: ZERO32,
    lastCertificateHash: ZERO32,
    validatorsHash,
    nextValidatorsHash: validatorsHash,
    evidenceHash: ZERO32,
  };
  const dbft = { ...comet, engine: ENGINE_DBFT, header: encode(dbftHeader, value) };
  const trust = { chainId, validatorsHash };
  for (const [transition, header] of [
    [comet, dbft],
    [dbft, comet],
  ] as const)
    assert.throws(() => verifyHeader(crypto, trust, { transitions: [transition], header }), {
      code: "header.engine",
    });
});

test("both engines are known, and no others", () => {
  const known = encode(certifiedHeader, blockNamed("1 of a"));
  assert.deepEqual(decode(certifiedHeader, known), blockNamed("1 of a"));
  assert.equal(known[1], ENGINE_COMETBFT);
  for (const engine of [0, 3]) assert.ok(codeOf(() => decode(certifiedHeader, known.with(1, engine))));
});

test("no byte of a certified header can change", () => {
  for (const name of ["2 of a", "3 of a"]) {
    const good = blockNamed(name);
    verifyCertifiedHeader(crypto, chainId, good);
    for (const part of ["header", "certificate"] as const)
      for (let at = 0; at < good[part].length; at++) {
        const bent = { ...good, [part]: good[part].with(at, good[part][at]! ^ (1 << (at % 8))) };
        const code = codeOf(() => verifyCertifiedHeader(crypto, chainId, bent));
        assert.match(String(code), /^(comet|certificate|header)\./, `${name}: ${part}[${at}]`);
      }
    const strangers = good.validators.map((each) => ({ ...each, power: each.power + 1n }));
    assert.throws(() => verifyCertifiedHeader(crypto, chainId, { ...good, validators: strangers }), {
      code: "header.validators",
    });
  }
});

test("validator sets stand in CometBFT's order and have its hash", () => {
  for (const { validators, header } of Object.values(vectors.blocks)) {
    const set = setOf(validators);
    const operator = new Uint8Array(20);
    const named = set.toReversed().map((each) => ({ ...each, operator }));
    assert.deepEqual(
      sortValidators(crypto, named).map(({ consensusKey }) => toHex(consensusKey)),
      validators.map(({ consensusKey }) => consensusKey),
    );
    assert.deepEqual(hashValidators(crypto, set), decodeCometHeader(fromHex(header)).validatorsHash);
  }
});

test("signers are those who voted for the block", () => {
  assert.equal(cometSigners(decodeCometCommit(blockNamed("1 of a").certificate)).length, 4);
  assert.equal(cometSigners(decodeCometCommit(blockNamed("3 of a").certificate)).length, 3);
});
