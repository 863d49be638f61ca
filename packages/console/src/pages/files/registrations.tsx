/** Who registered the hash of a file, the earliest first, each with its receipt checked here. */
import type { Attestation } from "@lhg/sdk/client/types";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Badge } from "../../ui/badge.tsx";
import { AccountLink, BlockLink } from "../../ui/links.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { Text, Time } from "../../ui/values.tsx";
import { checkAttestation } from "./check-attestation.ts";
import { formatBytes } from "./format-bytes.ts";
import type { HashedFile } from "./hash-file.ts";
import { useAttestations } from "./use-attestations.ts";

export function Registrations({ hashed }: { hashed: HashedFile }): ReactNode {
  const { files } = useStrings();
  const { data, error, refetch } = useAttestations(hashed.digest);
  if (error !== null && data === undefined)
    return (
      <Panel title={files.who}>
        <Failure error={error} onRetry={() => void refetch()} />
      </Panel>
    );
  if (data === undefined) return <Loading />;
  const left = data.total - data.items.length;
  return (
    <Panel title={files.who}>
      {data.total === 0 ? <p>{files.nobody}</p> : <p className="muted small">{files.meaning}</p>}
      <ol className="registrations">
        {data.items.map((entry) => (
          <li key={entry.index}>
            <Entry entry={entry} hashed={hashed} />
          </li>
        ))}
      </ol>
      {left > 0 ? <p className="muted">{files.more(left)}</p> : null}
    </Panel>
  );
}

function Entry({ entry, hashed }: { entry: Attestation; hashed: HashedFile }): ReactNode {
  const { files } = useStrings();
  const isOtherSize = entry.sizeBytes !== hashed.sizeBytes;
  return (
    <div className="registration">
      <p className="row">
        <strong>
          <AccountLink address={entry.owner} />
        </strong>
        <Check entry={entry} digest={hashed.digest} />
      </p>
      <p>
        <Time ms={entry.timeMs} /> <span className="muted">{files.inBlock}</span>{" "}
        <BlockLink height={entry.height} />
      </p>
      {entry.note === "" ? null : (
        <p>
          <span className="muted">{files.note}:</span> <Text value={entry.note} lengthMax={256} />
        </p>
      )}
      <p className="muted small">
        {files.saidSize(formatBytes(entry.sizeBytes))}{" "}
        {entry.mediaType === "" ? null : <Text value={entry.mediaType} />}{" "}
        {isOtherSize ? <Badge tone="warn">{files.otherSize}</Badge> : null}
      </p>
      <p>
        <a
          href={`/api/v1/statements/${entry.statementId}/receipt`}
          download={`${entry.statementId.slice(0, 16)}.receipt`}
        >
          {files.receipt}
        </a>
      </p>
    </div>
  );
}

/** A block becomes provable with the next one: the node is asked again until then. */
function Check({ entry, digest }: { entry: Attestation; digest: Uint8Array }): ReactNode {
  const { files } = useStrings();
  const { data, error } = useQuery({
    queryKey: ["attestation-check", entry.statementId],
    queryFn: () => checkAttestation(digest, entry),
    staleTime: Number.POSITIVE_INFINITY,
    retry: (count, problem) => count < 10 && (problem as { code?: string }).code === "proof.not-yet",
    retryDelay: 500,
  });
  if (error !== null)
    return (
      <Badge tone="bad">
        {files.notProven} {error.message}
      </Badge>
    );
  if (data === undefined) return <Badge>{files.checking}</Badge>;
  return <Badge tone="good">{files.proven}</Badge>;
}
