/** Everything that was signed and admitted, newest first, by kind and account. */
import type { StatementKind, StatementSummary } from "@lhg/sdk/client/types";
import { type FormEvent, type ReactNode, useState } from "react";
import { useSearchParams } from "react-router";
import { client } from "../../node/client.ts";
import { useLive } from "../../node/live.ts";
import { useStrings } from "../../strings/strings.tsx";
import { mergeNewest, StatementTitle, StatusBadge } from "../../ui/activity.tsx";
import { Button } from "../../ui/button.tsx";
import { useHold } from "../../ui/hold.tsx";
import { BlockLink, StatementLink } from "../../ui/links.tsx";
import { usePaged } from "../../ui/more-rows.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Empty } from "../../ui/states.tsx";
import { Table } from "../../ui/table.tsx";
import { Time } from "../../ui/values.tsx";
import "./statements.css";

const PAGE = 30;
const KINDS: readonly StatementKind[] = ["transaction", "collection", "capture"];
const ADDRESS = /^[0-9a-f]{40}$/;

export default function Statements(): ReactNode {
  const { statements: words } = useStrings();
  const [search] = useSearchParams();
  const kind = KINDS.find((known) => known === search.get("kind"));
  const given = search.get("account") ?? "";
  const account = ADDRESS.test(given) ? given : undefined;
  const { value: heard, button } = useHold(useLive().statements);
  const { rows: asked, foot } = usePaged<StatementSummary>({
    queryKey: ["statements", "list", kind, account],
    fetchPage: (cursor) =>
      client.listStatements({
        limit: PAGE,
        ...(kind === undefined ? {} : { kind }),
        ...(account === undefined ? {} : { account }),
        ...(cursor === undefined ? {} : { cursor }),
      }),
  });
  const rows = joinHeard(asked, heard, { kind, account });
  return (
    <div className="stack">
      <PageHead title={words.title} aside={<p className="muted">{words.lead}</p>} />
      <Filters kind={kind} account={given} />
      <Panel title={words.title} aside={button}>
        {asked !== undefined && rows.length === 0 ? <Empty>{words.none}</Empty> : null}
        {rows.length === 0 ? null : (
          <Table
            caption={words.title}
            rows={rows}
            keyOf={({ id }) => id}
            columns={[
              { head: words.kind, cell: (statement) => <StatementTitle statement={statement} /> },
              { head: words.id, cell: ({ id }) => <StatementLink id={id} /> },
              { head: words.block, cell: ({ height }) => <BlockLink height={height} /> },
              { head: words.time, cell: ({ timeMs }) => <Time ms={timeMs} /> },
              { head: words.outcome, cell: ({ status }) => <StatusBadge status={status} /> },
            ]}
          />
        )}
        {foot}
      </Panel>
    </div>
  );
}

/** Who signed is not told by the stream: a list of one account is what was asked for. */
function joinHeard(
  asked: readonly StatementSummary[] | undefined,
  heard: readonly StatementSummary[],
  { kind, account }: { kind: StatementKind | undefined; account: string | undefined },
): readonly StatementSummary[] {
  if (asked === undefined || account !== undefined) return asked ?? [];
  const fitting = heard.filter((statement) => kind === undefined || statement.kind === kind);
  return mergeNewest(asked, fitting, asked.length + fitting.length);
}

function Filters({ kind, account }: { kind: StatementKind | undefined; account: string }): ReactNode {
  const { statements: words } = useStrings();
  const [, setSearch] = useSearchParams();
  const [isWrong, setWrong] = useState(false);
  const apply = (next: { kind?: string; account?: string }): void =>
    setSearch(Object.entries(next).filter(([, value]) => value !== "") as [string, string][], {
      replace: true,
    });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const address = String(form.get("account") ?? "")
      .trim()
      .toLowerCase()
      .replace(/^0x/, "");
    setWrong(address !== "" && !ADDRESS.test(address));
    if (address === "" || ADDRESS.test(address))
      apply({ kind: String(form.get("kind") ?? ""), account: address });
  };
  return (
    <form className="filters" onSubmit={submit}>
      <label>
        <span className="small muted">{words.kind}</span>
        <select
          className="text-input"
          name="kind"
          defaultValue={kind ?? ""}
          onChange={(event) => event.currentTarget.form?.requestSubmit()}
        >
          <option value="">{words.anyKind}</option>
          {KINDS.map((known) => (
            <option key={known} value={known}>
              {words.kinds[known]}
            </option>
          ))}
        </select>
      </label>
      <label className="filters-wide">
        <span className="small muted">{words.account}</span>
        <input
          key={account}
          className="text-input"
          name="account"
          defaultValue={account}
          placeholder={words.accountHint}
          maxLength={80}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="none"
          aria-invalid={isWrong}
          aria-describedby={isWrong ? "account-wrong" : undefined}
        />
      </label>
      <Button type="submit" isMain>
        {words.filter}
      </Button>
      {kind === undefined && account === "" ? null : (
        <Button
          onClick={() => {
            setWrong(false);
            apply({});
          }}
        >
          {words.clear}
        </Button>
      )}
      {isWrong ? (
        <p id="account-wrong" className="small filters-wrong" role="alert">
          {words.accountWrong}
        </p>
      ) : null}
    </form>
  );
}
