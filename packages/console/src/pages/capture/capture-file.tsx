/** An EPCIS document that another program wrote, captured as it is. */
import { LhgError } from "@lhg/protocol/core/errors";
import { type CapturedEvent, readCapturedEvents } from "@lhg/sdk/capture/build";
import { type PreparedDocument, prepareDocument } from "@lhg/sdk/capture/prepare";
import { type ReactNode, useState } from "react";
import { DropPlace } from "../../signing/drop-place.tsx";
import { useSendError } from "../../signing/use-send-error.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Text } from "../../ui/values.tsx";
import { describeItem } from "../../words/identity.ts";
import { nameStep } from "../../words/steps.ts";
import { SendFailure } from "./send-failure.tsx";

const FILE_BYTES_MAX = 16 << 20;
const EVENTS_LISTED_MAX = 10;
const IDS_MAX = 100;

interface ReadFile {
  readonly name: string;
  readonly prepared: PreparedDocument;
  readonly events: readonly CapturedEvent[];
}

export function CaptureFile({
  canSend,
  onSend,
}: {
  canSend: boolean;
  onSend: (title: string, document: Uint8Array, ids: readonly string[]) => Promise<void>;
}): ReactNode {
  const { capture, item } = useStrings();
  const [file, setFile] = useState<ReadFile>();
  const [error, setError] = useSendError();
  const [isBusy, setBusy] = useState(false);

  const read = async (given: File): Promise<void> => {
    setError(undefined);
    setFile(undefined);
    try {
      if (given.size > FILE_BYTES_MAX)
        throw new LhgError("capture.size", `is larger than ${FILE_BYTES_MAX >> 20} MiB`, "file");
      const prepared = prepareDocument(new Uint8Array(await given.arrayBuffer()));
      setFile({ name: given.name, prepared, events: readCapturedEvents(prepared.document) });
    } catch (problem) {
      setError(problem);
    }
  };
  const send = async ({ name, prepared, events }: ReadFile): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const ids = new Set(events.flatMap(({ event }) => event.items.map(({ key }) => key)));
      await onSend(name, prepared.document, [...ids].slice(0, IDS_MAX));
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Panel title={capture.file.title}>
      <DropPlace
        title={capture.file.drop}
        button={capture.file.choose}
        hint={capture.file.hint}
        accept=".json,.jsonld,application/json,application/ld+json"
        onFile={read}
      />
      {file === undefined ? null : (
        <>
          <p>
            <Text value={file.name} />: {capture.file.events(file.events.length)}
          </p>
          <ul className="capture-list">
            {file.events.slice(0, EVENTS_LISTED_MAX).map(({ index, event, hash }) => (
              <li key={index}>
                <span>
                  <strong>
                    <Text value={nameStep(item, event)} lengthMax={80} />
                  </strong>{" "}
                  <Text value={describeItem(item, event.items[0]?.key ?? "")} lengthMax={70} />
                </span>
                <code className="clamp">{hash}</code>
              </li>
            ))}
          </ul>
          {file.prepared.isReordered || file.prepared.dropped.length > 0 ? (
            <p className="note warn">
              {capture.file.mended} <bdi className="clamp">{file.prepared.dropped.join(", ")}</bdi>
            </p>
          ) : null}
          <p>
            <Button isMain disabled={!canSend || isBusy} onClick={() => send(file)}>
              {isBusy ? capture.sending : capture.sign}
            </Button>
          </p>
        </>
      )}
      {error === undefined ? null : <SendFailure error={error} vendor={undefined} />}
    </Panel>
  );
}
