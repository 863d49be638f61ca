/**
 * COSE_Sign1 (RFC 9052 section 4.2) as the one form of everything signed: a mandatory `typ` (RFC 9596), the
 * public key as `kid`, both in the protected header, and an empty unprotected one.
 */
import { concatBytes } from "./bytes.ts";
import { type CborMap, type CborValue, decodeCbor, decodeForeignCbor } from "./codec/cbor.ts";
import { CborReader } from "./codec/cbor-reader.ts";
import { CborWriter } from "./codec/cbor-writer.ts";
import {
  ALG_EDDSA,
  ALG_ES256,
  ALG_ES256K,
  type Algorithm,
  type Hasher,
  type PublicKey,
  publicKeyLength,
  type SignatureCheck,
} from "./crypto.ts";
import { LhgError } from "./errors.ts";

const SIGN1_TAG = 18;
const HEADER_ALG = 1;
const HEADER_KID = 4;
const HEADER_TYP = 16;
const SIGNATURE_BYTES = 64;

/** Hard cap of one statement; parameters on chain set lower ones. */
export const MAX_STATEMENT_BYTES = 1 << 20;

/** Media subtypes of what LHG signs. A document of one kind can never stand in for another. */
export const STATEMENT_TYPES = {
  transaction: "lhg-transaction+cbor",
  collection: "lhg-collection+cbor",
  capture: "lhg-capture+cbor",
  approval: "lhg-approval+cbor",
} as const;
export type StatementKind = keyof typeof STATEMENT_TYPES;

const KIND_BY_TYPE: ReadonlyMap<string, StatementKind> = new Map(
  (Object.keys(STATEMENT_TYPES) as StatementKind[]).map((kind) => [STATEMENT_TYPES[kind], kind]),
);

