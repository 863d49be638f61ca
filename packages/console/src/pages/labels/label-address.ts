/** The address that stands in the code of a label, and the parts of the key that people read. */
import { LhgError } from "@lhg/protocol/core/errors";
import { canonicalIdentity } from "@lhg/protocol/epcis/identity";

export interface LabelText {
  readonly identity: string;
  /** What the code holds. */
  readonly address: string;
  /** `(01) 09521234543213`, one for each part of a GS1 key. */
  readonly parts: readonly string[];
}

const CANONICAL = "https://id.gs1.org/";

/**
 * A GS1 key stands in the path, as a Digital Link that any scanner of the trade understands; nodes lead from there to
 * the item. `base` is an origin. Throws `identity.*`, `label.base`.
 */
export function describeLabel(id: string, base: string): LabelText {
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol))
    throw new LhgError("label.base", "must be an http or https address", "base");
  const { origin } = new URL(base);
  const { key } = canonicalIdentity(id, "id");
  if (!key.startsWith(CANONICAL))
    return { identity: key, address: `${origin}/console/items?id=${encodeURIComponent(key)}`, parts: [key] };
  const path = key.slice(CANONICAL.length);
  const segments = path.split("/");
  const parts: string[] = [];
  for (let at = 0; at < segments.length; at += 2)
    parts.push(`(${segments[at]}) ${decodeURIComponent(segments[at + 1] ?? "")}`);
  return { identity: key, address: `${origin}/${path}`, parts };
}
