/** From a code on a thing to what the ledger knows of it. */
import { type FormEvent, type ReactNode, useState } from "react";
import { Link, useNavigate } from "react-router";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { itemPath } from "../../ui/links.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Text } from "../../ui/values.tsx";
import { type ReadCode, readCode } from "./read-code.ts";
import { Scanner } from "./scanner.tsx";

export default function Scan(): ReactNode {
  const { scan, sections } = useStrings();
  const navigate = useNavigate();
  const [found, setFound] = useState<{ readonly text: string; readonly code: ReadCode }>();

  const take = (text: string): void => {
    const code = readCode(text);
    setFound({ text, code });
    if (code.kind === "item") navigate(itemPath(code.id));
  };
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    take(String(new FormData(event.currentTarget).get("code") ?? ""));
  };
  return (
    <div className="stack scan">
      <PageHead title={sections.scan} />
      <p className="muted">{scan.lead}</p>
      {found === undefined ? null : <Found text={found.text} code={found.code} />}
      <Panel title={scan.withCode}>
        <Scanner onText={take} />
      </Panel>
      <Panel title={scan.byHand}>
        <form className="row typed" onSubmit={submit}>
          <label htmlFor="code" className="visually-hidden">
            {scan.code}
          </label>
          <input
            id="code"
            name="code"
            className="text-input"
            placeholder="(01)09521234543213(21)1"
            maxLength={4096}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            required
          />
          <Button type="submit">{scan.look}</Button>
        </form>
        <p className="muted small">{scan.byHandHint}</p>
      </Panel>
    </div>
  );
}

/** What the code says, always; and where it leads, which is never to a page of somebody else. */
function Found({ text, code }: { text: string; code: ReadCode }): ReactNode {
  const { scan } = useStrings();
  return (
    <section className={code.kind === "unknown" ? "note warn" : "note"} role="status">
      <p>
        <strong>{scan.says}</strong>{" "}
        <code>
          <Text value={text} lengthMax={600} />
        </code>
      </p>
      <p>
        {scan.meaning[code.kind]}{" "}
        {code.kind === "unknown" ? <Text value={code.reason ?? ""} lengthMax={300} /> : null}
      </p>
      {code.kind === "item" ? <Link to={itemPath(code.id)}>{scan.openItem}</Link> : null}
      {code.kind === "address" ? <Link to={itemPath(code.id)}>{scan.askLedger}</Link> : null}
      {code.kind === "proof" ? (
        <a href={`/verifier.html#url=${encodeURIComponent(code.url)}`}>{scan.openVerifier}</a>
      ) : null}
    </section>
  );
}
