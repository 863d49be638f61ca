/** The messages of ABCI 2.0 as calls of the engine. What it throws ends CometBFT: only faults of one of the two get that far. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { SECONDS_END } from "@lhg/protocol/core/block/comet-header";
import { PROTOCOL_VERSION } from "@lhg/protocol/core/block/header";
import { toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { valueProof } from "@lhg/protocol/core/proof/receipt";
import type { SubmitResult } from "../../api/service.ts";
import {
  COMET_DUPLICATE_VOTE,
  COMET_LIGHT_CLIENT_ATTACK,
  type CometMisbehaviour,
} from "../../blocks/comet-misbehaviour.ts";
import { nameSubmission } from "../../blocks/leaf-hashed.ts";
import type { CometOffer } from "../../snapshot/comet-snapshot.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot.ts";
import {
  CheckTxType,
  type Misbehavior,
  MisbehaviorType,
  type RequestFinalizeBlock,
  type RequestProcessProposal,
  type RequestQuery,
  ResponseApplySnapshotChunk_Result,
  ResponseOfferSnapshot_Result,
  ResponseProcessProposal_ProposalStatus,
  ResponseVerifyVoteExtension_VerifyStatus,
} from "./abci/generated/abci_pb.ts";
import type { AbciHandler } from "./abci/handler.ts";
import type { CheckBatches } from "./check-batches.ts";
import { GENESIS_CURE } from "./check-genesis.ts";
import { CODE_MALFORMED, CODE_NOT_YET, CODE_OK, CODE_SKIPPED, type CometBlock } from "./comet-block.ts";
import type { CometEngine, CometEngineParts } from "./comet-engine.ts";

export interface HandlerParts {
  readonly engine: CometEngine;
  readonly crypto: CometEngineParts["crypto"];
  readonly version: string;
  readonly findHeld: CometEngineParts["findHeld"];
  readonly batches: CheckBatches;
  /** First height whose block CometBFT must keep; 0: all of them. */
  readonly retainHeight: () => number;
  /** The encoded proof that a key holds its value, or none, at the height it says. Throws what questions throw. */
  readonly proveValue: (partition: string, key: string) => Promise<{ height: number; bytes: Uint8Array }>;
  readonly snapshots: {
    list(): Promise<readonly SnapshotInfo[]>;
    /** Undefined where it is not there, or not any more. */
    readChunk(height: number, format: number, index: number): Promise<Uint8Array | undefined>;
  };
  /** Undefined where this node takes none. */
  readonly restore?: SnapshotReceiver;
}

/** Takes what state sync brings. */
export interface SnapshotReceiver {
  /** `unneeded`: this node has a chain already. */
  offer(
    offer: CometOffer,
    appHash: Uint8Array,
  ): Promise<"accepted" | "rejected" | "unknown-format" | "unneeded">;
  /** In any order, any number of times. The last one is only `taken` when the ledger has become the snapshot's. */
  apply(index: number, chunk: Uint8Array): Promise<"taken" | "wrong" | "failed">;
}

const CODESPACE = "lhg";
const KEY_BYTES_MAX = 2_048;
const NANOS_MAX = 999_999_999;

