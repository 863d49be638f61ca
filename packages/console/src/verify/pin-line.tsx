import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useStrings } from "../strings/strings.tsx";
import { PIN_QUERY } from "./use-trace.ts";

/** What the pin means, in a sentence. */
export function PinLine(): ReactNode {
  const { verdict } = useStrings();
  const { data } = useQuery(PIN_QUERY);
  if (data === undefined) return null;
  return (
    <p className="small pin-line no-print">
      {data.isKept ? verdict.pin(data.pin.chainId) : verdict.pinLost}
      <a href="/verifier.html">{verdict.pinLink}</a>
      {verdict.pinEnd}
    </p>
  );
}
