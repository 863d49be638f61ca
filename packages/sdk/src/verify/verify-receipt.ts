/** Receipts, checked offline and put into words. */
import { algorithmName } from "@lhg/protocol/core/account";
import { toHex } from "@lhg/protocol/core/bytes";
import type { StatementKind } from "@lhg/protocol/core/cose";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Trust } from "@lhg/protocol/core/proof/anchor";
import { type VerifiedReceipt, verifyReceipt as verifyReceiptProof } from "@lhg/protocol/core/proof/receipt";
import { statusName } from "@lhg/protocol/core/status";
import { verifyHistoryProof } from "@lhg/protocol/history";
import { nobleCrypto } from "../crypto/noble.ts";
import { describeEvent, type EventClaims } from "./event-claims.ts";
import { describeStatement } from "./statement-claims.ts";
import {
  describeAnchor,
  type Finding,
  formatTime,
  judge,
  type Proven,
  type Refused,
  readAnchor,
} from "./verdict.ts";

export interface ReceiptVerdict extends Proven {
  readonly kind: StatementKind;
  /** Hex. */
  readonly statementId: string;
  /** Account, device or vendor that acted, in hex; the chain held the key for it when it admitted the statement. */
  readonly by: string;
  readonly key: { readonly alg: string; readonly publicKey: string };
  /** `ok`, or the name of the reason for which it had no effect. */
  readonly status: string;
  readonly succeeded: boolean;
  readonly gasUsed: number;
  /** The opened event, where the receipt opens one. */
  readonly event?: EventClaims;
}

/**
 * Verifies an archived receipt by a history proof (`getHistoryProof` of the receipt's height) under validators trusted
 * today: its own header's signatures do not count. Never throws.
 */
export function verifyRefreshedReceipt(
  receipt: Uint8Array,
  history: Uint8Array,
  trust: Trust,
  crypto: Crypto = nobleCrypto,
): ReceiptVerdict | Refused {
  return judge(() => {
    const confirmed = verifyHistoryProof(crypto, trust, history);
    return describeReceipt(verifyReceiptProof(crypto, trust, receipt, confirmed), crypto);
  });
}

/** Never throws: what is wrong stands in the verdict, with code and field. */
export function verifyReceipt(
  receipt: Uint8Array,
  trust: Trust,
  crypto: Crypto = nobleCrypto,
): ReceiptVerdict | Refused {
  return judge(() => describeReceipt(verifyReceiptProof(crypto, trust, receipt), crypto));
}

function describeReceipt(verified: VerifiedReceipt, crypto: Crypto): ReceiptVerdict {
  const { statement, outcome, anchor } = verified;
  const base = describeAnchor(readAnchor(anchor));
  const status = statusName(outcome.status);
  const { by, claimed } = describeStatement(statement);
  const event = verified.event === undefined ? undefined : describeOrNone(verified.event, crypto);
  const succeeded = outcome.status === 0;
  return {
    ...base,
    kind: statement.kind,
    statementId: toHex(verified.id),
    by,
    key: { alg: algorithmName(statement.key.alg), publicKey: toHex(statement.key.bytes) },
    status,
    succeeded,
    gasUsed: outcome.gasUsed,
    ...(event === undefined ? {} : { event }),
    proven: listProven(verified, by, status),
    claimed: event === undefined ? claimed : [...claimed, ...listEventClaims(event, by)],
    problems: succeeded
      ? base.problems
      : [
          ...base.problems,
          { what: "statement.failed", text: `It was recorded and had no effect: ${status}.` },
        ],
  };
}

/** The ledger recorded a document that it could not read with a status of its own, so it is no fault of the receipt. */
function describeOrNone(
  opened: NonNullable<VerifiedReceipt["event"]>,
  crypto: Crypto,
): EventClaims | undefined {
  try {
    return describeEvent(opened, crypto);
  } catch (error) {
    if (error instanceof LhgError) return undefined;
    throw error;
  }
}

function listProven(verified: VerifiedReceipt, by: string, status: string): Finding[] {
  const { header } = verified.anchor;
  const when = formatTime(header.timeMs);
  const proven: Finding[] = [
    {
      what: "statement.signed",
      text: `The ${verified.statement.kind} was signed with a key that the chain held for ${by}.`,
    },
    {
      what: "statement.recorded",
      text: `It is on chain ${header.chainId}, recorded before ${when}, and its outcome is ${status}.`,
    },
    {
      what: "header.final",
      text: `More than two thirds of the validators signed header ${header.height}, on which the proof hangs.`,
    },
  ];
  if (verified.event !== undefined)
    proven.push({
      what: "event.included",
      text: `Event ${verified.event.index} is part of the captured document, byte for byte.`,
    });
  return proven;
}

function listEventClaims(event: EventClaims, by: string): Finding[] {
  const items = event.items.map(({ identity, role }) => `${identity} (${role})`).join(", ");
  const step = event.bizStep === null ? "" : `, ${event.bizStep}`;
  const place = event.readPoint === null ? "" : ` at ${event.readPoint}`;
  return [
    {
      what: "event.content",
      text: `${event.type}${event.action === null ? "" : ` ${event.action}`}${step} of ${items || "no item"}${place}, at ${event.eventTime}.`,
      by,
    },
    ...(event.gateway === undefined
      ? []
      : [
          {
            what: "event.gateway",
            text: `Recorded by the gateway ${JSON.stringify(event.gateway)} for a device that does not sign: what the device measured is the gateway's word.`,
            by,
          },
        ]),
  ];
}
