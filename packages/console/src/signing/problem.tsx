import { LhgError } from "@lhg/protocol/core/errors";
import type { ReactNode } from "react";
import { Text } from "../ui/values.tsx";

/** Why something was not done, and what to do about it where that is known. */
export function Problem({
  title,
  error,
  advice,
}: {
  title: string;
  error: unknown;
  advice?: ReactNode;
}): ReactNode {
  const message = error instanceof Error ? error.message : String(error);
  return (
    <div className="note bad" role="alert">
      <p>
        <strong>{title}</strong> <Text value={message} lengthMax={400} />
      </p>
      {error instanceof LhgError ? (
        <p className="mono">{[error.code, error.field].filter(Boolean).join(" · ")}</p>
      ) : null}
      {advice === undefined ? null : <p>{advice}</p>}
    </div>
  );
}
