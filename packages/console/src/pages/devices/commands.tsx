/** Remote diagnosis: what a device was told, and what it answered under its own signature. */
import type { Command } from "@lhg/sdk/client/types";
import type { ReactNode } from "react";
import { useCommands } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Badge } from "../../ui/badge.tsx";
import { AccountLink, StatementLink } from "../../ui/links.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Empty } from "../../ui/states.tsx";
import { Table } from "../../ui/table.tsx";
import { Ago, Hex, Text, Time } from "../../ui/values.tsx";
import { CommandForm } from "./command-form.tsx";

export function Commands({ device }: { device: string }): ReactNode {
  const { devices: words } = useStrings();
  const commands = useCommands(device).data ?? [];
  return (
    <Panel title={words.diagnosis}>
      {commands.length === 0 ? <Empty>{words.noCommands}</Empty> : <CommandTable commands={commands} />}
      <CommandForm device={device} />
    </Panel>
  );
}

function CommandTable({ commands }: { commands: readonly Command[] }): ReactNode {
  const { devices: words } = useStrings();
  return (
    <Table
      caption={words.diagnosis}
      rows={commands}
      keyOf={({ id }) => id}
      columns={[
        { head: words.command, cell: ({ name }) => <Text value={name} lengthMax={60} /> },
        { head: words.payload, cell: ({ payload }) => <Payload payload={payload} /> },
        { head: words.time, cell: ({ timeMs }) => <Time ms={timeMs} /> },
        { head: words.sentBy, cell: ({ sentBy }) => <AccountLink address={sentBy} /> },
        { head: words.answer, cell: (command) => <CommandAnswer command={command} /> },
      ]}
    />
  );
}

const PRINTABLE = /^[\t\n\r\x20-\x7e]*$/;

/** Text where the bytes are some, else the bytes. */
function Payload({ payload = "" }: { payload: string | undefined }): ReactNode {
  if (payload === "") return "–";
  const bytes = Uint8Array.from(payload.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const text = new TextDecoder().decode(bytes);
  return PRINTABLE.test(text) ? <Text value={text} lengthMax={200} /> : <Hex value={payload} length={18} />;
}

function CommandAnswer({ command: { acknowledgement, expiryMs } }: { command: Command }): ReactNode {
  const { devices: words } = useStrings();
  if (acknowledgement === undefined)
    return expiryMs < Date.now() ? (
      <Badge tone="bad">{words.expired}</Badge>
    ) : (
      <Badge tone="warn">{words.noAnswer}</Badge>
    );
  const { result, statementId, timeMs } = acknowledgement;
  return (
    <span className="row">
      <Badge tone={/^done\b/.test(result) ? "good" : "warn"}>
        <Text value={result} lengthMax={40} />
      </Badge>
      <Ago ms={timeMs} />
      <StatementLink id={statementId} />
    </span>
  );
}
