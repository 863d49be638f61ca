/** Proof that a file existed, unchanged: its hash, who registered it when, and a way to register it. */
import { toHex } from "@lhg/protocol/core/bytes";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { DropPlace } from "../../signing/drop-place.tsx";
import { UnsentList } from "../../signing/unsent-list.tsx";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Failure } from "../../ui/states.tsx";
import { Text } from "../../ui/values.tsx";
import "./files.css";
import { formatBytes } from "./format-bytes.ts";
import { type HashedFile, hashFile } from "./hash-file.ts";
import { Registration } from "./registration.tsx";
import { Registrations } from "./registrations.tsx";

/** Below this the start of the worker is what was measured. */
const RATED_BYTES_MIN = 10_000_000;

interface Progress {
  readonly file: File;
  readonly doneBytes: number;
  readonly startMs: number;
}

export default function Files(): ReactNode {
  const { files, sections } = useStrings();
  const queries = useQueryClient();
  const [progress, setProgress] = useState<Progress>();
  const [hashed, setHashed] = useState<HashedFile>();
  const [error, setError] = useState<unknown>();
  const [resentId, setResentId] = useState<string>();
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);

  const take = async (file: File): Promise<void> => {
    stop.current?.abort();
    const own = new AbortController();
    stop.current = own;
    const startMs = performance.now();
    setHashed(undefined);
    setError(undefined);
    setProgress({ file, doneBytes: 0, startMs });
    try {
      const done = await hashFile(
        file,
        (doneBytes) => {
          if (!own.signal.aborted) setProgress({ file, doneBytes, startMs });
        },
        own.signal,
      );
      setHashed(done);
    } catch (problem) {
      if (!own.signal.aborted) setError(problem);
    } finally {
      if (stop.current === own) setProgress(undefined);
    }
  };

  return (
    <div className="stack files">
      <PageHead title={sections.files} />
      <p className="muted">{files.lead}</p>
      <UnsentList
        kind="attestation"
        onSent={(id) => {
          setResentId(id);
          void queries.invalidateQueries({ queryKey: ["attestations"] });
        }}
      />
      {resentId === undefined ? null : <p className="note good">{files.resent}</p>}
      <DropPlace title={files.drop} button={files.choose} hint={files.hint} onFile={take} />
      {progress === undefined ? null : <Hashing progress={progress} onCancel={() => stop.current?.abort()} />}
      {error === undefined ? null : <Failure error={error} />}
      {hashed === undefined ? null : (
        <>
          <Panel title={files.file}>
            <p>
              <strong>
                <Text value={hashed.name} />
              </strong>
            </p>
            <p className="muted small">
              {hashed.sizeBytes < RATED_BYTES_MIN
                ? formatBytes(hashed.sizeBytes)
                : files.hashed(formatBytes(hashed.sizeBytes), rateOf(hashed.sizeBytes, hashed.tookMs))}
            </p>
            <p className="small">
              SHA-256: <code>{toHex(hashed.digest)}</code>
            </p>
          </Panel>
          <Registrations key={toHex(hashed.digest)} hashed={hashed} />
          <Registration key={`register ${toHex(hashed.digest)}`} hashed={hashed} />
        </>
      )}
    </div>
  );
}

function rateOf(bytes: number, ms: number): string {
  return `${formatBytes((bytes * 1_000) / Math.max(1, ms))}/s`;
}

function Hashing({ progress, onCancel }: { progress: Progress; onCancel: () => void }): ReactNode {
  const { files } = useStrings();
  const { file, doneBytes, startMs } = progress;
  const share = file.size === 0 ? 1 : doneBytes / file.size;
  return (
    <Panel title={files.hashing}>
      <p>
        <Text value={file.name} />
      </p>
      <progress max={1} value={share} aria-label={files.hashing} />
      <p className="muted small">
        {files.progress(
          formatBytes(doneBytes),
          formatBytes(file.size),
          rateOf(doneBytes, performance.now() - startMs),
        )}
      </p>
      <p>
        <Button onClick={onCancel}>{files.cancel}</Button>
      </p>
    </Panel>
  );
}
