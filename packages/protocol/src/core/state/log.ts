/** Logs (RFC 9162) whose size and root stand in the state, while nodes and leaves are derived data. */
import { digest } from "../account.ts";
import { encodeCbor } from "../codec/cbor.ts";
import { type Infer, record, uint } from "../codec/definition.ts";
import type { Hasher } from "../crypto.ts";
import { InvariantError } from "../errors.ts";
import {
  appendLeaf,
  emptyLogRoot,
  hashLeaf,
  hashNode,
  inclusionPath,
  type LogNodes,
  rootAtSize,
} from "../merkle/log.ts";
import { byteString, type StateAccess, type StateReader } from "./overlay.ts";

type LogHasher = Pick<Hasher, "sha256">;

/** What the state commits of a log. */
export const logHead = record(undefined, { size: uint(), root: digest });
export type LogHead = Infer<typeof logHead>;

export function emptyLogHead(hasher: LogHasher): LogHead {
  return { size: 0, root: emptyLogRoot(hasher) };
}

/** Names a log: its derived keys start with it. */
export type LogId = readonly (number | string | Uint8Array)[];

const TILE = 0;
const LEAF = 1;

/**
 * Nodes are kept in tiles: the up to 16 nodes of one level below a common ancestor four levels up, and only
 * of every fourth level. The levels between are hashed again when asked for, at most 15 hashes; a block of
 * 1,000 statements writes 67 tiles instead of 2,000 nodes.
 */
const TILE_LEVELS = 4;
const TILE_NODES = 1 << TILE_LEVELS;
const HASH_BYTES = 32;

function tileKey(id: LogId, level: number, tile: number): Uint8Array {
  return encodeCbor([TILE, id, level, tile]);
}

function leafKey(id: LogId, index: number): Uint8Array {
  return encodeCbor([LEAF, id, index]);
}

type TileReader = (level: number, tile: number) => Uint8Array | undefined;

function nodesOf(hasher: LogHasher, readTile: TileReader): LogNodes {
  return {
    getNode(level, index) {
      const below = level % TILE_LEVELS;
      const count = 1 << below;
      const first = index * count;
      const tile = readTile(level - below, Math.floor(first / TILE_NODES));
      const start = (first % TILE_NODES) * HASH_BYTES;
      if (tile === undefined || tile.length < start + count * HASH_BYTES) return undefined;
      let row: Uint8Array[] = Array.from({ length: count }, (_, i) =>
        tile.slice(start + i * HASH_BYTES, start + (i + 1) * HASH_BYTES),
      );
      while (row.length > 1)
        row = Array.from({ length: row.length / 2 }, (_, i) =>
          hashNode(hasher, row[2 * i]!, row[2 * i + 1]!),
        );
      return row[0];
    },
  };
}

export function logNodes(hasher: LogHasher, state: StateReader, id: LogId): LogNodes {
  return nodesOf(hasher, (level, tile) => state.getDerived(tileKey(id, level, tile)));
}

/** The bytes of leaf `index`; undefined when pruned or beyond the end. */
export function getLeaf(state: StateReader, id: LogId, index: number): Uint8Array | undefined {
  return state.getDerived(leafKey(id, index));
}

/** Appends a leaf and returns the new head; the caller stores it in the state. */
export function appendToLog(
  hasher: LogHasher,
  state: StateAccess,
  id: LogId,
  head: LogHead,
  leaf: Uint8Array,
): LogHead {
  state.putDerived(leafKey(id, head.size), leaf);
  return appendHashes(hasher, state, id, head.size, [hashLeaf(hasher, leaf)]);
}

/** Appends leaves of which only the hashes are kept here, because their bytes are stored elsewhere. */
export function appendHashes(
  hasher: LogHasher,
  state: StateAccess,
  id: LogId,
  size: number,
  leafHashes: readonly Uint8Array[],
): LogHead {
  const written = new Map<string, { readonly key: Uint8Array; tile: Uint8Array }>();
  const readTile: TileReader = (level, tile) => {
    const key = tileKey(id, level, tile);
    return written.get(byteString(key))?.tile ?? state.getDerived(key);
  };
  const put = (level: number, index: number, hash: Uint8Array): void => {
    if (level % TILE_LEVELS !== 0) return;
    const key = tileKey(id, level, Math.floor(index / TILE_NODES));
    const before = (index % TILE_NODES) * HASH_BYTES;
    const tile = new Uint8Array(before + HASH_BYTES);
    if (before > 0) tile.set(readTile(level, Math.floor(index / TILE_NODES))!.subarray(0, before));
    tile.set(hash, before);
    written.set(byteString(key), { key, tile });
  };
  const nodes = nodesOf(hasher, readTile);
  let grown = size;
  for (const leafHash of leafHashes) grown = appendLeaf(hasher, nodes, grown, leafHash, put);
  for (const { key, tile } of written.values()) state.putDerived(key, tile);
  return { size: grown, root: rootAtSize(hasher, nodes, grown) };
}

/** The path of leaf `index` in the log of this size. */
export function proveInclusion(
  hasher: LogHasher,
  state: StateReader,
  id: LogId,
  index: number,
  size: number,
): Uint8Array[] {
  if (index >= size) throw new InvariantError(`leaf ${index} of a log of ${size}`);
  return inclusionPath(hasher, logNodes(hasher, state, id), index, size);
}
