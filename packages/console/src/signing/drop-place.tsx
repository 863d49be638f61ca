/** A place where files are dropped or chosen; on a phone the button is all there is of it. */
import { type DragEvent, type ReactNode, useId, useState } from "react";
import { useStrings } from "../strings/strings.tsx";
import "../ui/ui.css";
import "./signing.css";

export function DropPlace({
  title,
  button,
  hint,
  accept,
  onFile,
  children,
}: {
  title: string;
  button: string;
  hint?: string;
  accept?: string;
  onFile: (file: File) => void;
  children?: ReactNode;
}): ReactNode {
  const { signing } = useStrings();
  const id = useId();
  const [isOver, setOver] = useState(false);
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer.files[0];
    if (file !== undefined) onFile(file);
  };
  return (
    <section
      className={isOver ? "drop-place over" : "drop-place"}
      aria-label={signing.dropPlace}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <p>
        <strong>{title}</strong>
      </p>
      <input
        id={id}
        type="file"
        className="visually-hidden"
        accept={accept}
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = "";
          if (file !== undefined) onFile(file);
        }}
      />
      <label htmlFor={id} className="button main">
        {button}
      </label>
      {hint === undefined ? null : <p className="muted small">{hint}</p>}
      {children}
    </section>
  );
}
