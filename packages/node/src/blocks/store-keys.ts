/** Keys of the node's own records beside the state's (which begin with 0x01 to 0x06). First bytes are never reused. */
import { concatBytes } from "@lhg/protocol/core/bytes";

const SPACE_META = 0x10;
const SPACE_BLOCK = 0x11;
const SPACE_STATEMENT = 0x12;
const SPACE_BLOCK_HASH = 0x13;
const SPACE_CERTIFICATE = 0x14;
const SPACE_KEPT_HEADER = 0x15;
/** Indexes begin here: 0x20 to 0x3f, one byte an index (queries/indexes.ts). */
export const SPACE_INDEX_FIRST = 0x20;

/** Unsigned 64-bit big-endian, so that keys sort by number. */
function numberKey(value: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(value));
  return out;
}

function makeKey(space: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes(Uint8Array.of(space), ...parts);
}

/** The newest committed block: head record. */
export const HEAD_KEY = Uint8Array.of(SPACE_META, 1);
export const GENESIS_KEY = Uint8Array.of(SPACE_META, 2);
/** Heights whose headers name another set of validators as next: what leads a light client on. */
export const TRANSITIONS_KEY = Uint8Array.of(SPACE_META, 3);

/** From where on blocks are kept: kept record. Absent while all are. */
export const KEPT_KEY = Uint8Array.of(SPACE_META, 4);
/** Stands while a snapshot is being restored: what else is in the store is not whole. */
export const RESTORING_KEY = Uint8Array.of(SPACE_META, 5);
/** The engine whose blocks these are: engine record. Absent: dBFT. */
export const ENGINE_KEY = Uint8Array.of(SPACE_META, 6);
/** The newest certified height, where certificates come after their blocks. */
export const CERTIFIED_KEY = Uint8Array.of(SPACE_META, 7);

export function blockKey(height: number): Uint8Array {
  return makeKey(SPACE_BLOCK, numberKey(height));
}

/** The submission at a position of a block, skipped ones included. */
export function statementKey(height: number, position: number): Uint8Array {
  return makeKey(SPACE_STATEMENT, numberKey(height), numberKey(position));
}

export function blockHashKey(hash: Uint8Array): Uint8Array {
  return makeKey(SPACE_BLOCK_HASH, hash);
}

/** The certificate that made a block final. */
export function certificateKey(height: number): Uint8Array {
  return makeKey(SPACE_CERTIFICATE, numberKey(height));
}

/** The certified header of a block whose record is not kept. */
export function keptHeaderKey(height: number): Uint8Array {
  return makeKey(SPACE_KEPT_HEADER, numberKey(height));
}
