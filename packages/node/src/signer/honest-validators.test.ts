/** A guard must never stand in the way of an honest validator: simulated networks with a guard in front of every honest key. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CHANGE_VIEW,
  COMMIT,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  RECOVERY_REQUEST,
  type SignedContent,
} from "@lhg/protocol/core/block/certificate";
import { runSeed } from "../../simulation/run.ts";
import type { ChangeViewVote, Message } from "../consensus/dbft/messages.ts";
import { decodeSlot, encodeSlot } from "./guard-slots.ts";
import { judgeSigning, type Memory } from "./sign-rules.ts";
import { signBytesOf } from "./testing.ts";

const CHAIN_ID = "simulation-00";
const KEY = new Uint8Array(32);

/** What a message bears of its sender's own signatures, in the order in which a driver has them signed. */
function ownContents(own: number, { type, body }: Message): SignedContent[] {
  const scope = { chainId: CHAIN_ID, epoch: 0, height: body.height };
  const vote =
    (type: 1 | 2 | 3) =>
    ({ view, blockHash }: { view: number; blockHash: Uint8Array }): SignedContent => ({
      type,
      scope,
      view,
      blockHash,
    });
  const change = ({ view, prepared }: ChangeViewVote): SignedContent => ({
    type: CHANGE_VIEW,
    scope,
    view,
    prepared,
  });
  const ofOwn = <T extends { readonly validatorIndex: number }>(parts: readonly T[]): T[] =>
    parts.filter(({ validatorIndex }) => validatorIndex === own);
  switch (type) {
    case "prepare-request":
      return ofOwn([body]).map(vote(PREPARE_REQUEST));
    case "prepare-response":
      return [vote(PREPARE_RESPONSE)(body)];
    case "commit":
      return [vote(COMMIT)(body)];
    case "change-view":
      return [change(body.vote)];
    case "recovery-request":
      return [{ type: RECOVERY_REQUEST, scope, view: body.view, blockHash: body.wantedHash }];
    case "recovery-message": {
      const parts = [
        ...ofOwn(body.changeViews).map(change),
        ...ofOwn(body.request === null ? [] : [body.request]).map(vote(PREPARE_REQUEST)),
        ...ofOwn(body.responses).map(vote(PREPARE_RESPONSE)),
        ...ofOwn(body.commits).map(vote(COMMIT)),
      ];
      // A view is entered by its ChangeView, which stands first; sorting is stable.
      return parts.sort((a, b) => a.view - b.view);
    }
  }
}

/** A guard per validator, which forgets nothing but what it holds in memory. */
function createGuards() {
  const slots = new Map<number, Uint8Array>();
  let asked = 0;
  return {
    get asked() {
      return asked;
    },
    sign(validator: number, content: SignedContent): void {
      const slot = slots.get(validator);
      const before: Memory = slot === undefined ? [] : decodeSlot(slot)!.chains;
      const after = judgeSigning(before, content, signBytesOf(content));
      asked++;
      if (after !== before) slots.set(validator, encodeSlot({ publicKey: KEY, sequence: 0, chains: after }));
    },
  };
}

const SEEDS = { 1: 20, 4: 240, 7: 80, 10: 12 } as const;

test("no guard refuses an honest validator, whatever the network does and however often it crashes", () => {
  let asked = 0;
  let highestView = 0;
  for (const [validators, seeds] of Object.entries(SEEDS))
    for (let seed = 1; seed <= seeds; seed++) {
      const guards = createGuards();
      const report = runSeed({
        seed,
        validators: Number(validators),
        onSend: (validator, own, message) => {
          for (const content of ownContents(own, message)) guards.sign(validator, content);
        },
      });
      assert.equal(report.violation, undefined, `seed ${seed} of ${validators} validators`);
      asked += guards.asked;
      highestView = Math.max(highestView, report.highestView);
    }
  assert.ok(asked > 10_000, `${asked} signatures`);
  assert.ok(highestView >= 3);
});

test("a validator that keeps no votes is refused by its guard before it votes twice", () => {
  let refused = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const guards = createGuards();
    const { violation } = runSeed({
      seed,
      validators: 4,
      mutations: ["no-persistence"],
      onSend: (validator, own, message) => {
        for (const content of ownContents(own, message)) guards.sign(validator, content);
      },
    });
    if (violation?.includes("signBytes.") === true) refused++;
  }
  assert.ok(refused > 0);
});
