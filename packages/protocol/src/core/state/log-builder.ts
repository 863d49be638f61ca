import type { Hasher } from "../crypto.ts";
import { emptyLogRoot, hashLeaf, hashNode } from "../merkle/log.ts";
import { SPACE_DERIVED, spaceKey } from "./layout.ts";
import type { LogHead } from "./log.ts";
import { HASH_BYTES, type LogId, leafKey, TILE_LEVELS, TILE_NODES, tileKey } from "./log.ts";
import type { KeyValueWrite } from "./versioned-state.ts";

interface OpenTile {
  tile: number;
  used: number;
  readonly bytes: Uint8Array;
}

/** Writes a log anew from its first leaf on, as appending would have, and holds no more of it than one tile a level. */
export class LogBuilder {
  private readonly hasher: Pick<Hasher, "sha256">;
  private readonly id: LogId;
  private readonly put: (write: KeyValueWrite) => void;
  private readonly peaks: Uint8Array[] = [];
  private readonly tiles: OpenTile[] = [];
  private size = 0;

  constructor(hasher: Pick<Hasher, "sha256">, id: LogId, put: (write: KeyValueWrite) => void) {
    this.hasher = hasher;
    this.id = id;
    this.put = put;
  }

  appendLeaf(leaf: Uint8Array): void {
    this.put({ key: spaceKey(SPACE_DERIVED, leafKey(this.id, this.size)), value: leaf });
    this.appendHash(hashLeaf(this.hasher, leaf));
  }

  appendHash(leafHash: Uint8Array): void {
    let hash = leafHash;
    let index = this.size++;
    let level = 0;
    this.putNode(level, index, hash);
    while (index % 2 === 1) {
      hash = hashNode(this.hasher, this.peaks[level]!, hash);
      index = Math.floor(index / 2);
      level++;
      this.putNode(level, index, hash);
    }
    this.peaks[level] = hash;
  }

  private putNode(level: number, index: number, hash: Uint8Array): void {
    if (level % TILE_LEVELS !== 0) return;
    const at = level / TILE_LEVELS;
    const tile = Math.floor(index / TILE_NODES);
    this.tiles[at] ??= { tile, used: 0, bytes: new Uint8Array(TILE_NODES * HASH_BYTES) };
    const open = this.tiles[at];
    open.tile = tile;
    open.bytes.set(hash, open.used);
    open.used += HASH_BYTES;
    if (open.used === open.bytes.length) this.flush(level, open);
  }

  private flush(level: number, open: OpenTile): void {
    const key = spaceKey(SPACE_DERIVED, tileKey(this.id, level, open.tile));
    this.put({ key, value: open.bytes.slice(0, open.used) });
    open.used = 0;
  }

  /** Writes what is open. The log can't be appended to by this builder afterwards. */
  finish(): LogHead {
    for (const [at, open] of this.tiles.entries()) if (open.used > 0) this.flush(at * TILE_LEVELS, open);
    let root: Uint8Array | undefined;
    for (let level = 0, index = this.size; index > 0; level++, index = Math.floor(index / 2)) {
      if (index % 2 === 0) continue;
      root = root === undefined ? this.peaks[level]! : hashNode(this.hasher, this.peaks[level]!, root);
    }
    return { size: this.size, root: root ?? emptyLogRoot(this.hasher) };
  }
}
