/** Every log whose head stands in the state. What appends to a log and is missing here is missing in snapshots. */
import { CborReader } from "./core/codec/cbor-reader.ts";
import { outboxLogs } from "./core/outbox.ts";
import type { Partition } from "./core/state/partition.ts";
import type { LogHolder, StoredLog } from "./core/state/stored-log.ts";
import { historyLogs } from "./history.ts";
import { membershipLogs } from "./modules/groups/groups.ts";
import { listLogs } from "./modules/trace/aliases.ts";
import { correctionLogs } from "./modules/trace/corrections.ts";
import { itemLogs } from "./modules/trace/items.ts";

const HOLDERS: readonly LogHolder[] = [
  historyLogs,
  outboxLogs,
  membershipLogs,
  itemLogs,
  listLogs,
  correctionLogs,
];
const byTable = new Map(HOLDERS.map((holder) => [`${holder.module} ${holder.kind}`, holder]));

/** The logs that a record of the state holds the heads of. Throws `cbor.*` and `value.*` for what is no record. */
export function findLogs(partition: Partition, key: Uint8Array, value: Uint8Array): readonly StoredLog[] {
  const reader = new CborReader(key);
  reader.readArrayHeader();
  const holder = byTable.get(`${reader.readInt()} ${reader.readInt()}`);
  return holder === undefined ? [] : holder.logsOf(partition, key, value);
}
