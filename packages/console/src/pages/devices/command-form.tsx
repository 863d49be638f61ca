/** Asks a device for something, as its vendor or a program that the vendor allowed. */
import { fromHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { makeCommand } from "@lhg/sdk/transaction/messages";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { client } from "../../node/client.ts";
import { Follow, useStatementState } from "../../signing/follow.tsx";
import { sendTransaction } from "../../signing/send-transaction.ts";
import { useSigners } from "../../signing/signer.ts";
import { SignerChooser } from "../../signing/signer-chooser.tsx";
import { UnsentList } from "../../signing/unsent-list.tsx";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { Failure } from "../../ui/states.tsx";

const NAME_BYTES_MAX = 64;
const PAYLOAD_BYTES_MAX = 2_048;
const HOUR_MS = 3_600_000;

export function CommandForm({ device }: { device: string }): ReactNode {
  const { devices: words } = useStrings();
  const { chosen } = useSigners();
  const queries = useQueryClient();
  const id = useId();
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [sent, setSent] = useState<string>();
  const state = useStatementState(sent);

  const send = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (chosen === undefined) return;
    const form = event.currentTarget;
    const given = new FormData(form);
    setBusy(true);
    setError(undefined);
    try {
      const name = readText(given, "name", NAME_BYTES_MAX);
      const payload = readText(given, "payload", PAYLOAD_BYTES_MAX);
      const [newest] = (await client.listCommands(device, { limit: 1 })).items;
      const command = makeCommand({
        device: fromHex(device, "device"),
        number: (newest?.number ?? 0) + 1,
        name: name.text,
        payload: payload.bytes,
        expiryMs: Date.now() + HOUR_MS,
      });
      setSent(await sendTransaction("command", name.text, chosen, [command]));
      form.reset();
      await queries.invalidateQueries({ queryKey: ["commands", device] });
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };

  return (
    <details className="more">
      <summary>{words.send}</summary>
      <div className="stack command-form">
        <SignerChooser />
        <UnsentList kind="command" onSent={setSent} />
        <form className="stack" onSubmit={send}>
          <div className="field">
            <label htmlFor={`${id}-name`}>{words.command}</label>
            <input
              id={`${id}-name`}
              name="name"
              required
              maxLength={NAME_BYTES_MAX}
              placeholder="configure"
            />
          </div>
          <div className="field">
            <label htmlFor={`${id}-payload`}>{words.payload}</label>
            <textarea
              id={`${id}-payload`}
              name="payload"
              rows={3}
              maxLength={PAYLOAD_BYTES_MAX}
              placeholder='{"intervalMs":5000}'
            />
          </div>
          <p className="muted small">{words.sendHint}</p>
          {error === undefined ? null : <Failure error={error} />}
          <p>
            <Button isMain type="submit" disabled={isBusy || chosen === undefined}>
              {isBusy ? words.sending : words.sendNow}
            </Button>
          </p>
        </form>
        {sent === undefined ? null : <Follow id={sent} state={state} />}
      </div>
    </details>
  );
}

/** Throws `command.<field>` for more bytes than the chain takes. */
function readText(
  given: FormData,
  field: string,
  bytesMax: number,
): { readonly text: string; readonly bytes: Uint8Array } {
  const text = String(given.get(field) ?? "").trim();
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > bytesMax)
    throw new LhgError(`command.${field}`, `must be at most ${bytesMax} bytes`, field);
  return { text, bytes };
}
