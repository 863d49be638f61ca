/** What moves is hard to read: a button that holds it, and lets it go on. */
import { type ReactNode, useState } from "react";
import { useStrings } from "../strings/strings.tsx";
import { Button } from "./button.tsx";

export interface Held<T> {
  readonly value: T;
  readonly button: ReactNode;
}

export function useHold<T>(moving: T): Held<T> {
  const { values } = useStrings();
  const [held, setHeld] = useState<{ readonly value: T }>();
  return {
    value: held === undefined ? moving : held.value,
    button: (
      <Button onClick={() => setHeld(held === undefined ? { value: moving } : undefined)}>
        {held === undefined ? values.hold : values.goOn}
      </Button>
    ),
  };
}
