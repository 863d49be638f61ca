import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes, encodeUtf8 } from "./bytes.ts";
import { type CborValue, encodeCbor } from "./codec/cbor.ts";
import {
  computeStatementId,
  decodeForeignSign1,
  decodeSign1,
  MAX_STATEMENT_BYTES,
  type Signer,
  STATEMENT_TYPES,
  type StatementKind,
  signStatement,
  toSignatureCheck,
} from "./cose.ts";
import { ALG_EDDSA, ALG_ES256, ALG_ES256K } from "./crypto.ts";
import { LhgError } from "./errors.ts";

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());
const hasher = { sha256 };

function signerOf(alg: Signer["publicKey"]["alg"], fill = 3): Signer {
  const bytes = new Uint8Array(alg === ALG_EDDSA ? 32 : 33).fill(fill);
  return { publicKey: { alg, bytes }, sign: (message) => concatBytes(sha256(message), sha256(bytes)) };
}
const ED = signerOf(ALG_EDDSA);
const KINDS = Object.keys(STATEMENT_TYPES) as StatementKind[];
const PAYLOAD = encodeCbor([1, "payload"]);

interface Parts {
  readonly tag?: number;
  readonly header?: CborValue;
  readonly unprotected?: CborValue;
  readonly payload?: CborValue;
  readonly signature?: CborValue;
}

const HEADER: readonly (readonly [CborValue, CborValue])[] = [
  [1, ALG_EDDSA],
  [4, new Uint8Array(32).fill(3)],
  [16, STATEMENT_TYPES.transaction],
];

/** A statement written by hand, right but for what is given. */
function write({
  tag = 18,
  header = { entries: HEADER },
  unprotected = { entries: [] },
  payload = PAYLOAD,
  signature = new Uint8Array(64),
}: Parts = {}): Uint8Array {
  const protectedBytes = header instanceof Uint8Array ? header : encodeCbor(header);
  return encodeCbor({ tag, value: [protectedBytes, unprotected, payload, signature] });
}

/** The header with one entry in the place of another. */
const withEntry = (at: number, entry: readonly [CborValue, CborValue]): CborValue => ({
  entries: HEADER.map((held, i) => (i === at ? entry : held)),
});

function refuse(bytes: Uint8Array, code: string, field: string): void {
  assert.throws(
    () => decodeSign1(bytes),
    (error: LhgError) => {
      assert.deepEqual([error.code, error.field], [code, field]);
      return true;
    },
  );
}

test("every kind under every algorithm is read back as it was signed", () => {
  for (const kind of KINDS)
    for (const alg of [ALG_EDDSA, ALG_ES256, ALG_ES256K] as const) {
      const signer = signerOf(alg);
      const read = decodeSign1(signStatement(signer, kind, PAYLOAD));
      assert.equal(read.kind, kind);
      assert.deepEqual(read.key, signer.publicKey);
      assert.deepEqual(read.payload, PAYLOAD);
      const check = toSignatureCheck(read);
      assert.deepEqual(check.signature, signer.sign(check.message));
    }
  assert.deepEqual(decodeSign1(write()).key.bytes, ED.publicKey.bytes);
});

test("the id depends on kind, key and payload, and not on the signature", () => {
  const idOf = (bytes: Uint8Array): string => computeStatementId(hasher, decodeSign1(bytes)).join();
  const ids = new Set<string>();
  for (const kind of KINDS)
    for (const signer of [ED, signerOf(ALG_EDDSA, 4), signerOf(ALG_ES256)])
      for (const payload of [PAYLOAD, encodeCbor([1, "payloae"])])
        ids.add(idOf(signStatement(signer, kind, payload)));
  assert.equal(ids.size, KINDS.length * 3 * 2);
  const one = write({ signature: new Uint8Array(64).fill(1) });
  assert.equal(idOf(one), idOf(write()));
  assert.notDeepEqual(one, write());
});

test("whatever else is in a statement is refused with its place", () => {
  refuse(write({ tag: 98 }), "cose.tag", "statement");
  refuse(encodeCbor([1]), "cbor.type", "statement");
  refuse(encodeCbor({ tag: 18, value: [PAYLOAD] }), "cose.structure", "statement");
  refuse(write({ unprotected: { entries: [[4, PAYLOAD]] } }), "cose.unprotected", "statement.unprotected");
  refuse(write({ unprotected: [] }), "cbor.type", "statement.unprotected");
  refuse(write({ payload: null }), "cbor.type", "statement.payload");
  refuse(write({ signature: new Uint8Array(63) }), "cose.signature", "statement.signature");
  refuse(write({ signature: new Uint8Array(0) }), "cose.signature", "statement.signature");
  refuse(concatBytes(write(), Uint8Array.of(0)), "cbor.trailing", "statement");
  refuse(new Uint8Array(0), "cbor.truncated", "statement");
  refuse(new Uint8Array(MAX_STATEMENT_BYTES + 1), "cose.oversize", "statement");
});

