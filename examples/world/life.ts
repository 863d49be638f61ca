/** Life after the story: run after run of production, a step every few seconds. */
import type { Accounts } from "./accounts.ts";
import { type Chain, captureAll } from "./captors.ts";
import type { Place } from "./memory.ts";
import { liveStep } from "./narrate.ts";
import { pause } from "./patience.ts";
import { createRandom } from "./random.ts";
import { continueStory } from "./story/story.ts";

export interface Life {
  readonly accounts: Accounts;
  /** Where an earlier start stopped. */
  readonly from: Place | null;
  /** Between two steps, on the average. */
  readonly paceMs: number;
  readonly onStep: (place: Place) => Promise<void>;
  readonly onProblem: (error: unknown, title: string) => void;
}

/** Until the signal of the chain ends it: rejects with its AbortError then. */
export async function live(
  chain: Chain,
  { accounts, from, paceMs, onStep, onProblem }: Life,
): Promise<never> {
  let place = from ?? { run: 1, step: 0, timeMs: Date.now() };
  for (;;) {
    const steps = continueStory(place.run);
    const random = createRandom(place.run, 2);
    while (place.step < steps.length) {
      const step = steps[place.step]!;
      await onStep(place);
      try {
        const document = liveStep(step, place.timeMs, accounts);
        const [captured] = await captureAll(chain, accounts.vendors[step.captor], [document]);
        if (captured!.status !== "ok") onProblem(new Error(captured!.status), step.title);
        place = { ...place, step: place.step + 1, timeMs: Date.now() };
      } catch (error) {
        // The step stays the next one: what follows builds on it.
        chain.signal.throwIfAborted();
        onProblem(error, step.title);
      }
      await pause(paceMs * (0.6 + 0.8 * random()), chain.signal);
    }
    place = { run: place.run + 1, step: 0, timeMs: Date.now() };
  }
}
