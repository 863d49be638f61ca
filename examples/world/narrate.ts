/** Steps become documents with times: the told story ends when the world is born, the lived one happens now. */

import type { Accounts } from "./accounts.ts";
import { type EventJson, makeDocument } from "./documents.ts";
import { deviceUrn, FLEET, measure } from "./fleet.ts";
import type { Step, StepContext } from "./story/step.ts";
import { STORY_HOURS } from "./story/story.ts";

const HOUR_MS = 3_600_000;
/** Between the events of one document: told, and lived. */
const TOLD_SPACING_MS = 5 * 60_000;
const LIVED_SPACING_MS = 5;

function toldTimeMs(bornMs: number, { hours }: Pick<Step, "hours">): number {
  return bornMs - Math.round((STORY_HOURS - hours) * HOUR_MS);
}

export function tellStep(step: Step, bornMs: number, accounts: Pick<Accounts, "devices">): Uint8Array {
  const timeMs = toldTimeMs(bornMs, step);
  return write(step, timeMs, step.events(makeContext(accounts, (index) => timeMs + index * TOLD_SPACING_MS)));
}

/** `timeMs` is that of its last event or a little later: nothing is claimed of the future. */
export function liveStep(step: Step, timeMs: number, accounts: Pick<Accounts, "devices">): Uint8Array {
  const count = step.events(makeContext(accounts, () => timeMs)).length;
  const clock = (index: number): number => timeMs - Math.max(count - 1 - index, 0) * LIVED_SPACING_MS;
  return write(step, timeMs, step.events(makeContext(accounts, clock)));
}

function write({ captor }: Step, timeMs: number, events: readonly EventJson[]): Uint8Array {
  return makeDocument(captor, timeMs, events);
}

function makeContext({ devices }: Pick<Accounts, "devices">, at: StepContext["at"]): StepContext {
  const profileOf = (name: string) => FLEET.find((device) => device.name === name)!;
  return {
    at,
    deviceId: (name) => deviceUrn(devices.get(name)!.hex),
    temperature: (name, timeMs) => measure(profileOf(name), timeMs).celsius,
  };
}