export function createAbciHandler(parts: HandlerParts): AbciHandler {
  const { engine, crypto } = parts;
  return {
    async info() {
      const { height, appHash } = engine.tip.head;
      return {
        data: CODESPACE,
        version: parts.version,
        appVersion: BigInt(PROTOCOL_VERSION),
        lastBlockHeight: BigInt(height),
        // Before the first block CometBFT is told by InitChain.
        lastBlockAppHash: height === 0 ? new Uint8Array(0) : appHash,
      };
    },
    async initChain({ chainId, time, initialHeight, validators }) {
      return engine.initChain({
        chainId,
        timeMs: toMs(time),
        initialHeight: toNumber(initialHeight, "initial_height"),
        validators: validators.map(({ pubKey, power }, i) => {
          if (pubKey?.sum.case !== "ed25519")
            throw new LhgError(
              "genesis.mismatch",
              `CometBFT's genesis says another kind of key, the ledger's Ed25519: ${GENESIS_CURE}`,
              `validators[${i}].pub_key`,
            );
          return { consensusKey: pubKey.sum.value, power };
        }),
      });
    },
    async checkTx({ tx, type }) {
      const named = nameSubmission(crypto, tx);
      if (named === undefined)
        return { code: CODE_MALFORMED, codespace: CODESPACE, log: "statement.malformed" };
      const isHeld = (): boolean => {
        const held = parts.findHeld(named.leafHash);
        return held !== undefined && Buffer.compare(held, tx) === 0;
      };
      const gone = { code: CODE_SKIPPED, codespace: CODESPACE, log: "waits here no longer" };
      if (isHeld()) return { code: CODE_OK };
      if (type === CheckTxType.RECHECK) return gone;
      const result = await checkNew(parts.batches, tx.slice());
      // What is committed is accepted again, for who asks. In CometBFT's mempool it would only make an empty block.
      return result.code === CODE_OK && !isHeld() ? gone : result;
    },
    async prepareProposal({ maxTxBytes }) {
      return { txs: engine.prepareProposal(toNumber(maxTxBytes, "max_tx_bytes")) };
    },
    async processProposal(request) {
      const fault = engine.processProposal(toBlock(request));
      const { ACCEPT, REJECT } = ResponseProcessProposal_ProposalStatus;
      return { status: fault === undefined ? ACCEPT : REJECT };
    },
    async finalizeBlock(request) {
      const { appHash, txResults, validatorUpdates, blockSizeBytesMax } = await engine.finalizeBlock(
        toBlock(request),
      );
      return {
        appHash,
        txResults: txResults.map(({ code, gasUsed, log }) => ({
          code,
          gasUsed: BigInt(gasUsed),
          log,
          codespace: code === CODE_OK ? "" : CODESPACE,
        })),
        validatorUpdates: validatorUpdates.map(({ consensusKey, power }) => ({
          pubKey: { sum: { case: "ed25519", value: consensusKey } },
          power,
        })),
        ...(blockSizeBytesMax === undefined
          ? {}
          : { consensusParamUpdates: { block: { maxBytes: BigInt(blockSizeBytesMax), maxGas: -1n } } }),
      };
    },
    async commit() {
      await engine.commit();
      return { retainHeight: BigInt(parts.retainHeight()) };
    },
    query: (request) => answerQuery(parts, request),
    async extendVote() {
      return {};
    },
    async verifyVoteExtension({ voteExtension }) {
      const { ACCEPT, REJECT } = ResponseVerifyVoteExtension_VerifyStatus;
      return { status: voteExtension.length === 0 ? ACCEPT : REJECT };
    },
    async listSnapshots() {
      const listed = await parts.snapshots.list();
      return {
        snapshots: listed.map(({ height, format, chunks, hash, metadata }) => ({
          height: BigInt(height),
          format,
          chunks,
          hash,
          metadata,
        })),
      };
    },
    async loadSnapshotChunk({ height, format, chunk: index }) {
      // Peers ask this, for whatever they like.
      const chunk = isHeight(height)
        ? await parts.snapshots.readChunk(Number(height), format, index)
        : undefined;
      return { chunk: chunk ?? new Uint8Array(0) };
    },
    async offerSnapshot({ snapshot, appHash }) {
      if (snapshot === undefined || !isHeight(snapshot.height))
        return { result: ResponseOfferSnapshot_Result.REJECT };
      const { height, format, chunks, hash, metadata } = snapshot;
      const offer = {
        height: Number(height),
        format,
        chunks,
        hash: hash.slice(),
        metadata: metadata.slice(),
      };
      const answer = await parts.restore?.offer(offer, appHash.slice());
      return { result: OFFER_RESULTS[answer ?? "unneeded"] };
    },
    async applySnapshotChunk({ index, chunk, sender }) {
      const { ACCEPT, RETRY, REJECT_SNAPSHOT } = ResponseApplySnapshotChunk_Result;
      const outcome = await parts.restore?.apply(index, chunk.slice());
      if (outcome === "taken") return { result: ACCEPT };
      if (outcome === "wrong") return { result: RETRY, refetchChunks: [index], rejectSenders: [sender] };
      return { result: REJECT_SNAPSHOT };
    },
  };
}

