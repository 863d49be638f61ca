/** Offers bytes as a file: fetched only when asked for, so that a failure can be said. */
import { type ReactNode, useState } from "react";
import { Button } from "./button.tsx";
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
      saveBytes(await fetchBytes(), name, type);
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

function saveBytes(bytes: Uint8Array, name: string, type: string): void {
  const url = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
