import type { Client } from "@lhg/sdk/client/client";
import { readItem } from "@lhg/sdk/items/read-item";
import { openChain } from "../chain.ts";
import { formatCount, formatFields } from "../output.ts";
import type { Session } from "../session.ts";

const CHILDREN_SHOWN = 20;

/** Where an item stands now: who answers for it, what it is in and what is in it. Throws `item.not-found`. */
export async function showItem(session: Session, uri: string): Promise<void> {
  const identity = readItem(uri, "item").key;
  const { client } = await openChain(session);
  const item = await client.getItem(identity);
  const { items: children } = await client.listItemChildren(identity, { limit: CHILDREN_SHOWN });
  const { aggregation, association } = item.children;
  const total = aggregation + association;
  const more = total - children.length;
  const { holder, custodian, pending } = item;
  const list = (all: readonly string[]): string => all.join(", ") || "none";
  const observations = item.observations.size;
  session.output.result(
    { ...item, contains: children },
    formatFields([
      ["item", `${item.identity} (${item.kind})`],
      [
        "holder",
        holder === null
          ? "nobody was granted its namespace"
          : `${await nameVendor(client, holder.vendor)}, prefix ${holder.prefix}`,
      ],
      ["custodian", custodian === null ? "nobody" : await nameVendor(client, custodian)],
      ...(pending === null
        ? []
        : [["on its way", `to ${await nameVendor(client, pending.to)}, not received yet`] as const]),
      ["commissioned", item.commissioned ?? "not on this chain"],
      ["ended", item.ended ?? "no"],
      ["is in", list(item.containers.map((container) => container.identity))],
      ["contains", total === 0 ? "nothing" : formatCount(total, "item")],
      ...children.map((child) => ["", child.identity] as const),
      ...(more > 0 ? [["", `and ${more} more`] as const] : []),
      ["quantities", list(item.quantities.map(({ balance, uom }) => `${balance} ${uom}`.trim()))],
      ["events", `${item.custody.size} in custody, ${formatCount(observations, "observation")}`],
    ]),
  );
}

async function nameVendor({ getVendor }: Pick<Client, "getVendor">, address: string): Promise<string> {
  return `${(await getVendor(address)).name} (${address})`;
}
