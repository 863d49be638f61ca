import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addToAgenda, nextDueMs, takeDue } from "./agenda.ts";
import { StateOverlay } from "./state/overlay.ts";
import { BASE } from "./state/partition.ts";

const openState = (): StateOverlay =>
  new StateOverlay({ getValue: () => undefined, getDerived: () => undefined });

interface Entry {
  readonly dueMs: number;
  readonly kind: number;
}

function add(state: StateOverlay, { dueMs, kind }: Entry): void {
  addToAgenda(state, { dueMs, module: 1, kind, payload: new Uint8Array(0) });
}

test("an empty agenda has nothing due", () => {
  const state = openState();
  assert.equal(nextDueMs(state), undefined);
  assert.equal(takeDue(state, Number.MAX_SAFE_INTEGER), undefined);
});

test("model: the agenda is a list sorted by time, equal times in the order of their coming", () => {
  const action = fc.oneof(
    fc.record({ add: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ takeUntil: fc.integer({ min: 0, max: 20 }) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const state = openState();
      let model: Entry[] = [];
      let next = 0;
      for (const step of actions) {
        if ("add" in step) {
          const entry = { dueMs: step.add, kind: next++ };
          add(state, entry);
          model.push(entry);
          model.sort((a, b) => a.dueMs - b.dueMs || a.kind - b.kind);
        } else {
          const taken = takeDue(state, step.takeUntil);
          const expected = model[0] !== undefined && model[0].dueMs <= step.takeUntil ? model[0] : undefined;
          assert.equal(taken?.kind, expected?.kind);
          if (expected !== undefined) model = model.slice(1);
        }
        assert.equal(nextDueMs(state), model[0]?.dueMs);
      }
      for (const { kind } of model) assert.equal(takeDue(state, 20)?.kind, kind);
      // What is taken leaves nothing behind but the two counters.
      const left = state.changesOf(BASE).filter((change) => change.value !== undefined);
      assert.equal(left.length, next === 0 ? 0 : 1);
    }),
    { numRuns: 200 },
  );
});
