/** Collections of the vectors' device: a stream with a gap, a pack that does not resolve, a former key. */
import { ZERO32 } from "../../packages/protocol/src/core/bytes.ts";
import { encode } from "../../packages/protocol/src/core/codec/definition.ts";
import { computeStatementId, decodeSign1, signStatement } from "../../packages/protocol/src/core/cose.ts";
import { type Decimal, toDecimal } from "../../packages/protocol/src/core/decimal.ts";
import type { Submission } from "../../packages/protocol/src/core/statement/submission.ts";
import { type Collection, collection } from "../../packages/protocol/src/modules/collection/messages.ts";
import { type Actor, crypto, meter, meterNewKey } from "./actors.ts";
import { CHAIN_ID } from "./genesis.ts";

interface SignedCollection {
  readonly payload: Collection;
  readonly submission: Submission;
  readonly id: Uint8Array;
}

function sign(
  by: Actor,
  seq: number,
  prevId: Uint8Array,
  readings: Collection["readings"],
): SignedCollection {
  const payload: Collection = { chainId: CHAIN_ID, device: meter.address, stream: 0, seq, prevId, readings };
  const statement = signStatement(by.signer, "collection", encode(collection, payload, "collection"));
  const id = computeStatementId(crypto, decodeSign1(statement));
  return { payload, submission: { statement, body: null }, id };
}

const decimal = (mantissa: bigint, exponent = 0): Decimal => toDecimal(mantissa, exponent);
const BASE = { bn: "urn:dev:ow:10e2073a01080063:", bt: decimal(1_800_000_000n), bu: "Cel" };

const first = sign(meter, 1, ZERO32, [
  { ...BASE, n: "temperature", v: decimal(2315n, -2) },
  { n: "temperature", t: decimal(10n), v: decimal(231n, -1) },
  { n: "humidity", u: "%RH", v: decimal(48n) },
]);
const second = sign(meter, 2, first.id, [
  { bn: "meter/", bt: decimal(18000000305n, -1), n: "state", vs: "open" },
  { n: "alarm", vb: false },
  { n: "raw", vd: Uint8Array.of(0xde, 0xad, 0xbe, 0xef) },
  { n: "energy", u: "J", s: decimal(12n, 21), ut: decimal(60n) },
]);
const third = sign(meter, 3, second.id, [{ ...BASE, n: "temperature", v: decimal(-5n) }]);
const relative = sign(meter, 4, third.id, [{ n: "temperature", v: decimal(1n) }]);
const forked = sign(meterNewKey, 5, third.id, [{ ...BASE, n: "temperature", v: decimal(2n) }]);
const formerKey = sign(meter, 5, relative.id, [{ ...BASE, n: "temperature", v: decimal(2n) }]);
/** Answers the command that the vectors' chain sends before. */
const fifth = sign(meterNewKey, 5, relative.id, [
  { n: "urn:lhg:command:1", t: decimal(1_800_000_000n), vs: "done" },
  { ...BASE, n: "temperature", v: decimal(2n) },
]);
const revoked = sign(meterNewKey, 6, fifth.id, [{ ...BASE, n: "temperature", v: decimal(3n) }]);

export const collections = { first, second, third, relative, forked, formerKey, fifth, revoked };
