import { InvariantError, LhgError } from "../../packages/protocol/src/core/errors.ts";

/** For work on what was decoded already: there an `LhgError` is no refusal of the input but a failure. */
export function expectNoRefusal<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof LhgError ? new InvariantError(`refused late: ${error.stack}`) : error;
  }
}
