import type { LhgError } from "@lhg/protocol/core/errors";
import { type FormEvent, type ReactNode, useId } from "react";
import { useNavigate } from "react-router";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { Text } from "../../ui/values.tsx";

/** Leads to a page by the identity that is typed in. */
export function Finder({
  path,
  label,
  action,
  initial = "",
}: {
  path: string;
  label?: string;
  action?: string;
  initial?: string;
}): ReactNode {
  const { item } = useStrings();
  const navigate = useNavigate();
  const id = useId();
  const open = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("id") ?? "").trim();
    if (text !== "") void navigate(`${path}?id=${encodeURIComponent(text)}`);
  };
  return (
    <form className="finder" onSubmit={open}>
      <label htmlFor={id}>{label ?? item.findLabel}</label>
      <div className="finder-line">
        <input
          id={id}
          className="text-input"
          name="id"
          key={initial}
          defaultValue={initial}
          maxLength={4_096}
          required
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          aria-describedby={`${id}-hint`}
        />
        <Button type="submit" isMain>
          {action ?? item.open}
        </Button>
      </div>
      <p className="muted small" id={`${id}-hint`}>
        {item.findHint}
      </p>
    </form>
  );
}

/** Why a text names no item, with what would. */
export function NoItem({ text, error }: { text: string; error: LhgError }): ReactNode {
  const { item, verdict } = useStrings();
  return (
    <div className="note bad" role="alert">
      <p>
        <strong>{verdict.malformed}</strong>: <Text value={text} lengthMax={200} />
      </p>
      <p>{item.notReadFor(error.message)}</p>
    </div>
  );
}
