import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";

export const ROWS_SHOWN = 50;

/** Turns the pages of a list that is all here. */
export function Pager({
  start,
  count,
  onTurn,
}: {
  start: number;
  count: number;
  onTurn: (start: number) => void;
}): ReactNode {
  const { recall } = useStrings();
  if (count <= ROWS_SHOWN) return null;
  const until = Math.min(count, start + ROWS_SHOWN);
  return (
    <div className="row no-print">
      <Button disabled={start === 0} onClick={() => onTurn(Math.max(0, start - ROWS_SHOWN))}>
        {recall.previous}
      </Button>
      <span aria-live="polite">{recall.page(start + 1, until, count)}</span>
      <Button disabled={until === count} onClick={() => onTurn(start + ROWS_SHOWN)}>
        {recall.next}
      </Button>
    </div>
  );
}
