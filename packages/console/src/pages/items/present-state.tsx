/** What the chain's record of the item says now. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { client } from "../../node/client.ts";
import { useStrings } from "../../strings/strings.tsx";
import { ItemLink } from "../../ui/links.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { Text } from "../../ui/values.tsx";
import type { ItemState } from "../../verify/messages.ts";
import { useVendors, type Vendors } from "../../verify/use-vendors.ts";
import { VendorName } from "../../verify/vendor-name.tsx";
import { isOneThing } from "../../words/identity.ts";
import { findCustody, findHolder } from "./custody.ts";

interface Props {
  readonly identity: string;
  readonly states: readonly ItemState[];
  readonly vendors: Vendors;
}

export function PresentState({ identity, states, vendors }: Props): ReactNode {
  const { item } = useStrings();
  const byIdentity = new Map(states.map((state) => [state.identity, state]));
  const state = byIdentity.get(identity);
  if (state === undefined || !state.isKnown) return null;
  const { pending, parents, children, parts, quantities, observations, isEnded } = state;
  return (
    <>
      <dl className="pairs">
        <dt>{item.custodian}</dt>
        <dd>
          <Custodian identity={identity} states={byIdentity} vendors={vendors} />
        </dd>
        {pending === null ? null : (
          <>
            <dt>{item.pending}</dt>
            <dd>
              <VendorName vendor={pending.to} vendors={vendors} />{" "}
              <span className="muted">({item.pendingMore})</span>
            </dd>
          </>
        )}
        {parents.map(({ isAggregation, identity: parent }) => (
          <div key={String(isAggregation)} className="contents">
            <dt>{isAggregation ? item.containedIn : item.builtInto}</dt>
            <dd>{parent === null ? item.custodianUnknown : <ItemLink identity={parent} />}</dd>
          </div>
        ))}
        {children + parts === 0 ? null : (
          <>
            <dt>{item.contains}</dt>
            <dd>{item.containsCount(children + parts)}</dd>
          </>
        )}
        {quantities.length === 0 ? null : (
          <>
            <dt>{item.quantities}</dt>
            <dd>
              <Text value={quantities.join(", ")} />
            </dd>
          </>
        )}
        {isEnded ? (
          <>
            <dt>{item.ended}</dt>
            <dd>{item.endedMore}</dd>
          </>
        ) : null}
        {observations === 0 ? null : (
          <>
            <dt>{item.observedCount}</dt>
            <dd>{item.observedTimes(observations)}</dd>
          </>
        )}
      </dl>
      {children + parts === 0 ? null : <Contents identity={identity} />}
      <p className="muted small">{item.stateNote}</p>
    </>
  );
}

interface CustodianProps {
  readonly identity: string;
  readonly states: ReadonlyMap<string, ItemState>;
  readonly vendors: Vendors;
}

function Custodian({ identity, states, vendors }: CustodianProps): ReactNode {
  const { item } = useStrings();
  const custody = findCustody(identity, states);
  if (custody.kind === "unknown") return item.custodianUnknown;
  if (custody.kind === "vendor") return <VendorName vendor={custody.vendor} vendors={vendors} />;
  return (
    <>
      <Holder identity={custody.identity} vendors={vendors} />
      {isOneThing(identity) ? null : <span className="muted"> ({item.custodianClass})</span>}
    </>
  );
}

/** The node names the holder; that the prefix is granted to it stands in the company's proven record. */
function Holder({ identity, vendors }: { identity: string; vendors: Vendors }): ReactNode {
  const { item } = useStrings();
  const known = findHolder(identity, vendors);
  const asked = useQuery({
    queryKey: ["item", identity],
    queryFn: () => client.getItem(identity),
    enabled: known === undefined,
  });
  const told = asked.data?.holder?.vendor;
  const proven = useVendors(told === undefined ? [] : [told]);
  const vendor = known ?? findHolder(identity, proven);
  if (vendor !== undefined)
    return (
      <>
        <VendorName vendor={vendor} vendors={new Map([...vendors, ...proven])} />{" "}
        <span className="muted">({item.custodianPrefix})</span>
      </>
    );
  if (asked.isPending && asked.isFetching) return <Loading />;
  return asked.data?.holder === null ? item.custodianNobody : item.custodianUnknown;
}

function Contents({ identity }: { identity: string }): ReactNode {
  const { item } = useStrings();
  const children = useQuery({
    queryKey: ["children", identity],
    queryFn: () => client.listItemChildren(identity, { limit: 100 }),
  });
  return (
    <details>
      <summary>{item.containsList}</summary>
      {children.isPending ? <Loading /> : null}
      {children.error === null ? null : <Failure error={children.error} />}
      <ul className="bare-list close">
        {(children.data?.items ?? []).map((child) => (
          <li key={child.key}>
            <ItemLink identity={child.identity} />
          </li>
        ))}
      </ul>
      {children.data?.next === undefined ? null : <p className="muted">…</p>}
    </details>
  );
}
