import { type ReactNode, useState } from "react";
import { useStrings } from "../strings/strings.tsx";
import { Button } from "../ui/button.tsx";
import { Hex, Text } from "../ui/values.tsx";
import { forgetUnsent, sendKept, useIsKeeping, useUnsent } from "./outbox.ts";
import { Problem } from "./problem.tsx";
import type { Unsent, UnsentKind } from "./unsent-store.ts";
import { useSendError } from "./use-send-error.ts";

/** What was signed and did not arrive, offered again. */
export function UnsentList({ kind, onSent }: { kind: UnsentKind; onSent: (id: string) => void }): ReactNode {
  const { signing } = useStrings();
  const entries = useUnsent(kind);
  const isKeeping = useIsKeeping();
  const [error, setError] = useSendError();
  const [busyId, setBusyId] = useState<string>();

  const send = async (entry: Unsent): Promise<void> => {
    setBusyId(entry.id);
    setError(undefined);
    try {
      await sendKept(entry);
      onSent(entry.id);
    } catch (problem) {
      setError(problem);
    } finally {
      setBusyId(undefined);
    }
  };

  if (entries.length === 0 && error === undefined && isKeeping) return null;
  return (
    <section className="note warn" aria-label={signing.unsent}>
      {isKeeping ? null : <p>{signing.keepsNothing}</p>}
      {entries.length === 0 ? null : <p>{signing.unsentHint}</p>}
      <ul className="unsent">
        {entries.map((entry) => (
          <li key={entry.id}>
            <Text value={entry.title} /> <Hex value={entry.id} />
            <span className="row">
              <Button isMain disabled={busyId !== undefined} onClick={() => send(entry)}>
                {busyId === entry.id ? signing.sending : signing.sendAgain}
              </Button>
              <Button disabled={busyId !== undefined} onClick={() => forgetUnsent(entry.id)}>
                {signing.discard}
              </Button>
            </span>
          </li>
        ))}
      </ul>
      {error === undefined ? null : <Problem title={signing.notSent} error={error} />}
    </section>
  );
}
