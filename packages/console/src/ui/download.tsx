/** Offers bytes as a file: fetched only when asked for, so that a failure can be said. */
import { type ReactNode, useState } from "react";
import { Button } from "./button.tsx";
import { saveFile } from "./save-file.ts";
import { Failure } from "./states.tsx";

export function Download({
  label,
  name,
  type = "application/octet-stream",
  fetchBytes,
}: {
  label: string;
  name: string;
  type?: string;
  fetchBytes: () => Promise<Uint8Array>;
}): ReactNode {
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const start = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      saveFile(name, await fetchBytes(), type);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button disabled={isBusy} onClick={() => void start()}>
        {label}
      </Button>
      {error === undefined ? null : <Failure error={error} />}
    </>
  );
}
