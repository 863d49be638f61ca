import { LhgError } from "@lhg/protocol/core/errors";
import { canonicalIdentity } from "@lhg/protocol/epcis/identity";

/** The canonical identity of what an address names; undefined where it names nothing, an error to show where it is malformed. */
export function readId(id: string): string | LhgError | undefined {
  if (id === "") return undefined;
  try {
    return canonicalIdentity(id, "id").key;
  } catch (error) {
    if (error instanceof LhgError) return error;
    throw error;
  }
}
