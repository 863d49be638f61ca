import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes, equalBytes, toHex } from "../bytes.ts";
import { encodeCbor } from "../codec/cbor.ts";
import { decode, encode } from "../codec/definition.ts";
import type { SignatureCheck } from "../crypto.ts";
import {
  type Certificate,
  CHANGE_VIEW,
  COMMIT,
  certificate,
  changeViewSignBytes,
  commitSignBytes,
  decodeSignBytes,
  isCommitQuorum,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  RECOVERY_REQUEST,
  type SignedContent,
  verifyCertificate,
  voteSignBytes,
} from "./certificate.ts";
import { type Evidence, evidence, verifyEvidence } from "./evidence.ts";

const SCOPE = { chainId: "test-00", epoch: 1, height: 9 };
const HASH = new Uint8Array(32).fill(7);
const OTHER = new Uint8Array(32).fill(8);

/** A signature that shows what it signs: key and a sum of the message, spread over 64 bytes. */
function sign(key: Uint8Array, message: Uint8Array): Uint8Array {
  const out = new Uint8Array(64);
  for (const [i, byte] of concatBytes(key, message).entries()) out[i % 64]! ^= (byte + i) & 0xff;
  return out;
}
const verifier = {
  verifyBatch: (checks: readonly SignatureCheck[]) =>
    checks.map(({ publicKey, message, signature }) => equalBytes(sign(publicKey, message), signature)),
};

function makeValidators(powers: readonly bigint[]) {
  return powers.map((power, i) => ({ consensusKey: new Uint8Array(32).fill(i + 1), power }));
}
const FOUR = makeValidators([1n, 1n, 1n, 1n]);

function certify(validators: typeof FOUR, signers: readonly number[], view = 2): Certificate {
  const message = commitSignBytes(SCOPE.chainId, SCOPE.epoch, SCOPE.height, view, HASH);
  return {
    view,
    signatures: signers.map((validatorIndex) => ({
      validatorIndex,
      signature: sign(validators[validatorIndex]?.consensusKey ?? HASH, message),
    })),
  };
}

test("sign bytes are the stated CBOR array", () => {
  assert.equal(
    toHex(commitSignBytes("c-1", 0, 5, 2, HASH)),
    `87${"6b4c48472d644246542d7631"}${"63632d31"}00050203${"5820"}${toHex(HASH)}`,
  );
  assert.equal(
    toHex(changeViewSignBytes({ chainId: "c-1", epoch: 0, height: 5 }, 2, null)),
    "886b4c48472d644246542d763163632d3100050204f6f6",
  );
});

const signedContent: fc.Arbitrary<SignedContent> = (() => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const view = fc.nat(0xffffffff);
  const plain = { noNullPrototype: true } as const;
  const scope = fc.record(
    {
      chainId: fc.stringMatching(/^[a-z][a-z0-9-]{0,49}$/),
      epoch: fc.maxSafeNat(),
      height: fc.maxSafeNat(),
    },
    plain,
  );
  const type = fc.constantFrom(PREPARE_REQUEST, PREPARE_RESPONSE, COMMIT);
  const prepared = fc.option(fc.record({ view, blockHash: hash }, plain));
  return fc.oneof(
    fc.record({ type, scope, view, blockHash: hash }, plain),
    fc.record({ type: fc.constant(RECOVERY_REQUEST), scope, view, blockHash: fc.option(hash) }, plain),
    fc.record({ type: fc.constant(CHANGE_VIEW), scope, view, prepared }, plain),
  );
})();

function signBytesOf(content: SignedContent): Uint8Array {
  return content.type === CHANGE_VIEW
    ? changeViewSignBytes(content.scope, content.view, content.prepared)
    : voteSignBytes(content.scope, content.view, content.type, content.blockHash);
}

test("signed bytes are read back, and one changed bit is refused or means something else", () => {
  fc.assert(
    fc.property(signedContent, fc.nat(), fc.nat(7), (content, at, bit) => {
      const encoded = signBytesOf(content);
      assert.ok(encoded.length <= 130);
      assert.deepEqual(decodeSignBytes(encoded), content);
      const bent = encoded.slice();
      bent[at % bent.length]! ^= 1 << bit;
      let read: SignedContent;
      try {
        read = decodeSignBytes(bent);
      } catch (error) {
        assert.match((error as { code: string }).code, /^(cbor|value|text)\./);
        return;
      }
      assert.deepEqual(signBytesOf(read), bent);
    }),
  );
});

test("what no validator signs is not read", () => {
  const refuse = (value: Parameters<typeof encodeCbor>[0], code: string, field: string) =>
    assert.throws(() => decodeSignBytes(encodeCbor(value)), { code, field });
  const scope = ["test-00", 1, 9] as const;
  refuse(["LHG-dBFT-v2", ...scope, 0, COMMIT, HASH], "value.domain", "signBytes.domain");
  refuse(["LHG-dBFT-v1", ...scope, 0, 6, HASH], "value.range", "signBytes.type");
  refuse(["LHG-dBFT-v1", ...scope, 0, CHANGE_VIEW, HASH], "value.range", "signBytes.type");
  refuse(["LHG-dBFT-v1", ...scope, 0, COMMIT, HASH, null], "value.range", "signBytes.type");
  refuse(["LHG-dBFT-v1", ...scope, 0, COMMIT, null], "value.missing", "signBytes.blockHash");
  refuse(["LHG-dBFT-v1", ...scope, 0, CHANGE_VIEW, HASH, null], "value.missing", "signBytes.preparedView");
  refuse(["LHG-dBFT-v1", ...scope, 0, CHANGE_VIEW, null, 0], "value.missing", "signBytes.preparedView");
  refuse(["LHG-dBFT-v1", "Test 00", 1, 9, 0, COMMIT, HASH], "value.pattern", "signBytes.chainId");
  refuse([], "value.count", "signBytes");
});

