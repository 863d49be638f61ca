/** A statement on its way: durable at a node, in a block, provable. It is asked for again until it is there. */
import type { StatementState } from "@lhg/sdk/client/types";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { client } from "../node/client.ts";
import { useStrings } from "../strings/strings.tsx";
import { Badge } from "../ui/badge.tsx";
import { Hex } from "../ui/values.tsx";

const ASK_EVERY_MS = 250;
const ASK_LOST_EVERY_MS = 2_000;

export function useStatementState(id: string | undefined): StatementState | undefined {
  const { data } = useQuery({
    queryKey: ["statement-state", id],
    queryFn: () => client.getStatementState(id!),
    enabled: id !== undefined,
    staleTime: 0,
    refetchInterval: ({ state: { data, error } }) =>
      data?.state === "provable" || data?.state === "refused"
        ? false
        : error === null
          ? ASK_EVERY_MS
          : ASK_LOST_EVERY_MS,
  });
  return data;
}

/** Steps that are done are ticked; the last one says how it ended. */
export function Follow({ id, state }: { id: string; state: StatementState | undefined }): ReactNode {
  const { signing } = useStrings();
  const isThere = state?.state === "committed" || state?.state === "provable";
  const steps: readonly (readonly [label: string, isDone: boolean])[] = [
    [signing.steps.signed, true],
    [signing.steps.accepted, state !== undefined && state.state !== "unknown"],
    [isThere ? signing.steps.inBlock(state.height) : signing.steps.block, isThere],
    [signing.steps.provable, state?.state === "provable"],
  ];
  return (
    <div className="stack" role="status">
      <ol className="steps">
        {steps.map(([label, isDone]) => (
          <li key={label} className={isDone ? "done" : undefined}>
            <span aria-hidden="true">{isDone ? "✓" : "…"}</span> {label}
          </li>
        ))}
      </ol>
      <p className="row small">
        <span className="muted">{signing.statement}</span> <Hex value={id} length={20} />
        {isThere && state.status !== "ok" ? <Badge tone="bad">{state.status}</Badge> : null}
      </p>
      {state?.state === "refused" ? (
        <p className="note bad">
          {state.message} ({state.code})
        </p>
      ) : null}
    </div>
  );
}
