/** The document as it will be signed, in a sentence and in full. */
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { buildDocument } from "./build-document.ts";
import type { Draft } from "./draft.ts";

const SHOWN_MAX = 20_000;

export function Preview({ draft }: { draft: Draft }): ReactNode {
  const { capture } = useStrings();
  const result = buildDocument(draft, Date.now());
  if ("problems" in result) return <p className="muted small">{capture.previewLater}</p>;
  const { text, ids } = result.built;
  return (
    <details className="preview">
      <summary>{capture.preview(capture.happenings[draft.happening], ids.length)}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <pre tabIndex={0}>{text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text}</pre>
    </details>
  );
}
