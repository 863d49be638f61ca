/**
 * COSE_Sign1 (RFC 9052) with ES256 and EdDSA (RFC 9053) over the examples of the COSE working group, by every
 * implementation of the crypto port.
 *
 * LHG accepts low-S ECDSA only; the examples know no such rule. A good example with high S therefore passes when it is
 * refused as it stands and accepted after s is flipped; a bad one when it is refused either way.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sodiumCrypto } from "../../packages/node/src/crypto/sodium.ts";
import { concatBytes, equalBytes, fromHex } from "../../packages/protocol/src/core/bytes.ts";
import {
  type CborValue,
  decodeForeignCbor,
  getMapValue,
} from "../../packages/protocol/src/core/codec/cbor.ts";
import {
  decodeForeignSign1,
  isAlgorithm,
  signatureStructure,
} from "../../packages/protocol/src/core/cose.ts";
import {
  ALG_EDDSA,
  ALG_ES256,
  type Algorithm,
  type PublicKey,
  type SignatureCheck,
} from "../../packages/protocol/src/core/crypto.ts";
import { LhgError } from "../../packages/protocol/src/core/errors.ts";
import { nobleCrypto } from "../../packages/sdk/src/crypto/noble.ts";
import { nodeCrypto } from "../../packages/sdk/src/crypto/node.ts";
import { normalizeLowS } from "../../packages/sdk/src/crypto/signature-rule.ts";
import type { ConformanceResult } from "./result.ts";

interface ExampleKey {
  readonly crv: string;
  readonly x?: string;
  readonly y?: string;
  readonly x_hex?: string;
}

interface Signing {
  readonly key: ExampleKey;
  readonly alg?: string;
  readonly protected?: { readonly alg?: string };
  readonly external?: string;
}

/** A file of the working group: `sign0` holds a COSE_Sign1, `sign` a COSE_Sign. */
interface Example {
  readonly fail?: boolean;
  readonly input: { readonly sign0?: Signing; readonly sign?: { readonly signers: readonly [Signing] } };
  readonly intermediates: {
    readonly ToBeSign_hex?: string;
    readonly signers?: readonly [{ readonly ToBeSign_hex: string }];
  };
  readonly output: { readonly cbor: string };
}

type Verdict = { readonly outcome: "passed" | "failed" | "skipped"; readonly note?: string };

const IMPLEMENTATIONS = { sodium: sodiumCrypto, node: nodeCrypto, noble: nobleCrypto };
const SUPPORTED: Readonly<Record<string, Algorithm>> = { ES256: ALG_ES256, EdDSA: ALG_EDDSA };
const HEADER_ALG = 1;
const COSE_SIGN_TAG = 98;
const PASSED: Verdict = { outcome: "passed" };

/** `vectorsDir` holds a folder `cose` with the folders of the working group's repository. */
export async function runCose(vectorsDir: string): Promise<ConformanceResult[]> {
  const folder = join(vectorsDir, "cose");
  return [
    await runFolder("COSE_Sign1 structure (RFC 9052)", join(folder, "sign1-tests")),
    await runFolder("COSE ECDSA (RFC 9053 section 2.1)", join(folder, "ecdsa-examples")),
    await runFolder("COSE EdDSA (RFC 9053 section 2.2)", join(folder, "eddsa-examples")),
  ];
}

async function runFolder(standard: string, folder: string): Promise<ConformanceResult> {
  const result: ConformanceResult = { standard, passed: 0, failed: 0, skipped: 0, notes: [] };
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => name.endsWith(".json")).sort();
  if (files.length === 0) {
    result.skipped = 1;
    result.notes.push(`no cases in ${folder}`);
  }
  for (const file of files) {
    const verdict = runExample(JSON.parse(await readFile(join(folder, file), "utf8")) as Example);
    result[verdict.outcome]++;
    if (verdict.note !== undefined) result.notes.push(`${file}: ${verdict.note}`);
  }
  return result;
}

function runExample(example: Example): Verdict {
  const signing = example.input.sign0 ?? example.input.sign?.signers[0];
  if (signing === undefined) return { outcome: "failed", note: "holds neither sign0 nor sign" };
  const alg = signing.alg ?? signing.protected?.alg ?? "";
  const { crv } = signing.key;
  if (SUPPORTED[alg] === undefined || crv === "Ed448")
    return { outcome: "skipped", note: `${alg} with ${crv} is no algorithm of LHG` };
  if (example.fail === true) return judgeBadExample(example, signing);
  return example.input.sign0 === undefined
    ? judgeCoseSign(example, signing)
    : judgeGoodExample(example, signing);
}

