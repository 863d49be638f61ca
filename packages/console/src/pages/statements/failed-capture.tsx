/** A capture that failed, in words: who said what of which item, and whose number the item has. */
import type { Statement } from "@lhg/sdk/client/types";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Answer } from "../../ui/answer.tsx";
import { ItemLink, VendorLink } from "../../ui/links.tsx";
import { Text } from "../../ui/values.tsx";
import { nameStep } from "../../words/steps.ts";

const ITEMS_SHOWN = 2;

export function FailedCapture({ statement }: { statement: Statement }): ReactNode {
  const { statements: words, events, item } = useStrings();
  const { vendor } = statement.payload as Readonly<Record<string, string | undefined>>;
  const query = useQuery({
    queryKey: ["failed-capture", statement.id],
    queryFn: async () => (await import("./read-failed-capture.ts")).readFailedCapture(statement),
    staleTime: 60_000,
  });
  return (
    <Answer query={query}>
      {(claim) =>
        claim === null ? null : (
          <p>
            {vendor === undefined ? null : <VendorLink address={vendor} />} {words.failedSays}{" "}
            {claim.items.slice(0, ITEMS_SHOWN).map((identity, i) => (
              <span key={identity}>
                {i === 0 ? "" : ", "}
                <ItemLink identity={identity} />
              </span>
            ))}
            {claim.items.length > ITEMS_SHOWN ? ` ${events.andOthers(claim.items.length - ITEMS_SHOWN)}` : ""}
            : “
            <Text value={nameStep(item, claim)} lengthMax={80} />”
            {claim.holder === undefined || claim.holder === vendor ? (
              "."
            ) : (
              <>
                {words.failedForeign(claim.items.length)} <VendorLink address={claim.holder} />.
              </>
            )}
          </p>
        )
      }
    </Answer>
  );
}
