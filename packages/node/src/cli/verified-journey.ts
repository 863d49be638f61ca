import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import type { JourneyStep } from "./journey.ts";

/** The events of a verified trace as steps. */
export function toJourney(events: readonly TracedEvent[]): JourneyStep[] {
  return events.map(({ capture, event, captor, depth, height, log, isRetracted, flags }) => ({
    id: `${capture}:${event.index}`,
    eventTime: event.eventTime,
    type: event.type,
    action: event.action,
    bizStep: event.bizStep,
    readPoint: event.readPoint,
    items: event.items,
    captor,
    height,
    depth,
    log,
    isRetracted,
    flags,
  }));
}