/** Refused by the form, with an error of ours, or by every implementation; any other error ends the run. */
function judgeBadExample(example: Example, signing: Signing): Verdict {
  try {
    const check = toCheck(example, signing);
    const refused = verifyEverywhere(check) === "none" && verifyEverywhere(withLowS(check)) === "none";
    return refused ? PASSED : { outcome: "failed", note: "accepted a bad signature" };
  } catch (error) {
    if (error instanceof LhgError) return PASSED;
    throw error;
  }
}

function judgeGoodExample(example: Example, signing: Signing): Verdict {
  const check = toCheck(example, signing);
  const expected = example.intermediates.ToBeSign_hex;
  if (expected === undefined || !equalBytes(check.message, fromHex(expected)))
    return { outcome: "failed", note: "Sig_structure differs" };
  return judgeGoodSignature(check);
}

function judgeGoodSignature(check: SignatureCheck): Verdict {
  const low = withLowS(check);
  if (verifyEverywhere(low) !== "all") return { outcome: "failed", note: "refused a good signature" };
  if (equalBytes(low.signature, check.signature)) return PASSED;
  return verifyEverywhere(check) === "none"
    ? { outcome: "passed", note: "high S: refused as it stands, accepted after flipping s" }
    : { outcome: "failed", note: "accepted high S" };
}

/** COSE_Sign is no form of LHG: only the signature is checked, over the Signature structure the file gives. */
function judgeCoseSign(example: Example, signing: Signing): Verdict {
  const toBeSigned = example.intermediates.signers?.[0].ToBeSign_hex;
  const signature = readCoseSignSignature(fromHex(example.output.cbor));
  if (toBeSigned === undefined || signature === undefined)
    return { outcome: "failed", note: "is no COSE_Sign with one signer" };
  const { alg, bytes } = toPublicKey(signing.key);
  return judgeGoodSignature({ alg, publicKey: bytes, message: fromHex(toBeSigned), signature });
}

/** [protected, unprotected, payload, [[protected, unprotected, signature]]], RFC 9052 section 4.1. */
function readCoseSignSignature(bytes: Uint8Array): Uint8Array | undefined {
  const value = decodeForeignCbor(bytes) as { tag?: number; value?: CborValue };
  const signers = value.tag === COSE_SIGN_TAG ? at(value.value, 3) : undefined;
  const signature = at(at(signers, 0), 2);
  return signature instanceof Uint8Array ? signature : undefined;
}

function at(value: CborValue, index: number): CborValue {
  return Array.isArray(value) ? (value[index] as CborValue) : undefined;
}

function toCheck(example: Example, signing: Signing): SignatureCheck {
  const sign1 = decodeForeignSign1(fromHex(example.output.cbor));
  const alg =
    getMapValue(sign1.protectedHeader, HEADER_ALG) ?? getMapValue(sign1.unprotectedHeader, HEADER_ALG);
  const key = toPublicKey(signing.key);
  if (!isAlgorithm(alg) || alg !== key.alg)
    throw new LhgError("cose.algorithm", "must be the algorithm of the key", "protected.alg");
  return {
    alg,
    publicKey: key.bytes,
    message: signatureStructure(sign1.protectedBytes, fromHex(signing.external ?? ""), sign1.payload),
    signature: sign1.signature,
  };
}

function toPublicKey(key: ExampleKey): PublicKey {
  if (key.x_hex !== undefined) return { alg: ALG_EDDSA, bytes: fromHex(key.x_hex) };
  const x = Buffer.from(key.x ?? "", "base64url");
  const y = Buffer.from(key.y ?? "", "base64url");
  return { alg: ALG_ES256, bytes: concatBytes(Uint8Array.of(2 + ((y.at(-1) ?? 0) & 1)), x) };
}

function withLowS(check: SignatureCheck): SignatureCheck {
  return { ...check, signature: normalizeLowS(check.alg, check.signature) };
}

/** Which implementations accept: a split among them is neither answer and fails the example. */
function verifyEverywhere(check: SignatureCheck): "all" | "none" | "some" {
  const answers = Object.values(IMPLEMENTATIONS).map((crypto) => crypto.verify(check));
  if (answers.every((answer) => answer)) return "all";
  return answers.some((answer) => answer) ? "some" : "none";
}
