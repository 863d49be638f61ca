/** Registers the hash of a file: note, signer, and the receipt once it is provable. */
import { LhgError } from "@lhg/protocol/core/errors";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { Follow, useStatementState } from "../../signing/follow.tsx";
import { Problem } from "../../signing/problem.tsx";
import { useSigners } from "../../signing/signer.ts";
import { SignerChooser } from "../../signing/signer-chooser.tsx";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { Panel } from "../../ui/panel.tsx";
import type { HashedFile } from "./hash-file.ts";
import { NOTE_BYTES_MAX, registerFile } from "./register-file.ts";
import { attestationsKey, useAttestations } from "./use-attestations.ts";

export function Registration({ hashed }: { hashed: HashedFile }): ReactNode {
  const { files } = useStrings();
  const queries = useQueryClient();
  const { chosen } = useSigners();
  const [sentId, setSentId] = useState<string>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const state = useStatementState(sentId);
  const isProvable = state?.state === "provable";
  const hasFailed = (state?.state === "committed" || isProvable) && state.status !== "ok";
  // Read by the list above, too.
  const { data: known } = useAttestations(hashed.digest);
  const isKnown =
    known?.proof.isProven === true &&
    known.proof.entries.some((entry) => entry.isProven && entry.owner === chosen?.account);
  useEffect(() => {
    if (isProvable) void queries.invalidateQueries({ queryKey: attestationsKey(hashed.digest) });
  }, [isProvable, hashed, queries]);

  const register = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (chosen === undefined) return;
    const note = String(new FormData(event.currentTarget).get("note") ?? "").trim();
    setBusy(true);
    setError(undefined);
    try {
      setSentId(await registerFile(hashed, note, chosen));
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };

  if (sentId !== undefined)
    return (
      <Panel title={hasFailed ? files.notRegistered : isProvable ? files.registered : files.underWay}>
        <Follow id={sentId} state={state} />
        {hasFailed ? (
          <p className="note bad" role="alert">
            {state.status === "attestation.exists" ? files.advice.exists : state.status}
          </p>
        ) : null}
        {isProvable && state.status === "ok" ? (
          <p>
            <a
              className="button main"
              href={`/api/v1/statements/${sentId}/receipt`}
              download={`${hashed.name}.receipt`}
            >
              {files.receipt}
            </a>
          </p>
        ) : null}
      </Panel>
    );
  return (
    <Panel title={files.register}>
      <p className="muted small">{files.registerHint}</p>
      <SignerChooser />
      <form className="stack" onSubmit={register}>
        <div className="field">
          <label htmlFor="note">{files.note}</label>
          <input id="note" name="note" maxLength={NOTE_BYTES_MAX} autoComplete="off" />
          <p className="muted small">{files.noteHint}</p>
        </div>
        {isKnown ? <p className="note">{files.advice.exists}</p> : null}
        {error === undefined ? null : (
          <Problem title={files.notRegistered} error={error} advice={adviceOn(error, files.advice)} />
        )}
        <p>
          <Button isMain type="submit" disabled={chosen === undefined || isKnown || isBusy}>
            {isBusy ? files.sending : files.registerNow}
          </Button>
        </p>
      </form>
    </Panel>
  );
}

function adviceOn(
  error: unknown,
  advice: { readonly unreachable: string; readonly balance: string },
): string | undefined {
  const code = error instanceof LhgError ? error.code : "";
  if (code.startsWith("client.")) return advice.unreachable;
  return /balance|fee|nonce/.test(code) ? advice.balance : undefined;
}
