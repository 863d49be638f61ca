import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMIT, PREPARE_RESPONSE, voteSignBytes } from "@lhg/protocol/core/block/certificate";
import { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import { makePuppets, settle } from "../../../simulation/puppets.ts";
import { makeSigning, makeValidators } from "../../../simulation/toys.ts";
import type { Durable } from "./core.ts";
import { decodeDurable, durableOf, encodeDurable } from "./durable.ts";
import {
  decodeMessage,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  type Message,
  type PreparedCertificate,
  type PrepareRequest,
} from "./messages.ts";
import { createState, step } from "./step.ts";
import { VOTE_TYPES } from "./votes.ts";

const sized = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const blockHash = sized(32);
const signature = sized(64);
const view = fc.oneof(fc.nat(5), fc.nat(0xffffffff));
const validatorIndex = fc.oneof(fc.nat(3), fc.nat(255));
const height = fc.oneof(fc.constant(20), fc.maxSafeNat());
const proposal = fc.uint8Array({ minLength: 1, maxLength: 80 });
/** Records as the decoder makes them. */
const plain = <V>(fields: { [K in keyof V]: fc.Arbitrary<V[K]> }): fc.Arbitrary<V> =>
  fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<V>;
const option = <V>(value: fc.Arbitrary<V>): fc.Arbitrary<V | null> => fc.option(value, { nil: null });

const certificate: fc.Arbitrary<PreparedCertificate> = plain({
  view,
  blockHash,
  signatures: fc.array(plain({ validatorIndex, signature }), { minLength: 1, maxLength: 4 }),
});
const changeViewVote = plain({
  validatorIndex,
  view,
  prepared: option(plain({ view, blockHash })),
  signature,
});
const request: fc.Arbitrary<PrepareRequest> = plain({
  height,
  view,
  validatorIndex,
  blockHash,
  signature,
  proposal,
  justification: option(
    plain({
      changeViews: fc.array(changeViewVote, { minLength: 1, maxLength: 4 }),
      certificate: option(certificate),
    }),
  ),
});
const vote = plain({ height, view, validatorIndex, blockHash, signature });
const recoveryVotes = fc.array(plain({ validatorIndex, view, blockHash, signature }), { maxLength: 4 });

const message: fc.Arbitrary<Message> = fc.oneof(
  request.map((body) => ({ type: "prepare-request" as const, body })),
  vote.map((body) => ({ type: "prepare-response" as const, body })),
  vote.map((body) => ({ type: "commit" as const, body })),
  plain({ height, vote: changeViewVote, certificate: option(certificate) }).map((body) => ({
    type: "change-view" as const,
    body,
  })),
  plain({ height, view, validatorIndex, wantedHash: option(blockHash), signature }).map((body) => ({
    type: "recovery-request" as const,
    body,
  })),
  plain({
    height,
    request: option(request),
    responses: recoveryVotes,
    commits: recoveryVotes,
    changeViews: fc.array(changeViewVote, { maxLength: 4 }),
    certificates: fc.array(certificate, { maxLength: 4 }),
    wantedProposal: option(proposal),
  }).map((body) => ({ type: "recovery-message" as const, body })),
);

test("messages survive encoding", () => {
  fc.assert(
    fc.property(message, (value) => {
      assert.deepEqual(decodeMessage(encodeMessage(value)), value);
    }),
  );
});

test("any bytes decode to a message of the same bytes, or are refused with an LhgError", () => {
  const check = (encoded: Uint8Array): void => {
    let decoded: Message;
    try {
      decoded = decodeMessage(encoded);
    } catch (error) {
      assert.ok(error instanceof LhgError);
      return;
    }
    assert.deepEqual(encodeMessage(decoded), encoded);
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check));
  const flipped = fc.tuple(message, fc.nat(), fc.nat(7)).map(([value, at, bit]) => {
    const encoded = encodeMessage(value);
    encoded[at % encoded.length]! ^= 1 << bit;
    return encoded;
  });
  fc.assert(fc.property(flipped, check), { numRuns: 500 });
});

test("oversize input is refused before it is read", () => {
  assert.throws(() => decodeMessage(new Uint8Array(MAX_MESSAGE_BYTES + 1)), { code: "value.length" });
});

