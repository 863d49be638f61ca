/** What every command is given: the options common to all, and where to say things. */
import type { Output } from "./output.ts";

export interface GlobalOptions {
  readonly url: string;
  /** Folder of the development chain, and of the keystore unless `keys` names another. */
  readonly data: string;
  readonly keys?: string;
  readonly json?: boolean;
  readonly passphraseFd?: number;
}

export const DEFAULT_URL = "http://127.0.0.1:8080";
export const DEFAULT_DATA = "./lhg-data";

export interface Session {
  readonly options: GlobalOptions;
  readonly output: Output;
}

/** How to call this program in hints: as it was called, so that they work when copied. */
export function commandName(environment: NodeJS.ProcessEnv = process.env): string {
  return environment.npm_lifecycle_event === undefined ? "lhg" : "npm run -s lhg --";
}
