/** A thread that decodes submissions and verifies their signatures. */
import { parentPort } from "node:worker_threads";
import { decode } from "@lhg/protocol/core/codec/definition";
import { toSignatureCheck } from "@lhg/protocol/core/cose";
import { LhgError } from "@lhg/protocol/core/errors";
import { submission } from "@lhg/protocol/core/statement/submission";
import { laneOf, type PreparedStatement, prepareStatement } from "@lhg/protocol/statements";
import { sodiumCrypto } from "../crypto/sodium.ts";
import { serveCalls } from "./rpc.ts";

/** What other threads need to know of a statement without decoding it. */
export interface StatementSummary {
  readonly id: Uint8Array;
  readonly leafHash: Uint8Array;
  readonly kind: PreparedStatement["kind"];
  readonly account: Uint8Array;
  readonly stream: number;
  readonly sequence: number;
  /** Smallest units per gas; 0 for what prepaid credit pays. */
  readonly gasPrice: bigint;
  /** Chain time after which a transaction is void; 0: never. */
  readonly expiryMs: number;
}

export type VerifyVerdict =
  | { readonly ok: true; readonly summary: StatementSummary }
  | { readonly ok: false; readonly code: string; readonly field: string; readonly message: string };

function summarize(statement: PreparedStatement): StatementSummary {
  const { id, leafHash, kind } = statement;
  const isTransaction = statement.kind === "transaction";
  return {
    id,
    leafHash,
    kind,
    ...laneOf(statement),
    gasPrice: isTransaction ? statement.payload.gasPrice : 0n,
    expiryMs: isTransaction ? statement.payload.expiryMs : 0,
  };
}

function verifyOne(bytes: Uint8Array): VerifyVerdict {
  try {
    const statement = prepareStatement(sodiumCrypto, decode(submission, bytes, "submission"));
    if (!sodiumCrypto.verify(toSignatureCheck(statement.sign1)))
      return { ok: false, code: "statement.signature", field: "statement.signature", message: "is wrong" };
    return { ok: true, summary: summarize(statement) };
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    return { ok: false, code: error.code, field: error.field, message: error.message };
  }
}

const methods = {
  verify: (submissions: readonly Uint8Array[]): VerifyVerdict[] => submissions.map(verifyOne),
};
export type VerifyMethods = typeof methods;

if (parentPort !== null)
  serveCalls(parentPort, methods, (error) => {
    setImmediate(() => {
      throw error;
    });
  });
