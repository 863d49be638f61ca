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
      <span title={data.pin.chainId}>
        {data.isKept ? verdict.pin(shortenChain(data.pin.chainId)) : verdict.pinLost}
      </span>
      <a href="/verifier.html">{verdict.pinLink}</a>
      {verdict.pinEnd}
    </p>
  );
}

/** `lhg-dev-0825…362e`: its name, and enough of its hash to tell two apart at a glance. */
function shortenChain(chainId: string): string {
  return chainId.replace(/([0-9a-f]{4})[0-9a-f]{24}([0-9a-f]{4})$/, "$1…$2");
}
