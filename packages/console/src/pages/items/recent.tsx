/** Items to choose from: those that the newest events name. */
import { type ReactNode, useMemo } from "react";
import { Link } from "react-router";
import { useLive } from "../../node/live.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Empty, Failure, Loading } from "../../ui/states.tsx";
import { Text } from "../../ui/values.tsx";
import { describeItem, readIdentity } from "../../words/identity.ts";
import { nameStep } from "../../words/steps.ts";
import { useNewestEvents } from "../search/newest-events.ts";
import { isOfKind, listItems } from "../search/recent-items.ts";

const SHOWN_MAX = 30;

/** Items below `kind` alone, where it is given; lots before others where `lotsFirst`. */
export function Recent({
  path,
  kind,
  lotsFirst = false,
}: {
  path: string;
  kind?: string;
  lotsFirst?: boolean;
}): ReactNode {
  const { item } = useStrings();
  const query = useNewestEvents();
  const { events: live } = useLive();
  const events = useMemo(() => [...live.toReversed(), ...(query.data ?? [])], [live, query.data]);
  const found = useMemo(() => {
    const isWanted = (identity: string): boolean => kind === undefined || isOfKind(identity, kind);
    const isLot = (identity: string): boolean => readIdentity(identity).lot !== undefined;
    const lots = lotsFirst ? listItems(events, (id) => isLot(id) && isWanted(id), SHOWN_MAX) : [];
    const others = listItems(
      events,
      (id) => !(lotsFirst && isLot(id)) && isWanted(id),
      SHOWN_MAX - lots.length,
    );
    return [...lots, ...others];
  }, [events, kind, lotsFirst]);
  if (found.length === 0) {
    if (query.isPending) return <Loading />;
    if (query.isError) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
    return <Empty>{kind === undefined ? item.recentNone : item.kindNone(query.data.length)}</Empty>;
  }
  return (
    <ul className="bare-list recent">
      {found.map(({ identity, event }) => (
        <li key={identity}>
          <Link
            to={`${path}?id=${encodeURIComponent(identity)}`}
            title={identity.slice(0, 1_024)}
            className="item-link"
          >
            <Text value={describeItem(item, identity)} lengthMax={90} />
          </Link>{" "}
          <span className="muted">
            <Text value={nameStep(item, event)} lengthMax={60} />
          </span>
        </li>
      ))}
    </ul>
  );
}
