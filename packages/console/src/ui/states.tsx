/** What stands where an answer is awaited, is empty, or failed. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { ReactNode } from "react";
import { useStrings } from "../strings/strings.tsx";
import { Button } from "./button.tsx";
import "./ui.css";

export function Loading(): ReactNode {
  const { state } = useStrings();
  return <p className="muted">{state.loading}</p>;
}

export function Empty({ children }: { children?: ReactNode }): ReactNode {
  const { state } = useStrings();
  return <p className="muted">{children ?? state.empty}</p>;
}

/** Says what went wrong in words; code and field help whoever is asked for help. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }): ReactNode {
  const { state } = useStrings();
  const message = error instanceof Error ? error.message : String(error);
  return (
    <div className="note bad" role="alert">
      <p>
        <strong>{state.failed}</strong> {message}
      </p>
      {error instanceof LhgError ? (
        <p className="mono">{[error.code, error.field].filter(Boolean).join(" · ")}</p>
      ) : null}
      {onRetry === undefined ? null : <Button onClick={onRetry}>{state.retry}</Button>}
    </div>
  );
}