test("the protected header holds algorithm, key and type, and nothing else", () => {
  const place = "statement.protected";
  const refuseHeader = (header: CborValue, code: string): void => refuse(write({ header }), code, place);
  refuseHeader({ entries: [] }, "cose.header");
  refuseHeader({ entries: HEADER.slice(0, 2) }, "cose.header");
  refuseHeader({ entries: [...HEADER, [17, 0]] }, "cose.header");
  refuseHeader(withEntry(0, [2, [16]]), "cose.header"); // crit
  refuseHeader(withEntry(1, [5, new Uint8Array(32)]), "cose.header");
  refuseHeader(withEntry(2, [3, STATEMENT_TYPES.transaction]), "cose.header");
  for (const alg of [-19, -36, -35, -48, 5, 0, -65535])
    refuseHeader(withEntry(0, [1, alg]), "cose.algorithm");
  refuseHeader(withEntry(0, [1, "EdDSA"]), "cbor.type");
  refuseHeader(withEntry(0, [1, ALG_ES256]), "cose.key");
  refuseHeader(withEntry(1, [4, new Uint8Array(33)]), "cose.key");
  for (const typ of ["", "application/lhg-transaction+cbor", "lhg-transaction", "LHG-transaction+cbor"])
    refuseHeader(withEntry(2, [16, typ]), "cose.type");
  refuseHeader(withEntry(2, [16, 61]), "cbor.type");
  refuse(write({ header: new Uint8Array(0) }), "cbor.truncated", place);
  refuse(
    write({ header: concatBytes(encodeCbor({ entries: HEADER }), Uint8Array.of(0)) }),
    "cbor.trailing",
    place,
  );
});

test("a document of one kind is never another, whatever its payload", () => {
  for (const kind of KINDS)
    for (const other of KINDS) {
      const read = decodeSign1(signStatement(ED, kind, PAYLOAD));
      const posed = decodeSign1(signStatement(ED, other, PAYLOAD));
      const isSame = Buffer.compare(toSignatureCheck(read).message, toSignatureCheck(posed).message) === 0;
      assert.equal(isSame, kind === other);
    }
});

test("no other bytes decode to the same statement", () => {
  const valid = signStatement(ED, "collection", PAYLOAD);
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = valid.slice();
      changed[at]! ^= flip;
      try {
        const read = decodeSign1(changed);
        assert.notDeepEqual(
          [read.kind, read.key, read.payload, read.signature],
          [...Object.values({ kind: "collection", key: ED.publicKey, payload: PAYLOAD }), valid.slice(-64)],
        );
      } catch (error) {
        assert.ok(error instanceof LhgError);
      }
    }),
  );
});

test("truncated anywhere it is refused", () => {
  const valid = signStatement(ED, "capture", PAYLOAD);
  for (let length = 0; length < valid.length; length++)
    assert.throws(() => decodeSign1(valid.subarray(0, length)), LhgError);
});

test("foreign COSE is read leniently and keeps its bytes; what is none is refused", () => {
  const foreign = encodeCbor([
    encodeCbor({ entries: [[1, -7]] }),
    { entries: [[4, encodeUtf8("key")]] },
    PAYLOAD,
    new Uint8Array(10),
  ]);
  const read = decodeForeignSign1(foreign);
  assert.deepEqual(read.payload, PAYLOAD);
  assert.deepEqual(read.unprotectedHeader.entries.length, 1);
  assert.deepEqual(decodeForeignSign1(write()).protectedHeader.entries.length, 3);
  const empty = encodeCbor([Uint8Array.of(0xa0), { entries: [] }, PAYLOAD, PAYLOAD]);
  assert.equal(decodeForeignSign1(empty).protectedBytes.length, 0);
  for (const bytes of [
    encodeCbor([]),
    encodeCbor({ tag: 98, value: [] }),
    write({ payload: null }),
    write({ unprotected: [] }),
    write({ header: encodeCbor([]) }),
    encodeCbor(["a", { entries: [] }, PAYLOAD, PAYLOAD]),
  ])
    assert.throws(() => decodeForeignSign1(bytes), { code: "cose.structure" });
});
