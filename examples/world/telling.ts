/** Tells the story on the chain at the first start, and goes on where an earlier start was interrupted. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Accounts } from "./accounts.ts";
import { type Captured, type Chain, captureAll } from "./captors.ts";
import { tellStep } from "./narrate.ts";
import type { Step } from "./story/step.ts";
import type { VendorId } from "./vendors.ts";

export interface Telling {
  readonly bornMs: number;
  readonly accounts: Accounts;
  readonly steps: readonly Step[];
  /** Steps that are on the chain already. */
  readonly told: number;
  /** Called after every step, with what became of it. */
  readonly onTold: (told: number, step: Step, captured: Captured) => Promise<void>;
}

/** One vendor's steps in a row go together; who comes next must find them in a block. Throws `world.unexpected`. */
export async function tell(chain: Chain, telling: Telling): Promise<void> {
  const { steps, bornMs, accounts } = telling;
  for (let from = telling.told; from < steps.length; ) {
    const captor: VendorId = steps[from]!.captor;
    let until = from + 1;
    while (steps[until]?.captor === captor) until += 1;
    const turn = steps.slice(from, until);
    const documents = turn.map((step) => tellStep(step, bornMs, accounts));
    const captured = await captureAll(chain, accounts.vendors[captor], documents);
    for (const [i, step] of turn.entries()) {
      checkStatus(step, captured[i]!);
      await telling.onTold(from + i + 1, step, captured[i]!);
    }
    from = until;
  }
}

function checkStatus({ title, status: expected = "ok" }: Step, { id, status }: Captured): void {
  if (status !== expected)
    throw new LhgError("world.unexpected", `ended with ${status} instead of ${expected}: ${title}`, id);
}
