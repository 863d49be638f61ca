/** What an engine may rely on of the application, and the application of an engine. Each check judges the record of a whole run. */
import assert from "node:assert/strict";
import { hashValidators, type ValidatorSet } from "@lhg/protocol/core/block/validator-set";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import {
  ENGINE_COMETBFT,
  ENGINE_DBFT,
  readLightHeader,
  type Trust,
  verifyHeader,
} from "@lhg/protocol/core/proof/anchor";
import { receipt, verifyReceipt } from "@lhg/protocol/core/proof/receipt";
import { BASE } from "@lhg/protocol/core/state/partition";
import { submission } from "@lhg/protocol/core/statement/submission";
import { prepareStatement } from "@lhg/protocol/statements";
import type { LedgerApplication } from "../src/application/application.ts";
import { auditChain } from "../src/application/audit.ts";
import { createQueryContext } from "../src/application/query-context.ts";
import { sodiumCrypto } from "../src/crypto/sodium.ts";
import { buildReceipt } from "../src/queries/proofs.ts";
import { createMemoryStore } from "../src/store/memory-store.ts";
import type { CommitNote, ReplicaRecord, RunRecord } from "./record.ts";
import { runTwin } from "./twin.ts";
import { applyValidatorUpdates } from "./validator-rules.ts";
import { foundingValidators, type World } from "./world.ts";

const ONE_BYTE = Uint8Array.of(0);

export interface Check {
  readonly name: string;
  run(record: RunRecord): void | Promise<void>;
}

export const CHECKS: readonly Check[] = [
  { name: "neither side asks or answers what the port forbids", run: checkViolations },
  { name: "blocks are committed one after the other, and told of once, in order", run: checkOrder },
  {
    name: "the same blocks give the same hashes, results and validators on every replica",
    run: checkAgreement,
  },
  { name: "what every replica stores at a height is the same, to the byte", run: checkStores },
  { name: "after a crash the head is a committed block, and nothing of another is there", run: checkStarts },
  {
    name: "every statement of a block has one result, and what was not admitted no outcome",
    run: checkResults,
  },
  { name: "validators change two heights on, by updates that CometBFT takes", run: checkValidators },
  { name: "a block that holds nothing leaves the app hash as it is", run: checkEmptyBlocks },
  { name: "all that is stored follows from the statements", run: checkAudit },
  { name: "headers lead a stranger from genesis to the head", run: checkHeaders },
  { name: "receipts are those of the other engine, but for header and certificate", run: checkReceipts },
];

function checkViolations({ replicas }: RunRecord): void {
  assert.deepEqual(
    replicas.flatMap(({ name, violations }) => violations.map((violation) => `${name}: ${violation}`)),
    [],
  );
}

/** Within a life heights ascend by one from its head on; what was told of was committed. */
function checkOrder({ replicas }: RunRecord): void {
  for (const { name, starts, commits, told } of replicas)
    for (const { life, head } of starts) {
      const heights = commits.filter((each) => each.life === life).map((each) => each.head.height);
      assert.deepEqual(heights, ascending(head.height + 1, heights.length), `${name}, life ${life}`);
      const heard = told.filter((each) => each.life === life).map((each) => each.height);
      assert.deepEqual(heard, heights.slice(0, heard.length), `${name}, life ${life}, told`);
      // At most the last one was lost with the power.
      assert.ok(heights.length - heard.length <= 1, `${name}, life ${life}: ${heard.length} told`);
    }
}

