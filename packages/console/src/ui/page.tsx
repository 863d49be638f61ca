/** The head of a page: its heading is also the window's title. */
import { type ReactNode, useEffect } from "react";
import { useStrings } from "../strings/strings.tsx";
import { revealHidden } from "../words/foreign-text.ts";
import "./ui.css";

export function PageHead({
  title,
  shown,
  kind,
  aside,
}: {
  /** As plain text. */
  title: string;
  /** How the heading shows it, where that differs. */
  shown?: ReactNode;
  /** What sort of thing it is, above the heading. */
  kind?: string;
  aside?: ReactNode;
}): ReactNode {
  const { app } = useStrings();
  const plain = revealHidden(title.slice(0, 80))
    .map(({ text }) => text)
    .join("");
  useEffect(() => {
    document.title = `${plain} · ${app.title}`;
  }, [plain, app.title]);
  return (
    <div className="page-head">
      <div>
        {kind === undefined ? null : <p className="muted small">{kind}</p>}
        <h1>{shown ?? plain}</h1>
      </div>
      {aside}
    </div>
  );
}
