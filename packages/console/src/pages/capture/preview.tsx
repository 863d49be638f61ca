/** The document as it will be signed, in a sentence and in full. */
import { type ReactNode, useDeferredValue, useMemo } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { buildDocument } from "./build-document.ts";
import type { Draft } from "./draft.ts";

const SHOWN_MAX = 20_000;

export function Preview({ draft }: { draft: Draft }): ReactNode {
  const { capture } = useStrings();
  // Thousands of items take longer to read than a key takes to press.
  const settled = useDeferredValue(draft);
  const result = useMemo(() => buildDocument(settled, Date.now()), [settled]);
  if ("problems" in result) return <p className="muted small">{capture.previewLater}</p>;
  const { text, ids } = result.built;
  return (
    <details className="preview">
      <summary>{capture.preview(capture.happenings[settled.happening], ids.length)}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <pre className="source" tabIndex={0}>
        {text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text}
      </pre>
    </details>
  );
}
