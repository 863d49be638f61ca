/** The chain as it moves. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { client } from "../../node/client.ts";
import { useLive } from "../../node/live.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Figure } from "../../ui/panel.tsx";

export default function Overview(): ReactNode {
  const strings = useStrings();
  const { blocks } = useLive();
  const status = useQuery({ queryKey: ["status"], queryFn: () => client.getStatus() });
  return (
    <div className="stack">
      <h1>{strings.sections.overview}</h1>
      <div className="cards">
        <Figure label="Height" value={blocks.at(-1)?.height ?? status.data?.height ?? "–"} />
      </div>
    </div>
  );
}
