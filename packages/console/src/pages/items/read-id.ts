import { LhgError } from "@lhg/protocol/core/errors";
import type { Identity } from "@lhg/protocol/epcis/identity";
import { readItem } from "@lhg/sdk/items/read-item";

/** The identity of what an address names or somebody typed; undefined where it is nothing, an error to show where it names no item. */
export function readId(id: string): Identity | LhgError | undefined {
  if (id === "") return undefined;
  try {
    return readItem(id, "");
  } catch (error) {
    if (error instanceof LhgError) return error;
    throw error;
  }
}
