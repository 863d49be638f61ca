/** Vectors of encodings: the JSON form and the bytes of every message and record, and bytes that are refused. */
import { fromHex, toHex } from "../../packages/protocol/src/core/bytes.ts";
import { encodeCbor } from "../../packages/protocol/src/core/codec/cbor.ts";
import { type Codec, decode, encode, type Json } from "../../packages/protocol/src/core/codec/definition.ts";
import { LhgError } from "../../packages/protocol/src/core/errors.ts";
import { partitionRecord } from "../../packages/protocol/src/core/state/versioned-state.ts";
import { approval, hashAction } from "../../packages/protocol/src/core/statement/approval.ts";
import { capture } from "../../packages/protocol/src/core/statement/capture.ts";
import { submission } from "../../packages/protocol/src/core/statement/submission.ts";
import { historyLeaf } from "../../packages/protocol/src/history.ts";
import { message, transaction } from "../../packages/protocol/src/ledger.ts";
import { collection } from "../../packages/protocol/src/modules/collection/messages.ts";
import { membershipLeaf } from "../../packages/protocol/src/modules/groups/groups.ts";
import { traceLeaf } from "../../packages/protocol/src/modules/trace/messages.ts";
import { acme, alice, bob, crypto } from "./actors.ts";
import { captures } from "./captures.ts";
import { collections } from "./collections.ts";
import { CHAIN_ID, GENESIS_MS } from "./genesis.ts";
import { actions, messages } from "./messages.ts";

function encoded<T>(name: string, codec: Codec<T>, value: T): Json {
  return { name, json: codec.toJson(value), cbor: toHex(encode(codec, value, name)) };
}

const hash = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

const APPROVAL = { chainId: CHAIN_ID, actionHash: hash(0x11), expiryMs: GENESIS_MS };

/** `value` after its version as CBOR hex, where it stands in for the expiry of an approval. */
function approvalWith(expiryHex: string): string {
  const whole = toHex(encode(approval, APPROVAL));
  const own = toHex(encodeCbor(GENESIS_MS));
  return whole.slice(0, whole.length - own.length) + expiryHex;
}

function refused(name: string, cbor: string): Json {
  try {
    decode(approval, fromHex(cbor), "approval");
  } catch (error) {
    if (error instanceof LhgError) return { name, cbor, code: error.code, field: error.field };
    throw error;
  }
  throw new Error(`${name} is accepted`);
}

export function makeCodecVectors(): Json {
  const valid = approvalWith(toHex(encodeCbor(GENESIS_MS)));
  return {
    description:
      "Encodings: JSON form and CBOR of one message of every type and of records; approvals that are refused.",
    messages: Object.values(messages).map((value) => encoded(value.type, message, value)),
    records: [
      encoded("transaction", transaction, {
        chainId: CHAIN_ID,
        sender: alice.address,
        payer: bob.address,
        nonce: 300,
        gasLimit: 70_000,
        gasPrice: 18_446_744_073_709_551_615n,
        expiryMs: GENESIS_MS + 600_000,
        messages: [messages["token.transfer"], messages["chain.tick"]],
      }),
      encoded("collection", collection, collections.second.payload),
      encoded("capture", capture, captures.made.payload),
      encoded("submission", submission, captures.observed.submission),
      encoded("approval", approval, APPROVAL),
      encoded("partitionRecord", partitionRecord, {
        mapRoot: hash(1),
        size: 0x1_0000_0000,
        outcomesRoot: hash(2),
        statementsRoot: hash(3),
      }),
      encoded("historyLeaf", historyLeaf, { height: 24, timeMs: GENESIS_MS, previousAppHash: hash(4) }),
      encoded("membershipLeaf", membershipLeaf, {
        height: 7,
        vendor: acme.address,
        from: null,
        to: 0,
        reason: "genesis",
      }),
      encoded("traceLeaf", traceLeaf, {
        event: { capture: hash(5), index: 0 },
        sliceHash: hash(6),
        statementLeafHash: hash(7),
        captor: acme.address,
        role: 1,
        flags: 2,
        height: 4,
        timeMs: GENESIS_MS,
      }),
    ],
    actions: Object.values(actions).map(({ action, body }) => ({
      action,
      preimage: toHex(encodeCbor(["LHG-action", CHAIN_ID, action, body])),
      hash: toHex(hashAction(crypto, CHAIN_ID, action, body)),
    })),
    refusedApprovals: [
      refused("longer head than needed", approvalWith("1817")),
      refused("integer in eight bytes that fits four", approvalWith("1b00000000ffffffff")),
      refused("beyond 2^53 - 1", approvalWith("1b0020000000000000")),
      refused("negative", approvalWith("20")),
      refused("float", approvalWith("f90000")),
      refused("text for a number", approvalWith("6130")),
      refused("null", approvalWith("f6")),
      refused("undefined", approvalWith("f7")),
      refused("reserved head", approvalWith("1c")),
      refused("nothing", ""),
      refused("cut", valid.slice(0, -2)),
      refused("bytes follow", `${valid}00`),
      refused("array of indefinite length", `9f${valid.slice(2)}ff`),
      refused("one element more", `85${valid.slice(2)}00`),
      refused("version 2", `8402${valid.slice(4)}`),
      refused("hash of 31 bytes", valid.replace(`5820${"11".repeat(32)}`, `581f${"11".repeat(31)}`)),
      refused("chain id in capitals", valid.replace("6c68672d", "4c68672d")),
      refused("malformed UTF-8", valid.replace("6c68672d", "6c68ff2d")),
    ],
  };
}
