/** Logs (RFC 9162) whose size and root stand in the state, while nodes and leaves are derived data. */
import { digest } from "../account.ts";
import { concatBytes } from "../bytes.ts";
import { encodeCbor } from "../codec/cbor.ts";
import { type Infer, record, uint } from "../codec/definition.ts";
import type { Hasher } from "../crypto.ts";
import { assertInvariant, InvariantError } from "../errors.ts";
import { emptyLogRoot, hashLeaf, hashNode, inclusionPath, type LogNodes } from "../merkle/log.ts";
import type { StateAccess, StateReader } from "./overlay.ts";

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
export const TILE_LEVELS = 4;
export const TILE_NODES = 1 << TILE_LEVELS;
export const HASH_BYTES = 32;

export function tileKey(id: LogId, level: number, tile: number): Uint8Array {
  return encodeCbor([TILE, id, level, tile]);
}

export function leafKey(id: LogId, index: number): Uint8Array {
  return encodeCbor([LEAF, id, index]);
}

export function logNodes(hasher: LogHasher, state: StateReader, id: LogId): LogNodes {
  return {
    getNode(level, index) {
      const below = level % TILE_LEVELS;
      const count = 1 << below;
      const first = index * count;
      const tile = state.getDerived(tileKey(id, level - below, Math.floor(first / TILE_NODES)));
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

/** The bytes of leaf `index`; undefined when pruned or beyond the end. */
export function getLeaf(state: StateReader, id: LogId, index: number): Uint8Array | undefined {
  return state.getDerived(leafKey(id, index));
}

/** Hashes of the leaves from `from` on, one after the other, as many of `count` as are kept; `from` begins a tile. */
export function readLeafHashes(state: StateReader, id: LogId, from: number, count: number): Uint8Array {
  assertInvariant(from % TILE_NODES === 0, "leaf hashes are read from the beginning of a tile");
  const tiles: Uint8Array[] = [];
  for (let first = from; first < from + count; first += TILE_NODES) {
    const tile = state.getDerived(tileKey(id, 0, first / TILE_NODES));
    if (tile === undefined) break;
    tiles.push(tile.subarray(0, (from + count - first) * HASH_BYTES));
  }
  return concatBytes(...tiles);
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
  const tiles = new TileWriter(state, id);
  const nodes = logNodes(hasher, state, id);
  // The newest complete node of every level that the size has: all that appending needs of the log before.
  const peaks: Uint8Array[] = [];
  for (let level = 0, index = size; index > 0; level++, index = Math.floor(index / 2))
    if (index % 2 === 1) peaks[level] = requirePeak(nodes, level, index - 1);
  let grown = size;
  for (const leafHash of leafHashes) {
    let hash = leafHash;
    let index = grown++;
    let level = 0;
    tiles.put(level, index, hash);
    while (index % 2 === 1) {
      hash = hashNode(hasher, peaks[level]!, hash);
      index = Math.floor(index / 2);
      level++;
      tiles.put(level, index, hash);
    }
    peaks[level] = hash;
  }
  tiles.flush();
  return { size: grown, root: foldPeaks(hasher, peaks, grown) };
}

function requirePeak(nodes: LogNodes, level: number, index: number): Uint8Array {
  const node = nodes.getNode(level, index);
  if (node === undefined) throw new InvariantError(`node ${index} of level ${level} of a log is missing`);
  return node;
}

/** The root of a log of `size` leaves from the newest complete node of each level of the size's binary form. */
function foldPeaks(hasher: LogHasher, peaks: readonly Uint8Array[], size: number): Uint8Array {
  let root: Uint8Array | undefined;
  for (let level = 0, index = size; index > 0; level++, index = Math.floor(index / 2)) {
    if (index % 2 === 0) continue;
    root = root === undefined ? peaks[level]! : hashNode(hasher, peaks[level]!, root);
  }
  return root ?? emptyLogRoot(hasher);
}

/** Gathers the tiles that an append changes, and writes each once. */
class TileWriter {
  private readonly state: StateAccess;
  private readonly id: LogId;
  private readonly open = new Map<
    string,
    { readonly key: Uint8Array; readonly bytes: Uint8Array; used: number }
  >();

  constructor(state: StateAccess, id: LogId) {
    this.state = state;
    this.id = id;
  }

  put(level: number, index: number, hash: Uint8Array): void {
    if (level % TILE_LEVELS !== 0) return;
    const tile = Math.floor(index / TILE_NODES);
    const start = (index % TILE_NODES) * HASH_BYTES;
    const name = `${level}/${tile}`;
    let open = this.open.get(name);
    if (open === undefined) {
      const key = tileKey(this.id, level, tile);
      open = { key, bytes: new Uint8Array(TILE_NODES * HASH_BYTES), used: 0 };
      if (start > 0) open.bytes.set(this.state.getDerived(key)!.subarray(0, start));
      this.open.set(name, open);
    }
    open.bytes.set(hash, start);
    open.used = start + HASH_BYTES;
  }

  flush(): void {
    for (const { key, bytes, used } of this.open.values()) this.state.putDerived(key, bytes.slice(0, used));
  }
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
