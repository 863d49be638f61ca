/** JSON that may hold anything, as a tree that opens and folds: bounded in depth, in length and in what is drawn at once. */
import type { Json } from "@lhg/protocol/core/codec/definition";
import { type ReactNode, useState } from "react";
import { useStrings } from "../strings/strings.tsx";
import { Button } from "./button.tsx";
import { formatNumber } from "./format.ts";
import { Hex, Text } from "./values.tsx";

const SHOWN_AT_ONCE = 50;
const OPEN_DEPTH = 3;
const DEPTH_MAX = 40;
const HEX = /^(?:[0-9a-f]{2}){16,}$/;

export function JsonTree({ value }: { value: Json }): ReactNode {
  return (
    <div className="json">
      <Value value={value} depth={0} />
    </div>
  );
}

function Value({ value, depth }: { value: Json; depth: number }): ReactNode {
  if (typeof value === "string")
    return HEX.test(value) ? <Hex value={value} length={26} /> : <Text value={value} lengthMax={2_000} />;
  if (typeof value !== "object" || value === null) return <code>{String(value)}</code>;
  const entries = Object.entries(value);
  if (entries.length === 0) return <code>{Array.isArray(value) ? "[ ]" : "{ }"}</code>;
  return <Branch entries={entries} isArray={Array.isArray(value)} depth={depth} />;
}

function Branch({
  entries,
  isArray,
  depth,
}: {
  entries: [string, Json][];
  isArray: boolean;
  depth: number;
}): ReactNode {
  const { values } = useStrings();
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH);
  const [shown, setShown] = useState(SHOWN_AT_ONCE);
  if (depth > DEPTH_MAX) return <span className="muted">{values.tooDeep}</span>;
  const list = (
    <ul>
      {entries.slice(0, shown).map(([key, value]) => (
        <li key={key}>
          <span className="json-key">
            <Text value={key} lengthMax={80} />
          </span>
          <Value value={value} depth={depth + 1} />
        </li>
      ))}
      {entries.length > shown ? (
        <li>
          <Button onClick={() => setShown(shown + 10 * SHOWN_AT_ONCE)}>
            {values.showMore(formatNumber(entries.length - shown))}
          </Button>
        </li>
      ) : null}
    </ul>
  );
  if (depth === 0) return list;
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="muted small">
        {isArray ? values.entries(entries.length) : values.fields(entries.length)}
      </summary>
      {isOpen ? list : null}
    </details>
  );
}
