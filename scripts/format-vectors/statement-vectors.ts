/** Vectors of what is signed: addresses, COSE_Sign1 of every kind under every algorithm, and bytes that are refused. */
import { moduleAddress } from "../../packages/protocol/src/core/account.ts";
import { concatBytes, fromHex, toHex } from "../../packages/protocol/src/core/bytes.ts";
import { encodeCbor } from "../../packages/protocol/src/core/codec/cbor.ts";
import { encode, type Json } from "../../packages/protocol/src/core/codec/definition.ts";
import {
  computeStatementId,
  decodeSign1,
  type StatementKind,
  signStatement,
  toSignatureCheck,
} from "../../packages/protocol/src/core/cose.ts";
import { LhgError } from "../../packages/protocol/src/core/errors.ts";
import { hashLeaf } from "../../packages/protocol/src/core/merkle/log.ts";
import { approval } from "../../packages/protocol/src/core/statement/approval.ts";
import { type Actor, actors, alice, bob, carol, crypto } from "./actors.ts";
import { captures } from "./captures.ts";
import { blocks } from "./chain.ts";
import { collections } from "./collections.ts";
import { CHAIN_ID, GENESIS_MS } from "./genesis.ts";

export function makeAddressVectors(): Json {
  return {
    description: "Keys and the addresses derived from them; addresses of modules.",
    keys: actors.map(({ name, alg, key, address }) => ({
      name,
      alg,
      secret: toHex(key.secret),
      publicKey: toHex(key.publicKey),
      address: toHex(address),
    })),
    modules: ["fees", "treasury"].map((name) => ({ name, address: toHex(moduleAddress(name)) })),
  };
}

const PAYLOAD = encode(approval, {
  chainId: CHAIN_ID,
  actionHash: new Uint8Array(32).fill(0x11),
  expiryMs: GENESIS_MS,
});

function describe(name: string, statement: Uint8Array): Json {
  const sign1 = decodeSign1(statement);
  const { kind, key, protectedBytes, payload, signature } = sign1;
  return {
    name,
    kind,
    publicKey: toHex(key.bytes),
    protected: toHex(protectedBytes),
    payload: toHex(payload),
    toBeSigned: toHex(toSignatureCheck(sign1).message),
    signature: toHex(signature),
    statement: toHex(statement),
    id: toHex(computeStatementId(crypto, sign1)),
    leafHash: toHex(hashLeaf(crypto, statement)),
  };
}

interface Parts {
  readonly head: string;
  readonly protectedBytes: Uint8Array;
  readonly unprotected: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

function assemble({ head, protectedBytes, unprotected, payload, signature }: Parts): Uint8Array {
  return concatBytes(
    fromHex(head),
    encodeCbor(protectedBytes),
    fromHex(unprotected),
    encodeCbor(payload),
    encodeCbor(signature),
  );
}

const protectedHeader = (alg: number, kid: Uint8Array, typ: string): Uint8Array =>
  encodeCbor({
    entries: [
      [1, alg],
      [4, kid],
      [16, typ],
    ],
  });

function refused(name: string, signer: Actor, change: Partial<Parts>): Json {
  const { protectedBytes, payload, signature } = decodeSign1(
    signStatement(signer.signer, "approval", PAYLOAD),
  );
  const statement = assemble({
    head: "d284",
    protectedBytes,
    unprotected: "a0",
    payload,
    signature,
    ...change,
  });
  try {
    decodeSign1(statement);
  } catch (error) {
    if (error instanceof LhgError)
      return { name, statement: toHex(statement), code: error.code, field: error.field };
    throw error;
  }
  throw new Error(`${name} is accepted`);
}

export function makeStatementVectors(): Json {
  const kid = alice.key.publicKey;
  const type = "lhg-approval+cbor";
  const signed = (by: Actor, kind: StatementKind): Json =>
    describe(`${kind} by ${by.alg}`, signStatement(by.signer, kind, PAYLOAD));
  return {
    description: "Signed statements, part by part, and COSE_Sign1 that is none of LHG.",
    statements: [
      ...[alice, bob, carol].map((by) => signed(by, "approval")),
      describe("transaction of the chain", blocks[0]![0]!.submission.statement),
      describe("collection of the chain", collections.first.submission.statement),
      describe("capture of the chain", captures.made.submission.statement),
    ],
    refused: [
      refused("without tag", alice, { head: "84" }),
      refused("another tag", alice, { head: "d184" }),
      refused("array of three", alice, { head: "d283" }),
      refused("key in the unprotected header", alice, { unprotected: "a104413a" }),
      refused("typ missing", alice, {
        protectedBytes: encodeCbor({
          entries: [
            [1, -8],
            [4, kid],
          ],
        }),
      }),
      refused("typ of a receipt", alice, { protectedBytes: protectedHeader(-8, kid, "lhg-receipt+cbor") }),
      refused("typ as media type", alice, {
        protectedBytes: protectedHeader(-8, kid, `application/${type}`),
      }),
      refused("unknown algorithm", alice, { protectedBytes: protectedHeader(-35, kid, type) }),
      refused("key of another length", alice, { protectedBytes: protectedHeader(-7, kid, type) }),
      refused("header out of order", alice, {
        protectedBytes: concatBytes(
          fromHex("a3"),
          encodeCbor(4),
          encodeCbor(kid),
          encodeCbor(1),
          encodeCbor(-8),
          encodeCbor(16),
          encodeCbor(type),
        ),
      }),
      refused("signature of 63 bytes", alice, { signature: new Uint8Array(63) }),
    ],
  };
}
