/** Documents as programs write them, made fit to be signed: mended where that changes no event, and said what was. */
import { dropRepeatedMembers } from "@lhg/protocol/core/json";
import { hoistContext } from "@lhg/protocol/epcis/document";

export interface PreparedDocument {
  /** What is to be signed; the bytes given where nothing had to be mended. */
  readonly document: Uint8Array;
  /** JSON paths of members that a later one of the same name overrides: left out, as lenient readers do. */
  readonly dropped: readonly string[];
  /** Whether the `@context` was moved before the events, so that each can be read from head and slice. */
  readonly isReordered: boolean;
}

/** Throws `json.*` for what is no JSON, `epcis.*` for what is no document. */
export function prepareDocument(bytes: Uint8Array): PreparedDocument {
  const { bytes: unrepeated, dropped } = dropRepeatedMembers(bytes);
  const document = hoistContext(unrepeated);
  return { document, dropped, isReordered: document !== unrepeated };
}
