/** What is stored of a committed block beside the state. */
import { header as headerCodec } from "@lhg/protocol/core/block/header";
import type { ValidatorSet } from "@lhg/protocol/core/block/validator-set";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import type { BlockResult } from "@lhg/protocol/execute-block";
import { type BlockRecord, blockRecord, transitionsRecord } from "../blocks/records.ts";
import {
  blockHashKey,
  blockKey,
  certificateKey,
  statementKey,
  TRANSITIONS_KEY,
} from "../blocks/store-keys.ts";
import type { StoreWrite } from "../store/store.ts";
import type { BlockToExecute } from "./port.ts";

export interface BlockToStore {
  readonly input: BlockToExecute;
  readonly blockHash: Uint8Array;
  readonly result: Pick<BlockResult, "skipped" | "isWorking">;
  /** Null where the engine tells it after the block. */
  readonly certificate: Uint8Array | null;
  readonly validators: ValidatorSet;
  /** Heights before this one whose headers hand over to another set. */
  readonly transitions: readonly number[];
}

export function makeBlockWrites(block: BlockToStore): StoreWrite[] {
  const { input, blockHash, result, certificate, validators, transitions } = block;
  const { header, statements, lastCertificate, evidence } = input;
  const record: BlockRecord = {
    header,
    validators,
    statements: statements.length,
    skipped: result.skipped.map(({ position, reason }) => ({
      position,
      code: reason.code,
      field: reason.field.slice(0, 256),
    })),
    lastCertificate,
    evidence,
    isWorking: result.isWorking ? 1 : 0,
    sizeBytes: statements.reduce(
      (sum, entry) => sum + entry.bytes.length,
      encode(headerCodec, header).length,
    ),
  };
  const isTransition = !equalBytes(header.validatorsHash, header.nextValidatorsHash);
  return [
    ...(isTransition
      ? [{ key: TRANSITIONS_KEY, value: encode(transitionsRecord, [...transitions, header.height]) }]
      : []),
    { key: blockKey(header.height), value: encode(blockRecord, record, "block") },
    { key: blockHashKey(blockHash), value: statementKey(header.height, 0).slice(1, 9) },
    ...(certificate === null ? [] : [{ key: certificateKey(header.height), value: certificate }]),
    ...statements.map((entry, position) => ({
      key: statementKey(header.height, position),
      value: entry.bytes,
    })),
  ];
}