test("the core survives any well-formed message and keeps its bounds", () => {
  const net = makePuppets();
  const node = net.nodes[1]!;
  fc.assert(
    fc.property(message, fc.nat(100_000), (value, nowMs) => {
      const { effects } = step(node.config, node.state, {
        kind: "message",
        nowMs,
        clockMs: nowMs,
        message: value,
      });
      assert.ok(effects.every((effect) => effect.kind !== "evidence" && effect.kind !== "decide"));
      assert.ok(node.state.requests.length <= 4);
    }),
    { numRuns: 1000 },
  );
  assert.equal(node.state.view, 0);
});

test("equal inputs give equal effects, and a step on a clone leaves the original alone", () => {
  const run = (): string => {
    const net = makePuppets();
    settle(net);
    return JSON.stringify(net.nodes.map((node) => node.effects));
  };
  assert.equal(run(), run());
  const net = makePuppets();
  const node = net.nodes[0]!;
  const before = structuredClone(node.state);
  step(node.config, structuredClone(node.state), { kind: "timer", nowMs: 1e6 });
  assert.deepEqual(node.state, before);
});

/** Votes of validators 0 and 1 of four: too few to decide, for one of two blocks each. */
const cast: fc.Arbitrary<Message> = fc
  .record({ index: fc.nat(1), view: fc.nat(6), block: fc.nat(1), isCommit: fc.boolean() })
  .map(({ index, view, block, isCommit }) => {
    const hash = new Uint8Array(32).fill(block);
    const scope = { chainId: "test-00", epoch: 0, height: 20 };
    const bytes = voteSignBytes(scope, view, isCommit ? COMMIT : PREPARE_RESPONSE, hash);
    const vote = { height: 20, view, validatorIndex: index, blockHash: hash };
    const body = { ...vote, signature: makeSigning(makeValidators(4)[index]!.consensusKey).sign(bytes) };
    return isCommit ? { type: "commit", body } : { type: "prepare-response", body };
  });

test("counting is idempotent and commutative, equivocation included", () => {
  const count = (messages: readonly Message[]): unknown => {
    const { config, state } = makePuppets().nodes[2]!;
    const accused = new Set<string>();
    for (const value of messages)
      for (const effect of step(config, state, { kind: "message", nowMs: 0, clockMs: 0, message: value })
        .effects)
        if (effect.kind === "evidence") {
          const { validatorIndex, view, type } = effect.evidence;
          accused.add(`${validatorIndex}/${view}/${type}`);
        }
    const votes = VOTE_TYPES.flatMap((type) =>
      state.votes[type].flatMap((slots, i) =>
        slots.map((vote) => `${type}/${i}/${vote.view}/${vote.blockHash[0]}`),
      ),
    );
    return { votes: votes.sort(), accused: [...accused].sort() };
  };
  const both = fc
    .array(cast, { maxLength: 30 })
    .chain((votes) =>
      fc.tuple(
        fc.constant(votes),
        fc.shuffledSubarray([...votes, ...votes], { minLength: 2 * votes.length }),
      ),
    );
  fc.assert(fc.property(both, ([votes, shuffled]) => assert.deepEqual(count(shuffled), count(votes))));
});

test("restart(state) = state, for what is durable, at every moment of a decision", () => {
  const net = makePuppets();
  const moments: [number, Durable][] = [];
  settle(net);
  for (const node of net.nodes)
    for (const effect of node.effects)
      if (effect.kind === "persist") moments.push([node.index, effect.durable]);
  assert.ok(moments.length >= 8);
  for (const [index, durable] of moments) {
    const encoded = encodeDurable(durable);
    const { config, state } = net.nodes[index]!;
    const restored = step(config, createState(), {
      kind: "start-height",
      nowMs: 0,
      height: durable.height,
      epoch: 0,
      validators: state.validators,
      parentHash: state.parentHash,
      parentTimeMs: state.parentTimeMs,
      hasWork: false,
      restart: { durable: decodeDurable(encoded) },
    });
    assert.deepEqual(encodeDurable(durableOf(restored.state)), encoded);
    assert.ok(restored.effects.every((effect) => effect.kind !== "persist"));
  }
});

test("a durable record of another height is not taken up", () => {
  const net = makePuppets();
  settle(net);
  const { config, state, durable } = net.nodes[1]!;
  const { state: next } = step(config, createState(), {
    kind: "start-height",
    nowMs: 0,
    height: state.height + 1,
    epoch: 0,
    validators: state.validators,
    parentHash: state.parentHash,
    parentTimeMs: state.parentTimeMs,
    hasWork: false,
    restart: { durable },
  });
  assert.deepEqual(durableOf(next).votes, []);
});
