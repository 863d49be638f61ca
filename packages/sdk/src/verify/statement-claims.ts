/** Who made a statement, and what it says that only its maker vouches for. */
import { toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import type { Sign1 } from "@lhg/protocol/core/cose";
import { formatDecimal } from "@lhg/protocol/core/decimal";
import { LhgError } from "@lhg/protocol/core/errors";
import { capture } from "@lhg/protocol/core/statement/capture";
import { transaction } from "@lhg/protocol/ledger";
import { type Collection, collection } from "@lhg/protocol/modules/collection/messages";
import { type ResolvedReading, resolveSenml } from "@lhg/protocol/senml/resolve";
import type { Finding } from "./verdict.ts";

export interface StatementClaims {
  /** Hex of the address that acted. */
  readonly by: string;
  readonly claimed: readonly Finding[];
}

/** Readings that are listed one by one; the statement holds all of them. */
const READINGS_LISTED_MAX = 20;

export function describeStatement(statement: Sign1): StatementClaims {
  switch (statement.kind) {
    case "transaction": {
      const { sender, messages } = decode(transaction, statement.payload, "transaction");
      const by = toHex(sender);
      const asked = messages.map(({ type }) => type).join(", ");
      return { by, claimed: [{ what: "transaction.messages", text: `Asked for: ${asked}.`, by }] };
    }
    case "collection": {
      const body = decode(collection, statement.payload, "collection");
      const by = toHex(body.device);
      return { by, claimed: describeReadings(body, by) };
    }
    case "capture": {
      const { vendor, sizeBytes, contentType } = decode(capture, statement.payload, "capture");
      const by = toHex(vendor);
      const text = `A document of ${sizeBytes} bytes, ${contentType}; what it says is its captor's word.`;
      return { by, claimed: [{ what: "capture.document", text, by }] };
    }
    default:
      throw new LhgError("receipt.statement", `${statement.kind} is no statement of its own`, "statement");
  }
}

function describeReadings(body: Collection, by: string): Finding[] {
  const readings = resolveOrNone(body);
  if (readings === undefined)
    return [{ what: "collection.readings", text: "Readings that do not resolve as SenML.", by }];
  const listed = readings.slice(0, READINGS_LISTED_MAX).map((reading) => ({
    what: "collection.reading",
    text: formatReading(reading),
    by,
  }));
  const more = readings.length - listed.length;
  return more === 0
    ? listed
    : [...listed, { what: "collection.readings", text: `${more} readings more.`, by }];
}

/** The ledger recorded a pack that does not resolve with a status of its own, so it is no fault of the receipt. */
function resolveOrNone(body: Collection): ResolvedReading[] | undefined {
  try {
    return resolveSenml(body.readings);
  } catch (error) {
    if (error instanceof LhgError) return undefined;
    throw error;
  }
}

function formatReading({ name, unit, time, value, sum }: ResolvedReading): string {
  const shown = value === undefined ? `sum ${formatDecimal(sum!)}` : formatValue(value);
  return `${name} = ${shown}${unit === undefined ? "" : ` ${unit}`} at ${formatDecimal(time)} s`;
}

function formatValue(value: NonNullable<ResolvedReading["value"]>): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "boolean") return String(value);
  return value instanceof Uint8Array ? `0x${toHex(value)}` : formatDecimal(value);
}
