/** The validators whose signatures make a block final, each checked here. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import "./blocks.css";
import { Hex } from "../../ui/values.tsx";

export function Signers({ proof, chainId }: { proof: string; chainId: string }): ReactNode {
  const { blocks: words } = useStrings();
  const query = useQuery({
    queryKey: ["certificate", chainId, proof],
    queryFn: async () => (await import("./certificate.ts")).checkCertificate(proof, chainId),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  if (query.isPending) return <p className="muted">{words.checking}</p>;
  if (query.isError)
    return (
      <p className="note bad" role="alert">
        {words.checkFailed} {query.error.message}
      </p>
    );
  const { engine, round, validators } = query.data;
  const count = validators.filter(({ hasSigned }) => hasSigned).length;
  return (
    <>
      <p>
        <strong>{words.signedBy(count, validators.length)}</strong>
        {` (${engine}${round === 0 ? "" : `, ${words.round} ${round}`})`}.{" "}
        <span className="muted">{words.checked}</span>
      </p>
      <ul className="signers small">
        {validators.map(({ consensusKey, hasSigned }) => (
          <li key={consensusKey} className={hasSigned ? "signed" : undefined}>
            <Hex value={consensusKey} />
            <span>{hasSigned ? words.signed : words.absent}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