test("a quorum of commits finalises, whoever signs", () => {
  verifyCertificate(verifier, SCOPE, HASH, certify(FOUR, [0, 1, 2]), FOUR);
  verifyCertificate(verifier, SCOPE, HASH, certify(FOUR, [1, 2, 3]), FOUR);
  verifyCertificate(verifier, SCOPE, HASH, certify(FOUR, [0, 1, 2, 3]), FOUR);
});

test("every other certificate is refused with its reason", () => {
  const refuse = (subject: Certificate, code: string, validators = FOUR, hash = HASH, scope = SCOPE) =>
    assert.throws(() => verifyCertificate(verifier, scope, hash, subject, validators), { code });
  refuse(certify(FOUR, [0, 1]), "certificate.quorum");
  refuse(certify(FOUR, [0, 1, 1]), "certificate.order");
  refuse(certify(FOUR, [0, 2, 1]), "certificate.order");
  refuse(certify(FOUR, [0, 1, 4]), "certificate.unknown-validator");
  refuse(certify(FOUR, [0, 1, 2]), "certificate.signature", FOUR, OTHER);
  refuse({ ...certify(FOUR, [0, 1, 2]), view: 3 }, "certificate.signature");
  for (const scope of [
    { ...SCOPE, height: 10 },
    { ...SCOPE, epoch: 2 },
    { ...SCOPE, chainId: "test-01" },
  ])
    refuse(certify(FOUR, [0, 1, 2]), "certificate.signature", FOUR, HASH, scope);
  const weighted = makeValidators([10n, 1n, 1n, 1n]);
  refuse(certify(weighted, [1, 2, 3]), "certificate.quorum", weighted);
  verifyCertificate(verifier, SCOPE, HASH, certify(weighted, [0, 1, 2]), weighted);
});

test("M of N with equal powers always exceeds two thirds of the power", () => {
  for (let count = 1; count <= 100; count++) {
    const validators = makeValidators(Array.from({ length: count }, () => 5n));
    const quorum = count - Math.floor((count - 1) / 3);
    const signers = [...validators.keys()];
    assert.equal(isCommitQuorum(validators, signers.slice(0, quorum)), true);
    assert.equal(isCommitQuorum(validators, signers.slice(0, quorum - 1)), false);
  }
});

test("certificates survive encoding", () => {
  const signatures = fc
    .uniqueArray(fc.nat(255), { minLength: 1, maxLength: 20 })
    .map((signers) =>
      signers
        .sort((a, b) => a - b)
        .map((validatorIndex) => ({ validatorIndex, signature: new Uint8Array(64).fill(validatorIndex) })),
    );
  fc.assert(
    fc.property(fc.nat(0xffffffff), signatures, (view, entries) => {
      const value = { view, signatures: entries };
      assert.deepEqual(decode(certificate, encode(certificate, value)), value);
    }),
  );
});

function accuse(
  type: number,
  hashes: readonly (Uint8Array | null)[],
  preparedViews = [null, null] as (number | null)[],
) {
  const [first, second] = hashes.map((blockHash, i) => {
    const preparedView = preparedViews[i]!;
    const message =
      type === CHANGE_VIEW
        ? changeViewSignBytes(
            SCOPE,
            3,
            blockHash !== null && preparedView !== null ? { view: preparedView, blockHash } : null,
          )
        : voteSignBytes(SCOPE, 3, type as typeof COMMIT, blockHash);
    return { blockHash, preparedView, signature: sign(FOUR[1]!.consensusKey, message) };
  });
  const { epoch, height } = SCOPE;
  return { epoch, height, view: 3, type, validatorIndex: 1, first, second } as Evidence;
}

test("evidence: two votes that differ at one height, view and type", () => {
  const accept = (subject: Evidence) => {
    verifyEvidence(verifier, SCOPE.chainId, subject, FOUR);
    assert.deepEqual(decode(evidence, encode(evidence, subject)), subject);
  };
  accept(accuse(COMMIT, [HASH, OTHER]));
  accept(accuse(PREPARE_RESPONSE, [OTHER, HASH]));
  accept(accuse(CHANGE_VIEW, [HASH, null], [1, null]));
  accept(accuse(CHANGE_VIEW, [HASH, HASH], [1, 2]));
});

test("evidence that proves nothing is refused", () => {
  const refuse = (subject: Evidence, code: string) =>
    assert.throws(() => verifyEvidence(verifier, SCOPE.chainId, subject, FOUR), { code });
  const sound = accuse(COMMIT, [HASH, OTHER]);
  refuse(accuse(COMMIT, [HASH, HASH]), "evidence.same");
  refuse({ ...sound, validatorIndex: 2 }, "evidence.signature");
  refuse({ ...sound, validatorIndex: 4 }, "evidence.unknown-validator");
  refuse({ ...sound, view: 4 }, "evidence.signature");
  refuse({ ...sound, type: PREPARE_RESPONSE }, "evidence.signature");
  refuse({ ...sound, type: 0 }, "evidence.form");
  refuse({ ...sound, first: { ...sound.first, preparedView: 1 } }, "evidence.form");
  refuse({ ...accuse(CHANGE_VIEW, [HASH, null], [null, null]) }, "evidence.form");
});