const OFFER_RESULTS = {
  accepted: ResponseOfferSnapshot_Result.ACCEPT,
  rejected: ResponseOfferSnapshot_Result.REJECT,
  "unknown-format": ResponseOfferSnapshot_Result.REJECT_FORMAT,
  unneeded: ResponseOfferSnapshot_Result.ABORT,
} as const;

/** `/value/PARTITION` with the key as data: what it holds, proven down to a header that CometBFT's validators signed. */
async function answerQuery(
  { proveValue }: HandlerParts,
  { path, data }: Pick<RequestQuery, "path" | "data">,
) {
  const partition = /^\/value\/([A-Za-z0-9:._-]{1,128})$/.exec(Buffer.from(path).toString("latin1"))?.[1];
  if (partition === undefined)
    return { code: CODE_SKIPPED, codespace: CODESPACE, log: "query.unknown: ask for /value/PARTITION" };
  if (data.length === 0 || data.length > KEY_BYTES_MAX)
    return { code: CODE_SKIPPED, codespace: CODESPACE, log: `data: must be 1 to ${KEY_BYTES_MAX} bytes` };
  try {
    const key = data.slice();
    const { height, bytes } = await proveValue(partition, toHex(key));
    return {
      code: CODE_OK,
      key,
      value: decode(valueProof, bytes, "proof").value ?? new Uint8Array(0),
      height: BigInt(height),
      proofOps: { ops: [{ type: "lhg.value-proof", key, data: bytes }] },
    };
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    return { code: CODE_SKIPPED, codespace: CODESPACE, log: `${error.code}: ${error.message}` };
  }
}

/** An exception would end CometBFT: where there is no room now, or the node stops, the transaction may come again. */
async function checkNew(batches: CheckBatches, tx: Uint8Array) {
  try {
    return describeCheck(await batches.check(tx));
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    return { code: CODE_NOT_YET, codespace: CODESPACE, log: `${error.code}: ${error.message}` };
  }
}

function describeCheck(result: SubmitResult) {
  if (result.state === "accepted") return { code: CODE_OK };
  const code = result.state === "refused" ? CODE_SKIPPED : CODE_NOT_YET;
  return { code, codespace: CODESPACE, log: `${result.code}: ${result.message}` };
}

function toBlock(request: RequestProcessProposal | RequestFinalizeBlock): CometBlock {
  return {
    height: toNumber(request.height, "height"),
    timeMs: toMs(request.time),
    hash: request.hash.slice(),
    txs: request.txs,
    proposerAddress: request.proposerAddress,
    misbehaviours: request.misbehavior.flatMap(toMisbehaviour),
  };
}

function toMisbehaviour({ type, height, validator }: Misbehavior): CometMisbehaviour[] {
  const kind =
    type === MisbehaviorType.DUPLICATE_VOTE
      ? COMET_DUPLICATE_VOTE
      : type === MisbehaviorType.LIGHT_CLIENT_ATTACK
        ? COMET_LIGHT_CLIENT_ATTACK
        : undefined;
  if (kind === undefined || validator === undefined) return [];
  return [{ type: kind, height: toNumber(height, "misbehavior.height"), address: validator.address.slice() }];
}

function toMs(time: Timestamp | undefined): number {
  if (time === undefined) throw new LhgError("abci.message", "must be there", "time");
  const { seconds, nanos } = time;
  if (seconds < 0n || seconds >= SECONDS_END || nanos < 0 || nanos > NANOS_MAX)
    throw new LhgError("abci.message", "must lie in the years 1970 to 9999", "time");
  return Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000);
}

function isHeight(value: bigint): boolean {
  return value > 0n && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

function toNumber(value: bigint, field: string): number {
  if (value !== 0n && !isHeight(value)) throw new LhgError("abci.message", "must be 0 to 2^53 - 1", field);
  return Number(value);
}
