/** Labels to print: the code of each item, and its key for people. */
import { useQueries } from "@tanstack/react-query";
import { type CSSProperties, type FormEvent, type ReactNode, useState } from "react";
import { useSearchParams } from "react-router";
import { client } from "../../node/client.ts";
import { useStatus } from "../../node/questions.ts";
import "../../signing/signing.css";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Empty, Failure } from "../../ui/states.tsx";
import { readCode } from "../scan/read-code.ts";
import { describeLabel, type LabelText } from "./label-address.ts";
import "./labels.css";
import { QrCode } from "./qr-code.tsx";

const LABELS_MAX = 200;
/** Edge of the code in millimetres: what a phone reads at arm's length begins at about 20. */
const SIZES = [20, 30, 45, 70] as const;
const COPIES_MAX = 100;

export default function Labels(): ReactNode {
  const { labels } = useStrings();
  const [query, setQuery] = useSearchParams();
  const [size, setSize] = useState<number>(30);
  const [copies, setCopies] = useState(1);
  const [name, setName] = useState(query.get("name") ?? "");
  const [typed, setBase] = useState<string>();
  const status = useStatus();
  // A code on a thing names where phones reach the node, wherever it was printed.
  const base = typed ?? status.data?.publicUrl ?? location.origin;
  const ids = [...new Set(query.getAll("id"))].slice(0, LABELS_MAX);

  const addIds = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = String(new FormData(event.currentTarget).get("ids") ?? "").split(/\s+/);
    const next = [...ids, ...given.filter((text) => text !== "").map(toId)].slice(0, LABELS_MAX);
    event.currentTarget.reset();
    setQuery(next.map((id): [string, string] => ["id", id]));
  };

  return (
    <div className="stack labels">
      <header className="stack no-print">
        <PageHead title={labels.title} />
        <p className="muted">{labels.lead}</p>
        <div className="label-options">
          <div className="field">
            <label htmlFor="label-size">{labels.size}</label>
            <select id="label-size" value={size} onChange={(event) => setSize(Number(event.target.value))}>
              {SIZES.map((mm) => (
                <option key={mm} value={mm}>{`${mm} mm`}</option>
              ))}
            </select>
          </div>
          <div className="field">
            <label htmlFor="label-copies">{labels.copies}</label>
            <input
              id="label-copies"
              type="number"
              min={1}
              max={COPIES_MAX}
              value={copies}
              onChange={(event) =>
                setCopies(Math.min(COPIES_MAX, Math.max(1, Math.trunc(Number(event.target.value)) || 1)))
              }
            />
          </div>
          <div className="field">
            <label htmlFor="label-name">{labels.name}</label>
            <input
              id="label-name"
              value={name}
              maxLength={80}
              onChange={(event) => setName(event.target.value)}
            />
          </div>
          <div className="field">
            <label htmlFor="label-base">{labels.base}</label>
            <input
              id="label-base"
              type="url"
              value={base}
              maxLength={256}
              onChange={(event) => setBase(event.target.value)}
            />
          </div>
        </div>
        {isLocal(base) ? <p className="note warn">{labels.localBase}</p> : null}
        <form className="row add-labels" onSubmit={addIds}>
          <label htmlFor="label-ids" className="visually-hidden">
            {labels.add}
          </label>
          <textarea
            id="label-ids"
            name="ids"
            className="text-input"
            rows={2}
            placeholder={labels.addPlaceholder}
            required
          />
          <Button type="submit">{labels.add}</Button>
        </form>
        <p>
          <Button isMain disabled={ids.length === 0} onClick={() => window.print()}>
            {labels.print(ids.length * copies)}
          </Button>
        </p>
      </header>
      {ids.length === 0 ? <Empty>{labels.empty}</Empty> : null}
      <Sheet ids={ids} base={base} name={name} size={size} copies={copies} />
    </div>
  );
}

function toId(text: string): string {
  const code = readCode(text);
  return "id" in code ? code.id : text;
}

/** A phone that scans such an address finds itself. */
function isLocal(base: string): boolean {
  return URL.canParse(base) && /^(?:localhost|127\.|\[::1\])/.test(new URL(base).hostname);
}

function Sheet(options: {
  ids: readonly string[];
  base: string;
  name: string;
  size: number;
  copies: number;
}): ReactNode {
  const { ids, base, name, size, copies } = options;
  const holders = useQueries({
    queries: ids.map((id) => ({
      queryKey: ["holder", id],
      queryFn: () => client.getHolder(id),
      retry: false,
      staleTime: 60_000,
    })),
  });
  const style = { "--label-size": `${size}mm` } as CSSProperties;
  return (
    <ul className="label-sheet" style={style}>
      {ids.flatMap((id, at) =>
        Array.from({ length: copies }, (_, copy) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: copies of one label differ in nothing else
          <li key={`${id} ${copy}`} className="item-label">
            <Label id={id} base={base} name={name} maker={holders[at]?.data?.vendor.name} />
          </li>
        )),
      )}
    </ul>
  );
}

function Label(options: { id: string; base: string; name: string; maker: string | undefined }): ReactNode {
  const { labels } = useStrings();
  const { id, base, name, maker } = options;
  let text: LabelText;
  try {
    text = describeLabel(id, base);
  } catch (error) {
    return <Failure error={error} />;
  }
  return (
    <>
      <QrCode text={text.address} label={labels.codeOf(text.parts.join(" "))} />
      <div className="label-text">
        {name === "" ? null : (
          <strong>
            <bdi>{name}</bdi>
          </strong>
        )}
        {maker === undefined ? null : <bdi className="label-maker">{maker}</bdi>}
        {text.parts.map((part) => (
          <code key={part}>
            <bdi>{part}</bdi>
          </code>
        ))}
      </div>
    </>
  );
}
