import { CborWriter } from "../codec/cbor-writer.ts";
import { type Codec, decode, encode } from "../codec/definition.ts";
import { InvariantError } from "../errors.ts";
import type { Cell, StateAccess, StateReader } from "./overlay.ts";
import type { Partition } from "./partition.ts";

export type KeyPart = number | string | Uint8Array;

/** One kind of state value under keys `[module, kind, ...parts]`; values are versioned records. */
export interface Table<K extends readonly KeyPart[], V> {
  readonly name: string;
  key(...parts: K): Uint8Array;
  get(state: StateReader, partition: Partition, ...parts: K): V | undefined;
  set(state: StateAccess, partition: Partition, value: V | undefined, ...parts: K): void;
  readonly codec: Codec<V>;
  /** First bytes of every key, for scans: an array head is not a prefix, so scans give the whole head. */
  readonly module: number;
  readonly kind: number;
}

/**
 * Defines a table. `module` and `kind` are numbers that are never reused. A stored value that does not
 * decode is a broken invariant: nothing but this table wrote it.
 */
export function defineTable<K extends readonly KeyPart[], V>(
  name: string,
  module: number,
  kind: number,
  codec: Codec<V>,
): Table<K, V> {
  const key = (...parts: K): Uint8Array => {
    const writer = new CborWriter();
    writer.writeArrayHeader(2 + parts.length);
    writer.writeInt(module);
    writer.writeInt(kind);
    for (const part of parts) {
      if (typeof part === "number") writer.writeInt(part);
      else if (typeof part === "string") writer.writeText(part);
      else writer.writeBytes(part);
    }
    return writer.finish();
  };
  const read = (value: Uint8Array): V => {
    try {
      return decode(codec, value, name);
    } catch (error) {
      throw new InvariantError(`stored ${name} does not decode: ${(error as Error).message}`);
    }
  };
  return {
    name,
    module,
    kind,
    codec,
    key,
    get: (state, partition, ...parts) => {
      const at = key(...parts);
      const cell: Cell | undefined =
        state.getCell === undefined ? { value: state.getValue(partition, at) } : state.getCell(partition, at);
      if (cell?.value === undefined) return undefined;
      cell.decoded ??= read(cell.value);
      return cell.decoded as V;
    },
    set: (state, partition, value, ...parts) => {
      const encoded = value === undefined ? undefined : encode(codec, value, name);
      state.setValue(partition, key(...parts), encoded, value);
    },
  };
}
