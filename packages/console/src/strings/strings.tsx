/** The words of the language in use, for every component. */
import { createContext, type ReactNode, useContext } from "react";
import { en, type Strings } from "./en.ts";

const StringsContext = createContext<Strings>(en);

export function StringsProvider({ strings, children }: { strings: Strings; children: ReactNode }): ReactNode {
  return <StringsContext value={strings}>{children}</StringsContext>;
}

export function useStrings(): Strings {
  return useContext(StringsContext);
}
