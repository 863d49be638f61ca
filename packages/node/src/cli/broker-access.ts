/** A broker of one's own and who one is there: the same options of `lhg bridge` and of `lhg gateway`. */
import { readFile } from "node:fs/promises";

/** As given on the command line or in a file. */
export interface BrokerOptions {
  readonly username?: string;
  /** Path of a file with the password on its first line. */
  readonly passwordFile?: string;
  /** Path of the authority of the broker's certificate (PEM). */
  readonly ca?: string;
}

export interface BrokerAccess {
  readonly userName: string | undefined;
  readonly password: string | undefined;
  readonly ca: Buffer | undefined;
}

/** What is wrong with a broker's URL, as the text of an error. A password in it would stand in the list of processes. */
export function findUrlProblem(url: string, schemes: readonly string[]): string | undefined {
  if (!URL.canParse(url)) return "must be a URL such as mqtt://127.0.0.1:1883";
  const { protocol, username, password } = new URL(url);
  if (!schemes.includes(protocol.slice(0, -1))) return `must begin with ${schemes.join(":// or ")}://`;
  if (username !== "" || password !== "")
    return "must hold no user name and no password: use --username and --password-file";
  return undefined;
}

/** Rejects with the system's error for a file that cannot be read. */
export async function readBrokerAccess(options: BrokerOptions): Promise<BrokerAccess> {
  const { username, passwordFile, ca } = options;
  return {
    userName: username,
    password:
      passwordFile === undefined ? undefined : (await readFile(passwordFile, "utf8")).split(/\r?\n/, 1)[0],
    ca: ca === undefined ? undefined : await readFile(ca),
  };
}
