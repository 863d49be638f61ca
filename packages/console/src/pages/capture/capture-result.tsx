/** What became of a capture, and what to do with the things now. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { client } from "../../node/client.ts";
import { Follow, useStatementState } from "../../signing/follow.tsx";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { Panel } from "../../ui/panel.tsx";
import { itemPath } from "../scan/item-path.ts";

const ITEMS_LISTED_MAX = 8;
const LABELS_MAX = 100;

export interface Sent {
  readonly id: string;
  /** Keys of the things; of a file or of a capture that was sent again they are not known here. */
  readonly ids: readonly string[];
}

export function CaptureResult({ sent, onNext }: { sent: Sent; onNext: () => void }): ReactNode {
  const { capture } = useStrings();
  const state = useStatementState(sent.id);
  const hasFailed = (state?.state === "committed" || state?.state === "provable") && state.status !== "ok";
  const { data: statement } = useQuery({
    queryKey: ["statement", sent.id],
    queryFn: () => client.getStatement(sent.id),
    enabled: hasFailed,
  });
  const isDone = state?.state === "provable" && state.status === "ok";
  const listed = sent.ids.slice(0, ITEMS_LISTED_MAX);
  const labelQuery = new URLSearchParams(
    sent.ids.slice(0, LABELS_MAX).map((id): [string, string] => ["id", id]),
  );
  return (
    <Panel title={isDone ? capture.captured : hasFailed ? capture.failed : capture.underWay}>
      <Follow id={sent.id} state={state} />
      {hasFailed ? (
        <p className="note bad" role="alert">
          {capture.noEffect(state.status)} <bdi>{statement?.failure?.message ?? ""}</bdi>{" "}
          <code>{statement?.failure?.field ?? ""}</code>
        </p>
      ) : null}
      {isDone ? (
        <>
          <ul className="captured-items">
            {listed.map((id) => (
              <li key={id}>
                <Link to={itemPath(id)}>
                  <bdi className="clamp">{id}</bdi>
                </Link>
              </li>
            ))}
            {sent.ids.length > listed.length ? (
              <li>{capture.more(sent.ids.length - listed.length)}</li>
            ) : null}
          </ul>
          <p className="row">
            {sent.ids.length === 0 ? null : (
              <Link className="button" to={`/labels?${labelQuery}`}>
                {capture.labels}
              </Link>
            )}
            <a
              className="button"
              href={`/api/v1/statements/${sent.id}/receipt`}
              download={`${sent.id.slice(0, 16)}.receipt`}
            >
              {capture.receipt}
            </a>
            <Button isMain onClick={onNext}>
              {capture.next}
            </Button>
          </p>
        </>
      ) : null}
      {hasFailed || state?.state === "refused" ? (
        <p>
          <Button onClick={onNext}>{capture.change}</Button>
        </p>
      ) : null}
    </Panel>
  );
}
