/** What nodes tell and ask each other of votes and statements. */
import { decodeEnvelope, encodeEnvelope } from "../../packages/node/src/consensus/gossip.ts";
import {
  decodeAnswer,
  decodeBatch,
  decodeQuestion,
  encodeAnswer,
  encodeBatch,
  encodeQuestion,
} from "../../packages/node/src/intake/exchange-messages.ts";
import { equalBytes } from "../../packages/protocol/src/core/bytes.ts";
import { assertInvariant } from "../../packages/protocol/src/core/errors.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./targets.ts";

function codecTarget<T>(
  name: string,
  seeds: readonly T[],
  encode: (value: T) => Uint8Array,
  decode: (encoded: Uint8Array) => T,
): Target {
  const encoded = seeds.map(encode);
  return {
    name,
    draw: (random) => mutate(random, encoded),
    run: (input) =>
      assertInvariant(equalBytes(encode(decode(input)), input), "what decodes has one encoding"),
    acceptedAs: "accepted",
  };
}

export function gossipTargets(): Target[] {
  const some = new Uint8Array(40).fill(7);
  return [
    codecTarget(
      "gossip envelope",
      [
        { salt: 0, content: { type: "message", body: { encoded: some } } },
        { salt: 0xfffffffe, content: { type: "evidence", body: { encoded: some } } },
      ],
      encodeEnvelope,
      decodeEnvelope,
    ),
    codecTarget("statements batch", [{ salt: 3, submissions: [some, some] }], encodeBatch, decodeBatch),
    codecTarget("statements question", [{ leafHashes: [some.slice(8)] }], encodeQuestion, decodeQuestion),
    codecTarget("statements answer", [{ submissions: [some] }], encodeAnswer, decodeAnswer),
  ];
}
