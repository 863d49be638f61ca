/** Who signs: name, address and role, and a way to open a key of one's own. */
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { useStrings } from "../strings/strings.tsx";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { Failure, Loading } from "../ui/states.tsx";
import { Hex } from "../ui/values.tsx";
import { openKeyFile } from "./open-key-file.ts";
import { addOwnKey, chooseSigner, forgetOwnKeys, loadSigners, useSigners } from "./signer.ts";
import "./signing.css";

export function SignerChooser(): ReactNode {
  const { signing } = useStrings();
  const { available, chosen, problem } = useSigners();
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  if (available === undefined) return <Loading />;
  const isFormOpen = isOpen || available.length === 0;
  return (
    <div className="signer">
      {problem === undefined ? null : <Failure error={problem} onRetry={loadSigners} />}
      {available.length === 0 ? (
        <p className="muted">{signing.none}</p>
      ) : (
        <div className="field">
          <label htmlFor={id}>{signing.label}</label>
          <select
            id={id}
            value={chosen?.account ?? ""}
            onChange={(event) => chooseSigner(event.target.value)}
          >
            {chosen === undefined ? <option value="">{signing.choose}</option> : null}
            {available.map(({ account, name, title, role }) => (
              <option key={account} value={account}>
                {`${(title ?? name).slice(0, 60)} (${signing.roles[role]})`}
              </option>
            ))}
          </select>
        </div>
      )}
      {chosen === undefined ? null : (
        <p className="row small">
          <Badge>{signing.roles[chosen.role]}</Badge>
          <Hex value={chosen.account} length={18} />
          {chosen.role === "own" ? <Button onClick={forgetOwnKeys}>{signing.forget}</Button> : null}
        </p>
      )}
      <p className="muted small">
        {chosen?.role === "own" ? signing.ownHint : available.length > 0 ? signing.developmentHint : null}
      </p>
      {isFormOpen ? (
        <OwnKeyForm onDone={() => setOpen(false)} />
      ) : (
        <p>
          <Button onClick={() => setOpen(true)}>{signing.openOwn}</Button>
        </p>
      )}
    </div>
  );
}

function OwnKeyForm({ onDone }: { onDone: () => void }): ReactNode {
  const { signing } = useStrings();
  const id = useId();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);

  const open = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const file = given.get("file");
    if (!(file instanceof File) || file.name === "") return;
    setBusy(true);
    setError(undefined);
    try {
      addOwnKey(file.name, await openKeyFile(file, String(given.get("passphrase") ?? "")));
      form.reset();
      onDone();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="stack own-key" onSubmit={open}>
      <div className="field">
        <label htmlFor={`${id}-file`}>{signing.file}</label>
        <input id={`${id}-file`} name="file" type="file" accept=".json,application/json" required />
      </div>
      <div className="field">
        <label htmlFor={`${id}-passphrase`}>{signing.passphrase}</label>
        <input id={`${id}-passphrase`} name="passphrase" type="password" autoComplete="off" />
      </div>
      <p className="muted small">{signing.ownHint}</p>
      {error === undefined ? null : <Failure error={error} />}
      <Button isMain type="submit" disabled={isBusy}>
        {isBusy ? signing.opening : signing.open}
      </Button>
    </form>
  );
}