/** A decoded COSE_Sign1 of LHG; every byte string is a view into `bytes`. */
export interface Sign1 {
  readonly bytes: Uint8Array;
  readonly kind: StatementKind;
  readonly key: PublicKey;
  readonly protectedBytes: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Whatever can sign: a key in memory, a secure element, a remote signer. */
export interface Signer {
  readonly publicKey: PublicKey;
  /** Returns the 64-byte signature; ECDSA with low S. */
  sign(message: Uint8Array): Uint8Array;
}

function writeProtected(kind: StatementKind, key: PublicKey): Uint8Array {
  const writer = new CborWriter();
  writer.writeMapHeader(3);
  writer.writeInt(HEADER_ALG);
  writer.writeInt(key.alg);
  writer.writeInt(HEADER_KID);
  writer.writeBytes(key.bytes);
  writer.writeInt(HEADER_TYP);
  writer.writeText(STATEMENT_TYPES[kind]);
  return writer.finish();
}

/** Sig_structure of RFC 9052 section 4.4: the bytes that are signed. */
export function signatureStructure(
  protectedBytes: Uint8Array,
  externalAad: Uint8Array,
  payload: Uint8Array,
): Uint8Array {
  const writer = new CborWriter();
  writer.writeArrayHeader(4);
  writer.writeText("Signature1");
  writer.writeBytes(protectedBytes);
  writer.writeBytes(externalAad);
  writer.writeBytes(payload);
  return writer.finish();
}

const NO_AAD = new Uint8Array(0);

function toBeSigned(statement: Pick<Sign1, "protectedBytes" | "payload">): Uint8Array {
  return signatureStructure(statement.protectedBytes, NO_AAD, statement.payload);
}

/** SHA-256 of the to-be-signed bytes: equal for every signature over the same words. */
export function computeStatementId(
  hasher: Pick<Hasher, "sha256">,
  statement: Pick<Sign1, "protectedBytes" | "payload">,
): Uint8Array {
  return hasher.sha256(toBeSigned(statement));
}

export function toSignatureCheck(statement: Sign1): SignatureCheck {
  return {
    alg: statement.key.alg,
    publicKey: statement.key.bytes,
    message: toBeSigned(statement),
    signature: statement.signature,
  };
}

export function signStatement(signer: Signer, kind: StatementKind, payload: Uint8Array): Uint8Array {
  const protectedBytes = writeProtected(kind, signer.publicKey);
  const signature = signer.sign(signatureStructure(protectedBytes, NO_AAD, payload));
  const writer = new CborWriter();
  writer.writeTag(SIGN1_TAG);
  writer.writeArrayHeader(4);
  writer.writeBytes(protectedBytes);
  writer.writeMapHeader(0);
  writer.writeBytes(payload);
  writer.writeBytes(signature);
  return writer.finish();
}

/**
 * Decodes a statement and checks its form, not its signature. Throws `cbor.*` and `cose.*`; `field` starts
 * with `statement`.
 */
export function decodeSign1(bytes: Uint8Array): Sign1 {
  if (bytes.length > MAX_STATEMENT_BYTES)
    throw new LhgError("cose.oversize", `must be at most ${MAX_STATEMENT_BYTES} bytes`, "statement");
  const reader = new CborReader(bytes);
  reader.path.push("statement");
  if (reader.readTag() !== SIGN1_TAG) reader.fail("cose.tag", "must be tagged as COSE_Sign1 (18)");
  if (reader.readArrayHeader() !== 4) reader.fail("cose.structure", "must be an array of four");
  reader.path.push("protected");
  const protectedBytes = reader.readBytes();
  const { kind, key } = readProtected(protectedBytes);
  reader.path.pop();
  reader.path.push("unprotected");
  if (reader.readMapHeader() !== 0) reader.fail("cose.unprotected", "must be empty");
  reader.path.pop();
  reader.path.push("payload");
  const payload = reader.readBytes();
  reader.path.pop();
  reader.path.push("signature");
  const signature = reader.readBytes();
  if (signature.length !== SIGNATURE_BYTES) reader.fail("cose.signature", `must be ${SIGNATURE_BYTES} bytes`);
  reader.path.pop();
  reader.finish();
  return { bytes, kind, key, protectedBytes, payload, signature };
}

function readProtected(bytes: Uint8Array): { kind: StatementKind; key: PublicKey } {
  const reader = new CborReader(bytes);
  reader.path.push("statement", "protected");
  if (reader.readMapHeader() !== 3) reader.fail("cose.header", "must hold exactly alg, kid and typ");
  const expectLabel = (label: number, name: string): void => {
    if (reader.readInt() !== label) reader.fail("cose.header", `must hold ${name} (${label}) here`);
  };
  expectLabel(HEADER_ALG, "alg");
  const alg = reader.readInt();
  if (!isAlgorithm(alg)) return reader.fail("cose.algorithm", "must be EdDSA, ES256 or ES256K");
  expectLabel(HEADER_KID, "kid");
  const key = reader.readBytes();
  if (key.length !== publicKeyLength(alg)) reader.fail("cose.key", `must be ${publicKeyLength(alg)} bytes`);
  expectLabel(HEADER_TYP, "typ");
  const kind = KIND_BY_TYPE.get(reader.readText());
  if (kind === undefined) return reader.fail("cose.type", "is no kind of LHG statement");
  reader.finish();
  return { kind, key: { alg, bytes: key } };
}

export function isAlgorithm(alg: unknown): alg is Algorithm {
  return alg === ALG_EDDSA || alg === ALG_ES256 || alg === ALG_ES256K;
}

/** A COSE_Sign1 of somebody else's, read leniently and kept byte for byte. */
export interface ForeignSign1 {
  readonly protectedBytes: Uint8Array;
  readonly protectedHeader: CborMap;
  readonly unprotectedHeader: CborMap;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Reads foreign COSE, tagged 18 or untagged. Throws `cose.structure` or `cbor.*`. */
export function decodeForeignSign1(bytes: Uint8Array): ForeignSign1 {
  const value = decodeForeignCbor(bytes);
  const body = isTagged(value) ? (value.tag === SIGN1_TAG ? value.value : undefined) : value;
  if (!Array.isArray(body) || body.length !== 4) throw new LhgError("cose.structure", "is no COSE_Sign1");
  const [protectedBytes, unprotectedHeader, payload, signature] = body as CborValue[];
  if (
    !(protectedBytes instanceof Uint8Array) ||
    !isMap(unprotectedHeader) ||
    !(payload instanceof Uint8Array) ||
    !(signature instanceof Uint8Array)
  )
    throw new LhgError("cose.structure", "is no COSE_Sign1");
  const header = protectedBytes.length === 0 ? { entries: [] } : decodeCbor(protectedBytes);
  if (!isMap(header)) throw new LhgError("cose.structure", "protected header must be a map");
  // RFC 9052 section 3: an empty protected header is signed as a zero-length string, `a0` included.
  const signed = header.entries.length === 0 ? NO_AAD : protectedBytes;
  return { protectedBytes: signed, protectedHeader: header, unprotectedHeader, payload, signature };
}

function isTagged(value: CborValue): value is { tag: number | bigint; value: CborValue } {
  return typeof value === "object" && value !== null && "tag" in value;
}

function isMap(value: CborValue): value is CborMap {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    "entries" in value &&
    !("tag" in value)
  );
}

/** Concatenation used wherever a hash binds a domain tag to bytes. */
export function tagged(tag: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const writer = new CborWriter();
  writer.writeText(tag);
  return concatBytes(writer.finish(), ...parts);
}
