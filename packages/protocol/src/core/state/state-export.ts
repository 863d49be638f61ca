/** Reads all that the state held after a block of the last `VERSIONS_KEPT`, from one scan of the store. */
import { equalBytes } from "../bytes.ts";
import { assertInvariant } from "../errors.ts";
import {
  type Archive,
  archiveName,
  decodeArchive,
  decodeVersioned,
  SPACE_ARCHIVE,
  SPACE_LATEST,
  spaceKey,
  versionBytes,
} from "./layout.ts";
import { type Partition, readPartition } from "./partition.ts";
import type { KeyValueReader } from "./versioned-state.ts";

/** The keys of the store that hold newest values: by partition, then by key. */
export const VALUES_RANGE = { gte: Uint8Array.of(SPACE_LATEST), lt: Uint8Array.of(SPACE_LATEST + 1) };

export interface StateEntry {
  readonly partition: Partition;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

type StoredValue = { readonly key: Uint8Array; readonly value: Uint8Array };

/**
 * What newest values, as the store has them at `head`, were at `version`; undefined where the key held nothing then. What later
 * blocks overwrote is read here and now, so that the scan may go on while more blocks are committed.
 */
export function createStateExport(
  store: KeyValueReader,
  version: number,
  head: number,
): (stored: StoredValue) => StateEntry | undefined {
  const archives = new Map<number, Archive>();
  for (let later = version + 1; later <= head; later++) {
    const stored = store.get(spaceKey(SPACE_ARCHIVE, versionBytes(later)));
    if (stored !== undefined) archives.set(later, decodeArchive(stored));
  }
  let partition: Partition | undefined;
  return ({ key: storeKey, value: stored }) => {
    const path = storeKey.subarray(1);
    if (partition === undefined || !equalBytes(path.subarray(0, partition.id.length), partition.id))
      partition = readPartition(path).partition;
    const { id } = partition;
    const key = path.subarray(id.length);
    let found = decodeVersioned(stored);
    while (found.version > version) {
      if (found.previous === found.version) return undefined;
      const before = archives.get(found.version)?.get(archiveName(SPACE_LATEST, id, key))?.before;
      assertInvariant(before !== undefined, "what a block overwrote is kept for the last heights");
      found = before;
    }
    return found.value === undefined ? undefined : { partition, key, value: found.value };
  };
}
