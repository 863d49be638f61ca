/** Which state a snapshot is made of, and what it says of it. Reads the present, so it runs before anything is awaited. */
import { decodeCometHeader, timeMsOf } from "@lhg/protocol/core/block/comet-header";
import { header as headerCodec } from "@lhg/protocol/core/block/header";
import { decode } from "@lhg/protocol/core/codec/definition";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import type { Genesis } from "@lhg/protocol/core/genesis";
import { type CertifiedHeader, ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import { createStateExport } from "@lhg/protocol/core/state/state-export";
import { VERSIONS_KEPT, type VersionedState } from "@lhg/protocol/core/state/versioned-state";
import { getValidatorSchedule } from "@lhg/protocol/modules/validators/validators";
import { isNamedBy, readCertifiedHeader } from "../blocks/certified-headers.ts";
import { settleCometTime } from "../blocks/comet-time.ts";
import { EVIDENCE_HEIGHTS_MAX } from "../blocks/proposal.ts";
import type { BlockRecord, HeadRecord } from "../blocks/records.ts";
import type { Store } from "../store/store.ts";
import { describeCometSnapshot } from "./comet-snapshot.ts";
import { describeSnapshot, type SnapshotInfo } from "./snapshot.ts";
import type { TrustPath } from "./trust.ts";

/** What a snapshot is made of: the application, between two blocks. */
export interface SnapshotSource {
  readonly crypto: Crypto;
  readonly genesis: Genesis;
  readonly store: Store;
  readonly state: VersionedState;
  readonly head: HeadRecord;
  readonly engine: number;
  readonly certifiedHeight: number;
  getBlock(height: number): BlockRecord | undefined;
  transitionsBefore(height: number): number[];
}

export interface WrittenChunks {
  readonly chunks: readonly Uint8Array[];
  readonly sizeBytes: number;
}

export interface SnapshotPlan {
  readonly height: number;
  readonly read: ReturnType<typeof createStateExport>;
  /** Undefined where the way to the header stands in the metadata. */
  readonly trust: TrustPath | undefined;
  readonly describe: (written: WrittenChunks) => SnapshotInfo;
}

/** Of `height`, or else the newest that can be proven. Throws `snapshot.not-yet`. */
export function planSnapshot(source: SnapshotSource, height: number | undefined): SnapshotPlan {
  return source.engine === ENGINE_COMETBFT ? planComet(source, height) : planDbft(source, height);
}

function fails(message: string): never {
  throw new LhgError("snapshot.not-yet", message, "height");
}

function planDbft(source: SnapshotSource, height = source.head.height - 1): SnapshotPlan {
  const { store, crypto } = source;
  const kept = height < 1 ? undefined : readCertifiedHeader(store, height);
  const next = readCertifiedHeader(store, height + 1);
  const certificate = source.getBlock(height + 1)?.lastCertificate;
  if (kept === undefined || next === undefined || certificate === undefined || certificate === null)
    return fails("there is no provable block yet");
  const header = decode(headerCodec, kept.header, "header");
  return {
    height,
    read: readStateOf(source, height),
    trust: readTrust(source, height, next),
    describe: (written) => describeSnapshot(crypto, { ...written, header, certificate }),
  };
}

/**
 * A block later than under dBFT: what a node has seen of the commit of `height + 1` is its own affair, and only the header of
 * `height + 2` says which one counts. CometBFT's light client wants that header too before it offers the snapshot to its ledger.
 */
function planComet(source: SnapshotSource, height = source.certifiedHeight - 2): SnapshotPlan {
  const { store, crypto, genesis } = source;
  const of = (at: number): CertifiedHeader | undefined =>
    at < 1 ? undefined : readCertifiedHeader(store, at);
  const [kept, next, after] = [of(height), of(height + 1), of(height + 2)];
  const resultsHash = source.getBlock(height + 1)?.header.resultsHash;
  if (kept === undefined || next === undefined || after === undefined || resultsHash === undefined)
    return fails("there is no provable block yet");
  if (!isNamedBy(crypto, next, after.header))
    return fails("the commit that is kept is not the one that the next header names");
  const timeMs = settleCometTime(genesis.timeMs, height, timeMsOf(decodeCometHeader(kept.header)));
  if (source.getBlock(height)?.header.timeMs !== timeMs)
    return fails("the time of the block does not follow from its own header");
  const { header } = kept;
  const trust = readTrust(source, height, next);
  return {
    height,
    read: readStateOf(source, height),
    trust: undefined,
    describe: (written) => describeCometSnapshot(crypto, { ...written, header, resultsHash, trust }),
  };
}

function readStateOf({ store, state, head }: SnapshotSource, height: number): SnapshotPlan["read"] {
  if (height < head.height - VERSIONS_KEPT)
    return fails(`the state of height ${height} is not kept any more`);
  const [first] = getValidatorSchedule(state.viewAt(height));
  if (first!.fromHeight > Math.max(1, height + 1 - EVIDENCE_HEIGHTS_MAX))
    return fails(`the validators changed twice within the last ${EVIDENCE_HEIGHTS_MAX} heights`);
  return createStateExport(store, height, head.height);
}

function readTrust(source: SnapshotSource, height: number, header: CertifiedHeader): TrustPath {
  const transitions = source.transitionsBefore(height + 1).map((at) => {
    const found = readCertifiedHeader(source.store, at);
    assertInvariant(found !== undefined, "headers that change the validators are kept");
    return found;
  });
  return { transitions, header };
}
