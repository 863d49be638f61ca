import type { ReactNode } from "react";
import { Link } from "react-router";
import { useStrings } from "../strings/strings.tsx";

export function NotFound(): ReactNode {
  const { app } = useStrings();
  return (
    <div className="stack">
      <h1>{app.noPageTitle}</h1>
      <p>{app.noPage}</p>
      <p>
        <Link to="/">{app.home}</Link>
      </p>
    </div>
  );
}
