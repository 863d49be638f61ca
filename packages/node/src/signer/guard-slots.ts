/**
 * The file of a sign guard: two slots that are written in turn, each a whole memory with its checksum. A write that a power cut tears
 * leaves the slot of the write before it, and what the torn one held was never given out. The README has the format to the byte.
 */
import { hash } from "node:crypto";
import { constants, link, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { COMMIT, viewNumber } from "@lhg/protocol/core/block/certificate";
import { concatBytes, encodeUtf8, equalBytes } from "@lhg/protocol/core/bytes";
import {
  array,
  bytes,
  decode,
  encode,
  type Infer,
  nullable,
  record,
  uint,
} from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { chainId } from "@lhg/protocol/core/statement/transaction";
import { CHAINS_MAX, RECENT_MAX } from "./sign-rules.ts";

/** Whole pages, so that writing one slot never touches the other; a full memory takes 9.8 KB. */
export const SLOT_BYTES = 16 << 10;
export const FILE_BYTES = 2 * SLOT_BYTES;

const MAGIC = encodeUtf8("LHGsign1");
const LENGTH_BYTES = 4;
const HEADER_BYTES = MAGIC.length + LENGTH_BYTES;
const CHECKSUM_BYTES = 32;

const chain = record(undefined, {
  chainId,
  epoch: uint(),
  height: uint(),
  view: viewNumber,
  voted: uint(2 ** (COMMIT + 1) - 1),
  commit: nullable(record(undefined, { view: viewNumber, blockHash: bytes(32) })),
  recent: array(bytes(32), { max: RECENT_MAX }),
});

const guardState = record(1, {
  publicKey: bytes(32),
  /** Counts the writes; the slot is its lowest bit. */
  sequence: uint(),
  chains: array(chain, { max: CHAINS_MAX }),
});
export type GuardState = Infer<typeof guardState>;

/** A file of `FILE_BYTES`. What is written survives a power cut once `sync` resolved. */
export interface SlotFile {
  read(): Promise<Uint8Array>;
  write(slotBytes: Uint8Array, offset: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(hash("sha256", data, "buffer"));

/** `magic, u32 length, state, SHA-256 of all that`; the rest of the slot means nothing. */
export function encodeSlot(state: GuardState): Uint8Array {
  const body = encode(guardState, state);
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, body.length);
  const content = concatBytes(MAGIC, length, body);
  return concatBytes(content, sha256(content));
}

export function slotOffset({ sequence }: GuardState): number {
  return (sequence % 2) * SLOT_BYTES;
}

/** Undefined for anything but a slot that was written whole. */
export function decodeSlot(slot: Uint8Array): GuardState | undefined {
  if (slot.length < HEADER_BYTES || !equalBytes(slot.subarray(0, MAGIC.length), MAGIC)) return undefined;
  const bodyBytes = new DataView(slot.buffer, slot.byteOffset).getUint32(MAGIC.length);
  const end = HEADER_BYTES + bodyBytes;
  if (end + CHECKSUM_BYTES > slot.length) return undefined;
  if (!equalBytes(slot.subarray(end, end + CHECKSUM_BYTES), sha256(slot.subarray(0, end)))) return undefined;
  return decode(guardState, slot.subarray(HEADER_BYTES, end), "signState");
}

export interface Recovered {
  readonly state: GuardState;
  /** The other slot holds neither zeros nor a memory: the last write was torn, or the disk lost it. */
  readonly isTorn: boolean;
}

/** The newer memory of a file. Throws `signer.state`: without it nobody knows what the key signed. */
export function recoverState(file: Uint8Array, publicKey: Uint8Array): Recovered {
  if (file.length !== FILE_BYTES) throw damaged(`must be ${FILE_BYTES} bytes`);
  const slots = [file.subarray(0, SLOT_BYTES), file.subarray(SLOT_BYTES)];
  const [a, b] = slots.map(decodeSlot);
  const state = b === undefined || (a !== undefined && a.sequence > b.sequence) ? a : b;
  if (state === undefined) throw damaged("holds no memory that is whole");
  if (!equalBytes(state.publicKey, publicKey)) throw new LhgError("signer.state", "is of another key", FIELD);
  const isTorn = slots.some((slot, i) => [a, b][i] === undefined && slot.some((byte) => byte !== 0));
  return { state, isTorn };
}

const FIELD = "signState";

function damaged(message: string): LhgError {
  return new LhgError("signer.state", `${message}: what this key signed is not known any more`, FIELD);
}

/** The file of a key that has signed nothing yet. */
export function createFileBytes(publicKey: Uint8Array): Uint8Array {
  const file = new Uint8Array(FILE_BYTES);
  file.set(encodeSlot({ publicKey, sequence: 0, chains: [] }));
  return file;
}

/** Makes the file with its content, or not at all. Throws `signer.state-exists`: a memory is never written over. */
export async function createSlotFile(path: string, content: Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const handle = await open(temporary, "wx", 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new LhgError("signer.state-exists", "is there already: it is kept", path);
  } finally {
    await rm(temporary, { force: true });
  }
  const folder = await open(dirname(path), constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Throws `signer.state-missing`. */
export async function openSlotFile(path: string): Promise<SlotFile> {
  const handle = await open(path, "r+").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    throw new LhgError(
      "signer.state-missing",
      "is the memory of what this key signed, and is not there: it comes with the key; only a key that never signed starts without (--new-state)",
      path,
    );
  });
  return {
    read: async () => {
      const content = new Uint8Array(FILE_BYTES + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await handle.read(content, length, content.length - length, length);
        length += bytesRead;
        if (bytesRead === 0 || length === content.length) return content.subarray(0, length);
      }
    },
    write: async (slotBytes, offset) => {
      let written = 0;
      while (written < slotBytes.length) {
        const rest = slotBytes.subarray(written);
        written += (await handle.write(rest, 0, rest.length, offset + written)).bytesWritten;
      }
    },
    // The file never grows: data alone is flushed, no metadata.
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}
