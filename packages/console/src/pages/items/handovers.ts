/** What became of a handover: the step by which the other side took the thing over. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";

/** By the step that handed over. What is still under way, or was handed over once more before, is not there. */
export function findReceipts(
  identity: string,
  events: readonly TracedEvent[],
): ReadonlyMap<TracedEvent, TracedEvent> {
  const found = new Map<TracedEvent, TracedEvent>();
  const open = new Map<string, TracedEvent>();
  for (const traced of events) {
    if (traced.isRetracted) continue;
    const named = traced.event.items.map((item) => item.identity);
    const meant = named.includes(identity) ? [identity] : named;
    if (traced.flags.includes("received"))
      for (const each of meant) {
        const handover = open.get(each);
        if (handover !== undefined) found.set(handover, traced);
        open.delete(each);
      }
    if (traced.flags.includes("handedOver")) for (const each of meant) open.set(each, traced);
  }
  return found;
}
