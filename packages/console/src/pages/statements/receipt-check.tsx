/** A statement's receipt, checked where it is looked at: what is proven, and what is only claimed. */
import type { Finding } from "@lhg/sdk/verify/verdict";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { Failure } from "../../ui/states.tsx";
import { Text } from "../../ui/values.tsx";

export function ReceiptCheck({ id }: { id: string }): ReactNode {
  const { statements: words } = useStrings();
  const [isAsked, setAsked] = useState(false);
  const query = useQuery({
    queryKey: ["receipt-check", id],
    queryFn: async () => (await import("./check-receipt.ts")).checkReceipt(id),
    enabled: isAsked,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <div aria-live="polite" className="receipt-check">
      {query.data === undefined ? (
        <Button isMain disabled={isAsked && query.isFetching} onClick={() => setAsked(true)}>
          {isAsked && query.isFetching ? words.checking : words.check}
        </Button>
      ) : (
        <Verdict answer={query.data} />
      )}
      {query.isError ? <Failure error={query.error} onRetry={() => void query.refetch()} /> : null}
    </div>
  );
}

type Answer = Awaited<ReturnType<typeof import("./check-receipt.ts").checkReceipt>>;

function Verdict({ answer: { verdict, isKnownChain } }: { answer: Answer }): ReactNode {
  const { statements: words } = useStrings();
  if (!verdict.ok)
    return (
      <div className="note bad" role="alert">
        <p>
          <strong>{isKnownChain ? words.checkFails : words.otherChain}</strong>{" "}
          <Text value={verdict.message} lengthMax={400} />
        </p>
        <code>{[verdict.code, verdict.field].filter(Boolean).join(" · ")}</code>
      </div>
    );
  return (
    <div className={verdict.isWithinTrust ? "note good" : "note warn"}>
      <p>
        <strong>{words.checkHolds}</strong> {words.checkNote}
      </p>
      <Findings title={words.proven} findings={verdict.proven} />
      <Findings title={words.claimed} findings={verdict.claimed} />
      <Findings title={words.problems} findings={verdict.problems} />
    </div>
  );
}

const FINDINGS_MAX = 40;

function Findings({ title, findings }: { title: string; findings: readonly Finding[] }): ReactNode {
  if (findings.length === 0) return null;
  return (
    <div className="findings">
      <h3>{title}</h3>
      <ul>
        {findings.slice(0, FINDINGS_MAX).map(({ what, text }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: findings have no other name and never change
          <li key={`${what} ${i}`}>
            <Text value={text} lengthMax={400} />
          </li>
        ))}
      </ul>
    </div>
  );
}
