/** A step of the story: what one vendor captures in one document. */
import type { EventJson } from "../documents.ts";
import type { VendorId } from "../vendors.ts";

/** Claimed time of the event with this number in the document; later events come later. */
export type EventClock = (index: number) => number;

export interface StepContext {
  readonly at: EventClock;
  /** The `urn:dev:` name of a device of this world. */
  readonly deviceId: (device: string) => string;
  /** What that device would have measured then, in degrees Celsius. */
  readonly temperature: (device: string, timeMs: number) => number;
}

export interface Step {
  readonly captor: VendorId;
  readonly title: string;
  /** Hours since the ore was dug, as the told story has them. */
  readonly hours: number;
  /** Status that the ledger gives it; `ok` unless the step is there to fail. */
  readonly status?: string;
  readonly events: (context: StepContext) => EventJson[];
}
