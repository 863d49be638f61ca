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
  inclusionPath,
  type LogNodes,
  rootAtSize,
} from "../merkle/log.ts";
import type { StateAccess, StateReader } from "./overlay.ts";

/** What the state commits of a log. */
export const logHead = record(undefined, { size: uint(), root: digest });
export type LogHead = Infer<typeof logHead>;

export function emptyLogHead(hasher: Pick<Hasher, "sha256">): LogHead {
  return { size: 0, root: emptyLogRoot(hasher) };
}

/** Names a log: its derived keys start with it. */
export type LogId = readonly (number | string | Uint8Array)[];

const NODE = 0;
const LEAF = 1;

export function nodeKey(id: LogId, level: number, index: number): Uint8Array {
  return encodeCbor([NODE, id, level, index]);
}

export function leafKey(id: LogId, index: number): Uint8Array {
  return encodeCbor([LEAF, id, index]);
}

export function logNodes(state: StateReader, id: LogId): LogNodes {
  return { getNode: (level, index) => state.getDerived(nodeKey(id, level, index)) };
}

/** The bytes of leaf `index`; undefined when pruned or beyond the end. */
export function getLeaf(state: StateReader, id: LogId, index: number): Uint8Array | undefined {
  return state.getDerived(leafKey(id, index));
}

/** Appends a leaf and returns the new head; the caller stores it in the state. */
export function appendToLog(
  hasher: Pick<Hasher, "sha256">,
  state: StateAccess,
  id: LogId,
  head: LogHead,
  leaf: Uint8Array,
): LogHead {
  state.putDerived(leafKey(id, head.size), leaf);
  return appendHash(hasher, state, id, head.size, hashLeaf(hasher, leaf));
}

/** Appends a leaf of which only the hash is kept here, because its bytes are stored elsewhere. */
export function appendHash(
  hasher: Pick<Hasher, "sha256">,
  state: StateAccess,
  id: LogId,
  size: number,
  leafHash: Uint8Array,
): LogHead {
  const nodes = logNodes(state, id);
  const put = (level: number, index: number, hash: Uint8Array): void =>
    state.putDerived(nodeKey(id, level, index), hash);
  const grown = appendLeaf(hasher, nodes, size, leafHash, put);
  return { size: grown, root: rootAtSize(hasher, nodes, grown) };
}

export function proveInclusion(
  hasher: Pick<Hasher, "sha256">,
  state: StateReader,
  id: LogId,
  index: number,
  size: number,
): Uint8Array[] {
  if (index >= size) throw new InvariantError(`leaf ${index} of a log of ${size}`);
  return inclusionPath(hasher, logNodes(state, id), index, size);
}
