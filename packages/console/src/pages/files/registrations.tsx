/** Who registered the hash of a file, the earliest first, as it is proven in this browser. */
import type { ReactNode } from "react";
import { Link } from "react-router";
import { useStrings } from "../../strings/strings.tsx";
import { Badge } from "../../ui/badge.tsx";
import { BlockLink } from "../../ui/links.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { Hex, Text, Time } from "../../ui/values.tsx";
import type { AttestationCheck, AttestationsCheck } from "../../verify/messages.ts";
import { useVendors, type Vendors } from "../../verify/use-vendors.ts";
import { VendorName } from "../../verify/vendor-name.tsx";
import { formatBytes } from "./format-bytes.ts";
import type { HashedFile } from "./hash-file.ts";
import { type AttestationsAnswer, useAttestations } from "./use-attestations.ts";

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
  const { proof } = data;
  return (
    <Panel title={files.who}>
      {proof.isProven ? (
        <Proven proof={proof} hashed={hashed} />
      ) : proof.refused === undefined ? (
        <p className="note warn">{data.waiting.length === 0 ? files.nobodySaid : files.notProvable}</p>
      ) : (
        <p className="note bad" role="alert">
          {files.listNotProven} {proof.refused.message} ({proof.refused.code})
        </p>
      )}
      <Waiting answer={data} />
    </Panel>
  );
}

type ProvenList = Extract<AttestationsCheck, { readonly isProven: true }>;

const HOUR_MS = 3_600_000;

function Proven({ proof, hashed }: { proof: ProvenList; hashed: HashedFile }): ReactNode {
  const { files, verdict } = useStrings();
  const { total, entries, provenByMs, height, isWithinTrust } = proof;
  const vendors = useVendors(entries.flatMap((entry) => (entry.isProven ? [entry.owner] : [])));
  const left = total - entries.length;
  const ageHours = Math.floor((Date.now() - provenByMs) / HOUR_MS);
  return (
    <>
      {total === 0 ? <p>{files.nobody}</p> : <p className="muted small">{files.meaning}</p>}
      <p className="muted small">
        {verdict.asOf} <Time ms={provenByMs} /> · {verdict.block(height)}
      </p>
      {isWithinTrust ? null : <p className="note warn">{files.unconfirmed}</p>}
      {ageHours >= 1 ? <p className="note warn">{verdict.ageHours(ageHours)}</p> : null}
      <ol className="registrations">
        {entries.map((entry, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: its place in the list is what names an entry
          <li key={index}>
            <Entry entry={entry} hashed={hashed} vendors={vendors} isWithinTrust={isWithinTrust} />
          </li>
        ))}
      </ol>
      {left > 0 ? <p className="muted">{files.more(left)}</p> : null}
    </>
  );
}

interface EntryProps {
  readonly entry: AttestationCheck;
  readonly hashed: HashedFile;
  readonly vendors: Vendors;
  readonly isWithinTrust: boolean;
}

function Entry({ entry, hashed, vendors, isWithinTrust }: EntryProps): ReactNode {
  const { files } = useStrings();
  if (!entry.isProven)
    return (
      <div className="registration">
        <p>
          <Badge tone="bad">
            {files.notProven} {entry.refused.message} ({entry.refused.code})
          </Badge>
        </p>
      </div>
    );
  const { owner, statementId, height, timeMs, sizeBytes, mediaType, note } = entry;
  return (
    <div className="registration">
      <p className="row">
        <strong>
          <Owner address={owner} vendors={vendors} />
        </strong>
        <Badge tone={isWithinTrust ? "good" : "warn"}>{files.proven}</Badge>
      </p>
      <p>
        <Time ms={timeMs} /> <span className="muted">{files.inBlock}</span> <BlockLink height={height} />
      </p>
      {note === "" ? null : (
        <p>
          <span className="muted">{files.note}:</span> <Text value={note} lengthMax={256} />
        </p>
      )}
      <p className="muted small">
        {files.saidSize(formatBytes(sizeBytes))} {mediaType === "" ? null : <Text value={mediaType} />}{" "}
        {sizeBytes === hashed.sizeBytes ? null : <Badge tone="warn">{files.otherSize}</Badge>}
      </p>
      <p>
        <a
          href={`/api/v1/statements/${statementId}/receipt`}
          download={`${statementId.slice(0, 16)}.receipt`}
        >
          {files.receipt}
        </a>
      </p>
    </div>
  );
}

/** Only a company has a name on the chain; any other account is its address. */
function Owner({ address, vendors }: { address: string; vendors: Vendors }): ReactNode {
  if (vendors.has(address)) return <VendorName vendor={address} vendors={vendors} />;
  return (
    <Link to={`/search?q=${address}`}>
      <Hex value={address} />
    </Link>
  );
}

/** What the node says of its newest block: a proof follows with the next one. */
function Waiting({ answer: { waiting } }: { answer: AttestationsAnswer }): ReactNode {
  const { files } = useStrings();
  if (waiting.length === 0) return null;
  return (
    <ul className="registrations">
      {waiting.map(({ index, owner }) => (
        <li key={index} className="registration">
          <p className="row">
            <Hex value={owner} /> <Badge>{files.waiting}</Badge>
          </p>
        </li>
      ))}
    </ul>
  );
}
