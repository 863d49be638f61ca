import type { ReactNode } from "react";
import "./ui.css";

/** A titled part of a page. */
export function Panel({
  title,
  aside,
  children,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}): ReactNode {
  return (
    <section className="panel">
      <div className="panel-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** One figure that people look for first. */
export function Figure({
  label,
  value,
  note,
}: {
  label: string;
  value: ReactNode;
  note?: ReactNode;
}): ReactNode {
  return (
    <div className="panel figure">
      <p className="muted">{label}</p>
      <p className="figure-value">{value}</p>
      {note === undefined ? null : <p className="muted small">{note}</p>}
    </div>
  );
}
