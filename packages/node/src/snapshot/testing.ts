/** For tests: snapshots of test chains, and chains restored from them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { decode } from "@lhg/protocol/core/codec/definition";
import { toSignatureCheck } from "@lhg/protocol/core/cose";
import { submission } from "@lhg/protocol/core/statement/submission";
import { prepareStatement } from "@lhg/protocol/statements";
import { LedgerApplication } from "../application/application.ts";
import { certificateKey, statementKey } from "../blocks/store-keys.ts";
import { sodiumCrypto } from "../crypto/sodium.ts";
import { indexBlock } from "../queries/indexes.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import type { Store } from "../store/store.ts";
import { makeSnapshot } from "./make-snapshot.ts";
import { type RestoreOptions, restoreSnapshot } from "./restore-snapshot.ts";
import type { SnapshotInfo } from "./snapshot.ts";
import { readChunk, readTrustPath } from "./snapshot-files.ts";
import { verifyTrustPath } from "./trust.ts";

export async function makeFolder(context: Pick<TestContext, "after">): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lhg-snapshot-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface SnapshotParts {
  readonly info: SnapshotInfo;
  readonly chunks: Uint8Array[];
}

export async function takeSnapshot(
  application: LedgerApplication,
  folder: string,
  chunkBytes?: number,
  height?: number,
): Promise<SnapshotParts> {
  const info = await makeSnapshot(application, folder, {
    ...(chunkBytes === undefined ? {} : { chunkBytes }),
    ...(height === undefined ? {} : { height }),
  });
  const chunks: Uint8Array[] = [];
  for (let index = 0; index < info.chunks; index++) chunks.push(await readChunk(folder, info.height, index));
  return { info, chunks };
}

/** Restores what stands in a folder into a store, with parts of it changed as a test likes. */
export async function restoreFrom(
  genesis: RestoreOptions["genesis"],
  folder: string,
  info: SnapshotInfo,
  over: Partial<RestoreOptions> = {},
): Promise<Store> {
  const store = over.store ?? createMemoryStore();
  const path = await readTrustPath(folder, info.height);
  await restoreSnapshot({
    crypto: sodiumCrypto,
    genesis,
    info,
    readChunk: (index) => readChunk(folder, info.height, index),
    trusted: verifyTrustPath(sodiumCrypto, genesis, path),
    ...over,
    store,
  });
  return store;
}

export function openRestored(genesis: RestoreOptions["genesis"], store: Store): Promise<LedgerApplication> {
  return LedgerApplication.open(sodiumCrypto, store, genesis, indexBlock);
}

/** Executes and commits the next block as another application has committed it. */
export async function followBlock(application: LedgerApplication, from: LedgerApplication): Promise<void> {
  const height = application.head.height + 1;
  const block = from.getBlock(height)!;
  const statements = Array.from({ length: block.statements }, (_, position) => {
    const bytes = from.store.get(statementKey(height, position))!;
    const { sign1, leafHash } = prepareStatement(sodiumCrypto, decode(submission, bytes));
    return { bytes, leafHash, isSignatureValid: sodiumCrypto.verify(toSignatureCheck(sign1)) };
  });
  const { blockHash } = application.execute({ ...block, statements });
  await application.commit(blockHash, from.store.get(certificateKey(height))!);
}
