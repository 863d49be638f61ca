/** Why something could not be sent. That the node was away is no news any more once it is back. */
import { LhgError } from "@lhg/protocol/core/errors";
import { useEffect, useState } from "react";
import { useConnection } from "../node/live.ts";

export function isUnreachable(error: unknown): boolean {
  return (
    error instanceof LhgError && (error.code === "client.unreachable" || error.code === "client.timeout")
  );
}

export function useSendError(): readonly [error: unknown, setError: (error: unknown) => void] {
  const [error, setError] = useState<unknown>();
  const connection = useConnection();
  useEffect(() => {
    if (connection === "open") setError((held: unknown) => (isUnreachable(held) ? undefined : held));
  }, [connection]);
  return [error, setError];
}
