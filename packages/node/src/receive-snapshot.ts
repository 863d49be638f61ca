/** What CometBFT's state sync brings becomes the ledger of a node that has no blocks: offers judged, chunks gathered, the state restored. */
import { join } from "node:path";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import type { SnapshotReceiver } from "./consensus/comet/abci-handler.ts";
import { CHUNK_BYTES_MAX } from "./snapshot/chunk-format.ts";
import type { CometOffer } from "./snapshot/comet-snapshot.ts";
import type { SnapshotInfo } from "./snapshot/snapshot.ts";
import { describeFileError } from "./snapshot/snapshot-files.ts";
import type { SyncLog } from "./sync/block-sync.ts";
import type { ChunkStore } from "./sync/chunk-store.ts";
import type { LedgerClient } from "./threads/ledger-client.ts";

export interface ReceiverParts {
  readonly hasher: Pick<Hasher, "sha256">;
  readonly ledger: Pick<LedgerClient, "verifyOffer" | "restoreOffer" | "adoptRestored">;
  readonly chunks: ChunkStore;
  /** Where `chunks` has its folders. */
  readonly directory: string;
  /** The ledger has become another one. */
  readonly onAdopted: (ledger: Awaited<ReturnType<LedgerClient["adoptRestored"]>>) => void;
  readonly log: SyncLog;
}

interface Accepted {
  /** Of the folder of its chunks. */
  readonly name: string;
  readonly info: SnapshotInfo;
  readonly appHash: Uint8Array;
  readonly hashes: readonly Uint8Array[];
  /** Chunks that are on the disk. */
  readonly held: Set<number>;
  heldBytes: number;
  isRestored: boolean;
}

/** Chunks lie on the disk beside what is made of them. */
const ROOM_FACTOR = 3;

export function createSnapshotReceiver(parts: ReceiverParts): SnapshotReceiver {
  const { ledger, chunks, log } = parts;
  let accepted: Accepted | undefined;

  async function judge(offer: CometOffer, appHash: Uint8Array): Promise<Accepted> {
    const { isHeld, chunks: hashes, sizeBytes } = await ledger.verifyOffer(offer, appHash);
    const name = toHex(offer.hash);
    const info = { ...offer, sizeBytes };
    if (!isHeld) {
      if ((await chunks.listRejected()).includes(name))
        throw new LhgError("snapshot.rejected", "turned out to be false before", "hash");
      if ((await chunks.roomBytes()) < ROOM_FACTOR * sizeBytes)
        throw new LhgError("snapshot.io", `there is no room for ${ROOM_FACTOR} times ${sizeBytes} bytes`);
      await chunks.begin(name);
    }
    return { name, info, appHash, hashes, held: new Set(), heldBytes: 0, isRestored: isHeld };
  }

  /** All chunks are there. */
  async function restore(offer: Accepted): Promise<void> {
    await ledger.restoreOffer(offer.info, offer.appHash, join(parts.directory, offer.name));
    parts.onAdopted(await ledger.adoptRestored());
    offer.isRestored = true;
    log("info", { height: offer.info.height }, "the chain begins with a snapshot");
    await chunks.clear();
  }

  async function give(offer: Accepted, index: number, chunk: Uint8Array): Promise<"taken" | "wrong"> {
    if (offer.isRestored) return "taken";
    const hash = offer.hashes[index];
    const isRight = chunk.length <= CHUNK_BYTES_MAX && hash !== undefined;
    if (!isRight || !equalBytes(parts.hasher.sha256(chunk), hash)) return "wrong";
    if (offer.held.has(index)) return "taken";
    offer.heldBytes += chunk.length;
    if (offer.heldBytes > offer.info.sizeBytes)
      throw new LhgError("snapshot.oversize", "exceeds the size that was offered", `chunks[${index}]`);
    await chunks.write(offer.name, index, chunk);
    offer.held.add(index);
    if (offer.held.size === offer.hashes.length) await restore(offer);
    return "taken";
  }

  return {
    async offer(offer, appHash) {
      const about = { height: offer.height, format: offer.format, hash: toHex(offer.hash) };
      accepted = undefined;
      try {
        accepted = await judge(offer, appHash);
        log("info", { ...about, chunks: offer.chunks }, "a snapshot is offered");
        return "accepted";
      } catch (thrown) {
        const error = describeFileError(thrown);
        if (!(error instanceof LhgError)) throw error;
        log("warn", { ...about, code: error.code, reason: error.message }, "a snapshot is not taken");
        if (error.code === "snapshot.ledger-exists") return "unneeded";
        return error.code === "snapshot.format" ? "unknown-format" : "rejected";
      }
    },
    async apply(index, chunk) {
      if (accepted === undefined) return "failed";
      const offer = accepted;
      try {
        return await give(offer, index, chunk);
      } catch (thrown) {
        const error = describeFileError(thrown);
        if (!(error instanceof LhgError)) throw error;
        accepted = undefined;
        log("warn", { code: error.code, reason: error.message }, "the snapshot could not be restored");
        if (isFalse(error)) await chunks.reject(offer.name);
        await chunks.clear();
        return "failed";
      }
    },
  };
}

/** Whether the snapshot is to blame, and not this machine. */
function isFalse({ code }: LhgError): boolean {
  return (
    code.startsWith("snapshot.") &&
    !["snapshot.io", "snapshot.chunk", "snapshot.ledger-exists"].includes(code)
  );
}
