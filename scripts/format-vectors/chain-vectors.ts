/** Vectors of the small run: what each block does to the state, and proofs of it. */
import { accountKey } from "../../packages/protocol/src/core/accounts.ts";
import { evidence } from "../../packages/protocol/src/core/block/evidence.ts";
import { header } from "../../packages/protocol/src/core/block/header.ts";
import { outcome } from "../../packages/protocol/src/core/block/outcome.ts";
import { hashValidators, sortValidators } from "../../packages/protocol/src/core/block/validator-set.ts";
import { equalBytes, toHex } from "../../packages/protocol/src/core/bytes.ts";
import { encode, type Json } from "../../packages/protocol/src/core/codec/definition.ts";
import { genesis } from "../../packages/protocol/src/core/genesis.ts";
import { hashLeaf, inclusionPathOf } from "../../packages/protocol/src/core/merkle/log.ts";
import { notice } from "../../packages/protocol/src/core/notice.ts";
import {
  type Anchor,
  anchor,
  type CertifiedHeader,
  ENGINE_DBFT,
} from "../../packages/protocol/src/core/proof/anchor.ts";
import {
  type OpenedEvent,
  receipt,
  valueProof,
  verifyReceipt,
  verifyValue,
} from "../../packages/protocol/src/core/proof/receipt.ts";
import {
  APP,
  BASE,
  ITEMS,
  type Partition,
  vendorPartition,
} from "../../packages/protocol/src/core/state/partition.ts";
import { submission } from "../../packages/protocol/src/core/statement/submission.ts";
import type { ExecutedStatement } from "../../packages/protocol/src/execute-block.ts";
import {
  historyKey,
  historyLeaf,
  historyProof,
  verifyHistoryProof,
} from "../../packages/protocol/src/history.ts";
import { streamKey } from "../../packages/protocol/src/modules/collection/streams.ts";
import { homeOf } from "../../packages/protocol/src/statements.ts";
import { acme, address, beta, carol, crypto, meter } from "./actors.ts";
import type { Run, RunBlock } from "./chain.ts";
import { CHAIN_ID, GENESIS, GENESIS_BYTES } from "./genesis.ts";
import { commitsKey } from "./misbehaviour.ts";

const PARTITIONS: readonly (readonly [name: string, partition: Partition])[] = [
  ["base", BASE],
  ["items", ITEMS],
  ["vendor acme", vendorPartition(acme.address)],
  ["vendor beta", vendorPartition(beta.address)],
];

function partitionsAt({ state }: Run, height: number): Json[] {
  return PARTITIONS.flatMap(([name, partition]) => {
    const record = state.getValueAt(APP, partition.id, height);
    return record === undefined ? [] : [{ name, id: toHex(partition.id), record: toHex(record) }];
  });
}

function describeExecuted(
  block: RunBlock,
  { position, outcome: made, notices, touched }: ExecutedStatement,
): Json {
  return {
    name: block.statements[position]!.name,
    position,
    id: toHex(made.id),
    outcome: toHex(encode(outcome, made)),
    status: made.status,
    gasUsed: made.gasUsed,
    notices: notices.map((entry) => ({ json: notice.toJson(entry), cbor: toHex(encode(notice, entry)) })),
    touched: touched.map(toHex),
  };
}

function describeBlock(run: Run, block: RunBlock): Json {
  const { result } = block;
  return {
    height: block.header.height,
    timeMs: block.header.timeMs,
    proposal: toHex(block.proposal),
    blockHash: toHex(block.blockHash),
    certificate: toHex(block.certificate),
    statements: block.statements.map(({ name, submission: value }) => ({
      name,
      submission: toHex(encode(submission, value)),
    })),
    evidence: block.evidence.map((entry) => toHex(encode(evidence, entry))),
    isWorking: result.isWorking,
    executed: result.executed.map((entry) => describeExecuted(block, entry)),
    skipped: result.skipped.map(({ position, reason }) => ({
      name: block.statements[position]!.name,
      position,
      code: reason.code,
      field: reason.field,
      notYet: reason.notYet,
    })),
    resultsHash: toHex(result.resultsHash),
    appHash: toHex(result.commit.appHash),
    partitions: partitionsAt(run, block.header.height),
  };
}

/** The outcomes of a partition in the order of its log, each with its statement. */
function logOf(run: Run, partition: Partition, height: number) {
  return run.blocks.slice(0, height).flatMap(({ result }) =>
    result.executed.filter(({ statement }) => {
      const home = homeOf({ state: run.state }, statement);
      return home !== undefined && equalBytes(home.id, partition.id);
    }),
  );
}

function certified({ header: value, certificate, validators }: RunBlock): CertifiedHeader {
  return { engine: ENGINE_DBFT, header: encode(header, value), certificate, validators };
}

/** The record of a partition after `height`, under the header of the next block. */
function makeAnchor({ state, blocks }: Run, partition: Partition, height: number): Anchor {
  return {
    partitionId: partition.id,
    partitionRecord: state.getValueAt(APP, partition.id, height)!,
    appProof: state.proveValue(APP, partition.id, height),
    header: certified(blocks[height]!),
    transitions: blocks
      .slice(0, height)
      .filter(({ header: value }) => !equalBytes(value.validatorsHash, value.nextValidatorsHash))
      .map(certified),
  };
}

