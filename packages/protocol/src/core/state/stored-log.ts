/** Which records of the state hold the heads of logs: whoever copies a state must copy these logs, and can check them. */
import { type CborValue, decodeCbor } from "../codec/cbor.ts";
import { decode } from "../codec/definition.ts";
import type { LogHead, LogId } from "./log.ts";
import type { Partition } from "./partition.ts";
import type { KeyPart, Table } from "./table.ts";

/** A log and how far it is. */
export interface StoredLog {
  readonly id: LogId;
  readonly head: LogHead;
}

export interface LogHolder {
  readonly module: number;
  readonly kind: number;
  /** The logs of a record in a fixed order. Throws `cbor.*` and `value.*` for what the table cannot hold. */
  logsOf(partition: Partition, key: Uint8Array, value: Uint8Array): readonly StoredLog[];
}

/** Says of a table whose records hold heads which logs they are. */
export function holdLogs<K extends readonly KeyPart[], V>(
  table: Table<K, V>,
  logsOf: (value: V, partition: Partition, parts: K) => readonly StoredLog[],
): LogHolder {
  const { module, kind, codec, name } = table;
  return {
    module,
    kind,
    logsOf: (partition, key, value) => {
      const parts = (decodeCbor(key) as readonly CborValue[]).slice(2);
      return logsOf(decode(codec, value, name), partition, parts as unknown as K);
    },
  };
}
