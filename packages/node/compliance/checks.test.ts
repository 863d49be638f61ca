/** The checks see what they are there for: a sound record with one thing changed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeRun } from "./checks.ts";
import { runFakeComet } from "./fake-comet.ts";
import type { CommitNote, ReplicaRecord, RunRecord } from "./record.ts";

const run = await runFakeComet({ seed: 2, heights: 8, nodes: 2, withMisbehaviour: false });

function change(how: (replica: ReplicaRecord) => Partial<ReplicaRecord>): RunRecord {
  const [first, ...others] = run.replicas;
  return { ...run, replicas: [{ ...first!, ...how(first!) }, ...others] };
}

function changeCommit(how: (commit: CommitNote) => Partial<CommitNote>): RunRecord {
  return change(({ commits }) => ({
    commits: commits.map((each, i) => (i === 2 ? { ...each, ...how(each) } : each)),
  }));
}

const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
const working = run.replicas[0]!.commits.findIndex(({ report }) => report.executed.length > 0);

const CHANGES: readonly (readonly [what: string, record: RunRecord, check: RegExp])[] = [
  ["a violation", change(() => ({ violations: ["something"] })), /neither side/],
  [
    "a block that was left out",
    change(({ commits }) => ({ commits: commits.toSpliced(2, 1) })),
    /one after the other/,
  ],
  ["a block told of twice", change(({ told }) => ({ told: [...told, told.at(-1)!] })), /told of once/],
  [
    "another app hash",
    changeCommit(({ report }) => ({ report: { ...report, appHash: flip(report.appHash) } })),
    /the same blocks/,
  ],
  [
    "another result",
    change(({ commits }) => ({
      commits: commits.map((each, i) =>
        i === working ? { ...each, report: { ...each.report, executed: [] } } : each,
      ),
    })),
    /the same blocks/,
  ],
  ["another byte stored", changeCommit(() => ({ storeHash: "0" })), /to the byte/],
  [
    "a start at a block that nobody committed",
    change(({ starts }) => ({
      starts: starts.map((each) => ({ ...each, head: { ...each.head, height: each.head.height + 1 } })),
    })),
    /one after the other|after a crash/,
  ],
  [
    "the traces of a block that was lost",
    change(({ starts }) => ({
      starts: starts.map((each, i) => (i === starts.length - 1 ? { ...each, storeHash: "0" } : each)),
    })),
    /after a crash/,
  ],
  [
    "an update that is not told",
    change(({ answers }) => ({
      answers: answers.map(({ height, answer }) => ({
        height,
        answer: {
          ...answer,
          validatorUpdates: [{ consensusKey: new Uint8Array(32), power: 0n }],
        },
      })),
    })),
    /unknown/,
  ],
];

test("the record is sound as it is", async () => {
  assert.equal(await judgeRun(run), undefined);
  assert.ok(working >= 0);
});

for (const [what, record, check] of CHANGES)
  test(`${what} is seen`, async () => {
    assert.match((await judgeRun(record)) ?? "nothing", check);
  });