const TRUST = {
  chainId: CHAIN_ID,
  validatorsHash: hashValidators(crypto, sortValidators(crypto, GENESIS.validators)),
};

function makeReceipt(run: Run, name: string, partition: Partition, event?: number): Json {
  const height = run.blocks.length - 1;
  const log = logOf(run, partition, height);
  const block = run.blocks.find(({ statements }) => statements.some((entry) => entry.name === name))!;
  const executed = block.result.executed.find(({ position }) => block.statements[position]!.name === name)!;
  const index = log.indexOf(executed);
  const leaves = log.map((entry) => hashLeaf(crypto, encode(outcome, entry.outcome)));
  const body = executed.statement.submission.body;
  const value = {
    statement: executed.statement.submission.statement,
    outcome: encode(outcome, executed.outcome),
    index,
    path: inclusionPathOf(crypto, leaves, index),
    anchor: makeAnchor(run, partition, height),
    event: event === undefined || body === null ? null : openEvent(body, event),
  };
  const bytes = encode(receipt, value, "receipt");
  verifyReceipt(crypto, TRUST, bytes);
  return { name, event: event ?? null, receipt: toHex(bytes) };
}

function openEvent(body: readonly Uint8Array[], index: number): OpenedEvent {
  const leaves = body.map((slice) => hashLeaf(crypto, slice));
  return {
    index,
    head: body[0]!,
    headPath: inclusionPathOf(crypto, leaves, 0),
    slice: body[index + 1]!,
    slicePath: inclusionPathOf(crypto, leaves, index + 1),
  };
}

function makeValue(run: Run, name: string, partition: Partition, key: Uint8Array): Json {
  const height = run.blocks.length - 1;
  const value = run.state.getValueAt(partition, key, height) ?? null;
  const proof = run.state.proveValue(partition, key, height);
  const bytes = encode(
    valueProof,
    { key, value, proof, anchor: makeAnchor(run, partition, height) },
    "proof",
  );
  verifyValue(crypto, TRUST, bytes);
  return { name, key: toHex(key), value: value === null ? null : toHex(value), proof: toHex(bytes) };
}

/** The app hash before a working block, under the newest anchor. */
function makeHistory(run: Run, index: number): Json {
  const working = run.blocks.slice(0, -1).filter(({ result }) => result.isWorking);
  const leaves = working.map(({ header: { height, timeMs } }) =>
    encode(historyLeaf, {
      height,
      timeMs,
      previousAppHash: height === 1 ? run.genesisAppHash : run.blocks[height - 2]!.result.commit.appHash,
    }),
  );
  const hashes = leaves.map((leaf) => hashLeaf(crypto, leaf));
  const key = historyKey();
  const height = run.blocks.length - 1;
  const head = encode(valueProof, {
    key,
    value: run.state.getValueAt(BASE, key, height)!,
    proof: run.state.proveValue(BASE, key, height),
    anchor: makeAnchor(run, BASE, height),
  });
  const bytes = encode(historyProof, {
    entry: leaves[index]!,
    index,
    path: inclusionPathOf(crypto, hashes, index),
    head,
  });
  const { appHash } = verifyHistoryProof(crypto, TRUST, bytes);
  return { entry: toHex(leaves[index]!), appHash: toHex(appHash), proof: toHex(bytes) };
}

export function makeGenesisVectors(run: Run): Json {
  return {
    description: "The genesis of the vectors' chain, its id and the state that it makes.",
    json: genesis.toJson(GENESIS),
    cbor: toHex(GENESIS_BYTES),
    hash: toHex(crypto.sha256(GENESIS_BYTES)),
    chainId: CHAIN_ID,
    partitions: partitionsAt(run, 0),
    appHash: toHex(run.genesisAppHash),
  };
}

export function makeChainVectors(run: Run): Json {
  const acmePartition = vendorPartition(acme.address);
  return {
    description:
      "A run of six blocks on the genesis of genesis.json: statements, outcomes, app hashes, and proofs at height 5.",
    trust: { chainId: CHAIN_ID, validatorsHash: toHex(TRUST.validatorsHash) },
    blocks: run.blocks.map((block) => describeBlock(run, block)),
    receipts: [
      makeReceipt(run, "several messages", BASE),
      makeReceipt(run, "overdraft", BASE),
      makeReceipt(run, "collection second", acmePartition),
      makeReceipt(run, "capture made", acmePartition, 2),
      makeReceipt(run, "capture observed", vendorPartition(beta.address)),
    ],
    values: [
      makeValue(run, "account of carol", BASE, accountKey(carol.address)),
      makeValue(run, "account of nobody", BASE, accountKey(address("agent of acme"))),
      makeValue(run, "commits of operator 0", BASE, commitsKey),
      makeValue(run, "stream of the meter", acmePartition, streamKey(meter.address, 0)),
    ],
    history: [makeHistory(run, 0), makeHistory(run, 2)],
    anchor: toHex(encode(anchor, makeAnchor(run, ITEMS, run.blocks.length - 1))),
  };
}