function ascending(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** What a block came to, as one text. */
function describeCommit({ block, report, head }: CommitNote): string {
  const { header, statements, evidence } = block;
  const value = { header, statements: statements.map((entry) => entry.leafHash), evidence, report, head };
  return JSON.stringify(value, (key, part) =>
    // Nodes of dBFT may hold different certificates of a block, each as good as the other.
    key === "certificateHash" ? undefined : part instanceof Uint8Array ? toHex(part) : showBigint(part),
  );
}

function showBigint(part: unknown): unknown {
  return typeof part === "bigint" ? String(part) : part;
}

function checkAgreement({ replicas }: RunRecord): void {
  const known = new Map<number, string>();
  for (const { name, commits } of replicas)
    for (const commit of commits) {
      const said = describeCommit(commit);
      const before = known.get(commit.head.height) ?? said;
      known.set(commit.head.height, before);
      assert.equal(said, before, `${name}, block ${commit.head.height}`);
    }
  const heads = replicas.map(({ ledger }) => `${ledger.head.height} ${toHex(ledger.head.appHash)}`);
  assert.equal(new Set(heads).size, 1, heads.join("; "));
}

function checkStores({ replicas }: RunRecord): void {
  const known = new Map<number, string>();
  for (const { name, commits } of replicas)
    for (const { head, storeHash } of commits) {
      assert.equal(storeHash, known.get(head.height) ?? storeHash, `${name}, block ${head.height}`);
      known.set(head.height, storeHash);
    }
}

function checkStarts({ replicas }: RunRecord): void {
  for (const { name, starts, commits } of replicas)
    for (const { life, head, storeHash } of starts) {
      const committed = commits.filter((each) => each.life < life).map((each) => each.head.height);
      const highest = Math.max(0, ...committed);
      assert.ok(head.height <= highest, `${name}, life ${life}: begins at ${head.height}`);
      const known = replicas.flatMap((each) => each.commits).find((each) => each.head.height === head.height);
      if (known === undefined) continue;
      assert.equal(storeHash, known.storeHash, `${name}, life ${life}: the store at height ${head.height}`);
      assert.deepEqual(head.appHash, known.head.appHash, `${name}, life ${life}`);
    }
}

function checkResults(record: RunRecord): void {
  for (const { name, commits, ledger } of record.replicas)
    for (const { block, report, head } of commits) {
      const positions = [...report.executed, ...report.skipped].map(({ position }) => position);
      assert.deepEqual(
        positions.toSorted((a, b) => a - b),
        [...block.statements.keys()],
        `${name}, block ${head.height}`,
      );
      const stored = ledger.getBlock(head.height)!;
      assert.deepEqual(
        stored.skipped.map(({ position, code }) => ({ position, code })),
        report.skipped,
        `${name}, block ${head.height}`,
      );
    }
}

/** The set that signs the first block of each height, by what the ledger says beforehand and by CometBFT's way of reckoning. */
function checkValidators({ engine, world, replicas }: RunRecord): void {
  const hashOf = (set: ValidatorSet): string => toHex(hashValidators(sodiumCrypto, set));
  for (const { name, commits, answers } of replicas) {
    const founding = hashOf(foundingValidators(world));
    /** Hashes by height, as announced two heights before. */
    const announced = new Map([
      [1, founding],
      [2, founding],
    ]);
    for (const { block, report, head } of commits) {
      const place = `${name}, block ${head.height}`;
      assert.equal(toHex(block.header.validatorsHash), announced.get(head.height), place);
      assert.equal(toHex(block.header.nextValidatorsHash), announced.get(head.height + 1), place);
      assert.equal(hashOf(report.validators), announced.get(head.height + 1), place);
      announced.set(head.height + 2, hashOf(report.nextValidators));
    }
    if (engine !== ENGINE_COMETBFT) continue;
    let next: Parameters<typeof applyValidatorUpdates>[0] = foundingValidators(world);
    for (const height of ascending(1, commits.at(-1)?.head.height ?? 0)) {
      const answer = answers.find((each) => each.height === height)?.answer;
      assert.ok(answer !== undefined, `${name} was never asked for block ${height}`);
      next = applyValidatorUpdates(next, answer.validatorUpdates);
      const hash = toHex(hashValidators(sodiumCrypto, next as ValidatorSet));
      assert.equal(hash, announced.get(height + 2), `${name}: updates of block ${height}`);
    }
  }
}

function checkEmptyBlocks({ replicas }: RunRecord): void {
  for (const { name, commits, ledger } of replicas)
    for (const { block, report, head } of commits) {
      const { isWorking } = ledger.getBlock(head.height)!;
      const isSame = equalBytes(block.header.appHash, report.appHash);
      assert.equal(isSame, isWorking === 0, `${name}, block ${head.height}`);
      if (report.executed.length > 0) assert.equal(isWorking, 1, `${name}, block ${head.height}`);
    }
}

async function checkAudit({ replicas, indexBlock }: RunRecord): Promise<void> {
  for (const { name, ledger } of replicas) {
    const audit = auditChain(ledger, createMemoryStore(), indexBlock);
    let step = await audit.next();
    while (step.done !== true) step = await audit.next();
    assert.deepEqual(step.value.problems, [], name);
  }
}

function trustOf(world: World): Trust {
  const validatorsHash = hashValidators(sodiumCrypto, foundingValidators(world));
  return { chainId: world.chainId, validatorsHash };
}

function checkHeaders({ world, replicas }: RunRecord): void {
  for (const { name, ledger } of replicas) {
    if (ledger.certifiedHeight === 0) continue;
    assert.equal(ledger.certifiedHeight, ledger.head.height, `${name} lacks certificates`);
    const { anchorOf, provableHeight } = createQueryContext(ledger);
    if (provableHeight === undefined || provableHeight === 0) continue;
    const { hash, header } = verifyHeader(sodiumCrypto, trustOf(world), anchorOf(BASE));
    assert.equal(header.height, ledger.head.height, name);
    assert.deepEqual(hash, ledger.head.blockHash, name);
  }
}

/** The blocks of a replica, each as it was committed last. */
function blocksOf({ commits }: ReplicaRecord): CommitNote[] {
  return [...new Map(commits.map((commit) => [commit.head.height, commit])).values()];
}

async function checkReceipts({ engine, world, replicas }: RunRecord): Promise<void> {
  const replica = replicas[0]!;
  const commits = blocksOf(replica);
  const blocks = commits.map((commit) => commit.block);
  const hasEvidence = blocks.some(({ evidence }) => evidence.length > 0);
  const ids = commits.flatMap(({ block, report, head }) => {
    const provable = replica.ledger.certifiedHeight - 1;
    return head.height > provable
      ? []
      : report.executed.map(({ position }) => idOf(block.statements[position]!.bytes));
  });
  for (const id of ids) verifyReceipt(sodiumCrypto, trustOf(world), receiptOf(replica.ledger, id));
  if (hasEvidence) return;
  let twin: LedgerApplication | undefined;
  let at = 0;
  for await (twin of runTwin(world, engine, blocks)) {
    const { report, head } = commits[at++]!;
    assert.equal(toHex(twin.head.appHash), toHex(report.appHash), `block ${head.height}: app hash`);
    assert.equal(toHex(twin.head.resultsHash), toHex(head.resultsHash), `block ${head.height}: results`);
  }
  for (const id of ids) {
    const other = receiptOf(twin!, id);
    verifyReceipt(sodiumCrypto, trustOf(world), other);
    assert.equal(withoutHeaders(other), withoutHeaders(receiptOf(replica.ledger, id)), id);
  }
}

function idOf(bytes: Uint8Array): string {
  return toHex(prepareStatement(sodiumCrypto, decode(submission, bytes, "submission")).id);
}

function receiptOf(ledger: LedgerApplication, id: string): Uint8Array {
  return buildReceipt(createQueryContext(ledger), id);
}

/** All of a receipt but what only one engine can have made. */
function withoutHeaders(bytes: Uint8Array): string {
  const { anchor, ...rest } = decode(receipt, bytes, "receipt");
  const { header, transitions } = anchor;
  const own = { ...header, engine: ENGINE_DBFT, header: ONE_BYTE, certificate: ONE_BYTE };
  const heights = transitions.map((each) => readLightHeader(each).height);
  const same = { ...rest, anchor: { ...anchor, header: own, transitions: [] } };
  return `${toHex(encode(receipt, same, "receipt"))} over ${heights.join(", ")}`;
}

/** Names the first check that does not hold, and why. */
export async function judgeRun(record: RunRecord): Promise<string | undefined> {
  for (const { name, run } of CHECKS)
    try {
      await run(record);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return `${name}: ${error.stack}`;
    }
  return undefined;
}
