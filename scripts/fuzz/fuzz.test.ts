/** The fuzzer itself: every target takes hostile inputs for a moment, and a broken one is caught. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mutation } from "../../packages/node/src/consensus/dbft/core.ts";
import { makeCorpus } from "./corpus.ts";
import { runCore } from "./dbft-target.ts";
import { fuzzTarget } from "./run.ts";
import { makeTargets } from "./targets.ts";

const BUDGET_MS = Number(process.env.LHG_FUZZ_MS ?? 30);

test("every target stands hostile inputs for a moment", async () => {
  const targets = await makeTargets(await makeCorpus());
  for (const target of targets) {
    const report = await fuzzTarget(target, { seed: 1, budgetMs: BUDGET_MS });
    assert.deepEqual(report.failures, [], target.name);
    assert.ok(report.inputs > 0);
  }
  assert.equal(new Set(targets.map(({ name }) => name)).size, targets.length);
});

test("bent proofs are mostly refused, and the true ones are not", async () => {
  const corpus = await makeCorpus();
  const targets = await makeTargets(corpus);
  const proofs = {
    receipt: corpus.receipts,
    value: corpus.valueProofs,
    history: corpus.historyProofs,
    trace: corpus.bundles,
  };
  for (const [name, seeds] of Object.entries(proofs)) {
    const target = targets.find((each) => each.name === `verify ${name}`)!;
    for (const seed of seeds) await target.run(seed);
    const { inputs, accepted } = await fuzzTarget(target, { seed: 2, budgetMs: 200 });
    assert.ok(accepted < inputs / 5, `${name}: ${accepted} of ${inputs}`);
  }
});

test("a core that sends before it writes is caught", () => {
  const run = (mutations: readonly Mutation[]): void => {
    for (let i = 0; i < 40; i++) runCore(new Uint8Array(8).fill(i), mutations);
  };
  run([]);
  assert.throws(() => run(["no-persistence"]), /durable before it is sent/);
  assert.throws(() => run(["quorum-minus-one"]), /certificate/);
});

test("what throws, hangs or keeps memory is a failure with its input", async () => {
  const seed = Uint8Array.of(1, 2, 3);
  const draw = (): Uint8Array => seed;
  const options = { seed: 1, budgetMs: 20, inputMsMax: 5 };
  const thrown = await fuzzTarget(
    {
      name: "throws",
      draw,
      run: () => {
        throw new TypeError("no");
      },
    },
    options,
  );
  assert.equal(thrown.failures[0]?.input, "010203");
  assert.match(thrown.failures[0]?.message ?? "", /TypeError: no/);
  const burn = (): void => {
    const { user } = process.threadCpuUsage();
    while (process.threadCpuUsage().user < user + 10_000);
  };
  const slow = await fuzzTarget({ name: "slow", draw, run: burn }, options);
  assert.match(slow.failures[0]?.message ?? "", /^took/);
  const waiting = { name: "waits", draw, run: () => new Promise<void>((resolve) => setTimeout(resolve, 10)) };
  assert.deepEqual((await fuzzTarget(waiting, options)).failures, []);
  const kept: Uint8Array[] = [];
  const greedy = await fuzzTarget(
    { name: "greedy", draw, run: () => void kept.push(new Uint8Array(1 << 20).fill(1)) },
    { ...options, inputMsMax: 1_000, heapGrowthBytesMax: 1 << 18 },
  );
  assert.ok(kept.length > 0);
  assert.match(greedy.failures.at(-1)?.message ?? "", /left/);
});
