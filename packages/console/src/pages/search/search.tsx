/** One box for everything: what is named exactly is opened, the rest is listed. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, Navigate, useSearchParams } from "react-router";
import { client } from "../../node/client.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Answer } from "../../ui/answer.tsx";
import { Badge } from "../../ui/badge.tsx";
import { formatAmount, formatNumber } from "../../ui/format.ts";
import { PageHead } from "../../ui/page.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Facts, Text } from "../../ui/values.tsx";
import { describeItem } from "../../words/identity.ts";
import { findAll, type Hit } from "./find.ts";

export default function Search(): ReactNode {
  const { found: words } = useStrings();
  const [search] = useSearchParams();
  const text = (search.get("q") ?? "").trim();
  const query = useQuery({ queryKey: ["search", text], queryFn: () => findAll(text) });
  const exact = query.data?.exact;
  if (exact !== undefined) return <Navigate to={exact.to} replace />;
  return (
    <div className="stack">
      <PageHead
        title={text === "" ? words.title : words.for(text)}
        shown={text === "" ? undefined : <Text value={words.for(text)} lengthMax={100} />}
      />
      <Answer query={query}>
        {({ hits, eventsLookedThrough }) => (
          <>
            {hits.length === 0 ? (
              <Nothing />
            ) : (
              <Panel title={words.results}>
                <ul className="bare-list">
                  {hits.map((hit) => (
                    <li key={`${hit.kind} ${hit.to}`}>
                      <HitRow hit={hit} />
                    </li>
                  ))}
                </ul>
              </Panel>
            )}
            {eventsLookedThrough === undefined || text === "" ? null : (
              <p className="muted small">{words.lookedThrough(eventsLookedThrough)}</p>
            )}
          </>
        )}
      </Answer>
    </div>
  );
}

function HitRow({ hit: { kind, title, to } }: { hit: Hit }): ReactNode {
  const { found: words, item } = useStrings();
  if (kind === "account") return <AccountCard address={title} />;
  return (
    <span className="row">
      <Badge>{words[kind]}</Badge>
      <Link to={to}>
        <Text value={kind === "item" ? describeItem(item, title) : title} lengthMax={140} />
      </Link>
    </span>
  );
}

function AccountCard({ address }: { address: string }): ReactNode {
  const { found: words } = useStrings();
  const query = useQuery({ queryKey: ["account", address], queryFn: () => client.getAccount(address) });
  return (
    <Answer query={query}>
      {(account) => (
        <div className="stack">
          <h3>
            {words.accountTitle} <code>{address}</code>
          </h3>
          <Facts
            facts={[
              [words.balance, formatAmount(account.balance)],
              [words.nonce, formatNumber(account.nonce)],
            ]}
          />
          <p className="row">
            {account.isValidator ? <Badge>{words.validatorAccount}</Badge> : null}
            <Link to={`/statements?account=${address}`}>{words.itsStatements}</Link>
          </p>
        </div>
      )}
    </Answer>
  );
}

function Nothing(): ReactNode {
  const { found: words } = useStrings();
  return (
    <Panel title={words.nothing}>
      <h3>{words.canBe}</h3>
      <ul>
        {words.kinds.map((kind) => (
          <li key={kind}>{kind}</li>
        ))}
      </ul>
    </Panel>
  );
}
