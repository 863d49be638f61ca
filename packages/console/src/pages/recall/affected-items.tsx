/** The items of a recall: how many, where, and each of them. */
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Badge, type Tone } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { ItemLink } from "../../ui/links.tsx";
import { Panel } from "../../ui/panel.tsx";
import { fileName, saveFile } from "../../ui/save-file.ts";
import { Table } from "../../ui/table.tsx";
import { Text, Time } from "../../ui/values.tsx";
import type { Vendors } from "../../verify/use-vendors.ts";
import { VendorName } from "../../verify/vendor-name.tsx";
import { toPlainText } from "../../words/foreign-text.ts";
import { describeItem } from "../../words/identity.ts";
import { nameStep } from "../../words/steps.ts";
import { type Stop, WorldMap } from "../items/map.tsx";
import { Place } from "../items/place.tsx";
import { formatPoint, parseGeo } from "../items/places.ts";
import { type Affected, type Status, timeOf } from "./affected.ts";
import { toCsv } from "./csv.ts";
import { countStatuses, type Group, groupItems, type Located, locate } from "./groups.ts";
import { Pager, ROWS_SHOWN } from "./pager.tsx";

interface Props {
  readonly identity: string;
  readonly affected: readonly Affected[];
  readonly isComplete: boolean;
  readonly bundle: Uint8Array;
  readonly vendors: Vendors;
}

const TONES: Readonly<Record<Status, Tone>> = {
  sold: "bad",
  transit: "warn",
  held: "good",
  gone: "plain",
  stock: "warn",
  left: "warn",
};

export function AffectedItems({ identity, affected, isComplete, bundle, vendors }: Props): ReactNode {
  const strings = useStrings();
  const { recall } = strings;
  const items = useMemo(() => locate(affected, vendors), [affected, vendors]);
  const groups = useMemo(() => groupItems(items), [items]);
  const [chosen, setChosen] = useState("");
  const shown = groups.find(({ key }) => key === chosen)?.items ?? items;
  const isPrinting = usePrinting();
  const [start, setStart] = useState(0);
  const rows = isPrinting ? shown : shown.slice(start, start + ROWS_SHOWN);
  const choose = (key: string): void => {
    setChosen(key === chosen ? "" : key);
    setStart(0);
  };
  const saveCsv = (): void =>
    saveFile(`${fileName(identity)}-recall.csv`, writeCsv(items, vendors, strings), "text/csv;charset=utf-8");
  return (
    <>
      <Panel
        title={isComplete ? recall.affected(items.length) : recall.affectedAtLeast(items.length)}
        aside={<Statuses items={items} />}
      >
        {isComplete ? null : <p className="note warn">{recall.incomplete}</p>}
        <div className="row no-print">
          <Button isMain onClick={saveCsv}>
            {recall.csv}
          </Button>
          <Button onClick={() => saveFile(`${fileName(identity)}-recall.trace`, bundle, "application/cbor")}>
            {recall.bundle}
          </Button>
          <Button onClick={() => window.print()}>{recall.print}</Button>
        </div>
      </Panel>
      <div className="recall-columns">
        <Panel title={recall.groupHead}>
          <ul className="groups">
            {groups.slice(0, 100).map((group) => (
              <li key={group.key}>
                <button
                  type="button"
                  className="group"
                  aria-pressed={group.key === chosen}
                  onClick={() => choose(group.key)}
                >
                  <span className="group-count">{group.items.length}</span>
                  <span>
                    <strong>
                      <Text
                        value={nameOf(group.vendor, vendors) ?? strings.item.custodianUnknown}
                        lengthMax={60}
                      />
                    </strong>
                    <br />
                    <Text value={placeOf(group, strings) ?? recall.unknownPlace} lengthMax={80} />
                  </span>
                  <span className="row">
                    {[...group.statuses].map(([status, count]) => (
                      <Badge key={status} tone={TONES[status]}>
                        {count} {recall.statuses[status]}
                      </Badge>
                    ))}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </Panel>
        <Panel title={recall.map}>
          <WorldMap
            stops={groups.slice(0, 100).flatMap((group): Stop[] =>
              group.point === undefined
                ? []
                : [
                    {
                      point: group.point,
                      mark: String(group.items.length),
                      label: `${group.items.length}: ${toPlainText(placeOf(group, strings) ?? "", 80)}`,
                    },
                  ],
            )}
          />
        </Panel>
      </div>
      <Panel title={recall.list} aside={<Badge>{shown.length}</Badge>}>
        <Table
          caption={recall.list}
          rows={rows}
          keyOf={(row) => row.identity}
          columns={[
            { head: recall.itemHead, cell: (row) => <ItemLink identity={row.identity} /> },
            {
              head: recall.status,
              cell: ({ status }) => <Badge tone={TONES[status]}>{recall.statuses[status]}</Badge>,
            },
            {
              head: recall.held,
              cell: ({ vendor }) =>
                vendor === undefined ? (
                  strings.item.custodianUnknown
                ) : (
                  <VendorName vendor={vendor} vendors={vendors} />
                ),
            },
            {
              head: recall.place,
              cell: ({ last }) => (last === undefined ? "" : <Place event={last.event} />),
            },
            {
              head: recall.when,
              cell: ({ last }) =>
                last === undefined ? null : (
                  <span>
                    <Text value={nameStep(strings.item, last.event)} lengthMax={40} />{" "}
                    <Time ms={timeOf(last)} />
                  </span>
                ),
            },
          ]}
        />
        {isPrinting ? null : <Pager start={start} count={shown.length} onTurn={setStart} />}
      </Panel>
    </>
  );
}

function Statuses({ items }: { items: readonly Affected[] }): ReactNode {
  const { recall } = useStrings();
  return (
    <span className="row">
      {[...countStatuses(items)].map(([status, count]) => (
        <Badge key={status} tone={TONES[status]}>
          {count} {recall.statuses[status]}
        </Badge>
      ))}
    </span>
  );
}

/** On paper the list is whole. */
function usePrinting(): boolean {
  const [isPrinting, setPrinting] = useState(false);
  useEffect(() => {
    const begin = (): void => setPrinting(true);
    const end = (): void => setPrinting(false);
    window.addEventListener("beforeprint", begin);
    window.addEventListener("afterprint", end);
    return () => {
      window.removeEventListener("beforeprint", begin);
      window.removeEventListener("afterprint", end);
    };
  }, []);
  return isPrinting;
}

type Strings = ReturnType<typeof useStrings>;

function nameOf(vendor: string | undefined, vendors: Vendors): string | undefined {
  return vendor === undefined ? undefined : (vendors.get(vendor)?.name ?? vendor);
}

function placeOf({ place, point }: Pick<Group, "place" | "point">, { item }: Strings): string | undefined {
  if (place !== null && parseGeo(place) === undefined) return describeItem(item, place);
  return point === undefined ? undefined : formatPoint(point);
}

function writeCsv(items: readonly Located[], vendors: Vendors, strings: Strings): string {
  const { recall, item } = strings;
  const head = ["identity", recall.status, recall.held, "address", recall.place, "latitude", "longitude"];
  const rows = items.map(({ identity, status, vendor, place, point, last }) => [
    identity,
    recall.statuses[status],
    nameOf(vendor, vendors) ?? "",
    vendor ?? "",
    place ?? "",
    point === undefined ? "" : String(point.latitude),
    point === undefined ? "" : String(point.longitude),
    last === undefined ? "" : nameStep(item, last.event),
    last === undefined ? "" : last.event.eventTime,
  ]);
  return toCsv([...head, recall.lastStep, recall.when], rows);
}
