/** The rules in force and who keeps them. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { client } from "../../node/client.ts";
import { useValidators } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Answer } from "../../ui/answer.tsx";
import { formatAmount, formatBytes, formatDuration, formatNumber } from "../../ui/format.ts";
import { Panel } from "../../ui/panel.tsx";
import { Table } from "../../ui/table.tsx";
import { Facts, Hex } from "../../ui/values.tsx";

export function ParametersPanel(): ReactNode {
  const { node: words } = useStrings();
  const query = useQuery({
    queryKey: ["parameters"],
    queryFn: () => client.getParameters(),
    staleTime: 30_000,
  });
  const names = words.parameterNames as Readonly<Record<string, string>>;
  return (
    <Panel title={words.parameters}>
      <p className="muted">{words.parametersNote}</p>
      <Answer query={query}>
        {({ parameters }) => (
          <Facts
            facts={Object.entries(parameters).map(([name, value]) => [
              names[name] ?? name,
              formatParameter(name, value, words.units),
            ])}
          />
        )}
      </Answer>
    </Panel>
  );
}

/** The unit of a parameter stands in its name. */
function formatParameter(
  name: string,
  value: number | string,
  units: { readonly gas: string; readonly credits: string },
): string {
  if (typeof value === "string") return formatAmount(value);
  if (name.includes("SizeBytes")) return formatBytes(value);
  if (name.endsWith("MsMax")) return formatDuration(value);
  if (name.startsWith("gas")) return `${formatNumber(value)} ${units.gas}`;
  if (/^credits|CreditsPerDay/.test(name)) return `${formatNumber(value)} ${units.credits}`;
  return formatNumber(value);
}

export function ValidatorsPanel(): ReactNode {
  const { node: words, overview } = useStrings();
  const query = useValidators();
  return (
    <Panel title={words.validators}>
      <Answer query={query}>
        {({ current, votesNeeded }) => (
          <>
            <p className="muted">{overview.quorum(votesNeeded)}</p>
            <Table
              caption={words.validators}
              rows={current.validators}
              keyOf={({ operator }) => operator}
              columns={[
                { head: words.operator, cell: ({ operator }) => <Hex value={operator} length={18} /> },
                { head: words.consensusKey, cell: (row) => <Hex value={row.consensusKey} length={18} /> },
                { head: words.power, cell: ({ power }) => power, isNumber: true },
              ]}
            />
          </>
        )}
      </Answer>
    </Panel>
  );
}
