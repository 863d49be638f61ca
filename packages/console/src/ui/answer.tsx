/** A question's answer: awaited, failed, or shown; what was shown once stays while the node is away. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { isNotFound } from "../node/client.ts";
import { useStrings } from "../strings/strings.tsx";
import { Failure, Loading } from "./states.tsx";

export function Answer<T>({
  query,
  missing,
  children,
}: {
  query: UseQueryResult<T>;
  /** What is said where the node knows no such thing. */
  missing?: string;
  children: (data: T) => ReactNode;
}): ReactNode {
  const { state } = useStrings();
  if (query.data !== undefined) return children(query.data);
  if (query.isPending) return <Loading />;
  if (isNotFound(query.error))
    return (
      <div className="note" role="alert">
        <p>{missing ?? state.missing}</p>
      </div>
    );
  return <Failure error={query.error} onRetry={() => void query.refetch()} />;
}
