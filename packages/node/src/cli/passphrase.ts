/** Where the passphrase of a key comes from: a file descriptor, the environment, or the person at the terminal. */
import { closeSync, readSync } from "node:fs";
import { LhgError } from "@lhg/protocol/core/errors";

export interface PassphraseSource {
  /** File descriptor whose first line is the passphrase. */
  readonly fd: number | undefined;
  readonly environment: string | undefined;
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: NodeJS.WritableStream;
}

const PASSPHRASE_BYTES_MAX = 1024;

/** A descriptor is read once; the keys of one command share what it held. */
const readDescriptors = new Map<number, string>();

/** Asks twice when `isNew`. Throws `passphrase.missing`, `passphrase.mismatch`, `passphrase.too-long`. */
export async function readPassphrase(
  source: PassphraseSource,
  prompt: string,
  isNew = false,
): Promise<string> {
  if (source.fd !== undefined) {
    const passphrase = readDescriptors.get(source.fd) ?? readFromDescriptor(source.fd);
    readDescriptors.set(source.fd, passphrase);
    return passphrase;
  }
  if (source.environment !== undefined) return source.environment;
  if (source.stdin.isTTY !== true)
    throw new LhgError(
      "passphrase.missing",
      "is needed: set LHG_PASSPHRASE, give --passphrase-fd, or run at a terminal",
      "passphrase",
    );
  const first = await askHidden(source, `${prompt}: `);
  if (isNew && (await askHidden(source, "the same again: ")) !== first)
    throw new LhgError("passphrase.mismatch", "the two differ", "passphrase");
  return first;
}

function readFromDescriptor(fd: number): string {
  const buffer = Buffer.alloc(PASSPHRASE_BYTES_MAX + 1);
  let length = 0;
  while (length < buffer.length) {
    const read = readSync(fd, buffer, length, buffer.length - length, null);
    if (read === 0) break;
    length += read;
    if (buffer.subarray(0, length).includes(0x0a)) break;
  }
  // 0 to 2 are the terminal's, and closing them would take the result with them.
  if (fd > 2) closeSync(fd);
  const [line = ""] = buffer.subarray(0, length).toString("utf8").split(/\r?\n/, 1);
  if (length > PASSPHRASE_BYTES_MAX)
    throw new LhgError("passphrase.too-long", `must be at most ${PASSPHRASE_BYTES_MAX} bytes`, "passphrase");
  return line;
}

const CONTROL_C = "\u0003";
const CONTROL_D = "\u0004";
const BACKSPACES: ReadonlySet<string> = new Set(["\u0008", "\u007f"]);

/** Reads a line without echo. Control-C gives up. */
function askHidden({ stdin, stderr }: PassphraseSource, prompt: string): Promise<string> {
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.resume();
  return new Promise((resolve, reject) => {
    let typed = "";
    const finish = (settle: () => void): void => {
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      settle();
    };
    const onData = (chunk: string): void => {
      for (const character of chunk) {
        if (character === CONTROL_C) {
          finish(() => reject(new LhgError("passphrase.missing", "none was given", "passphrase")));
          return;
        }
        if (character === "\r" || character === "\n" || character === CONTROL_D) {
          finish(() => resolve(typed));
          return;
        }
        if (BACKSPACES.has(character)) typed = [...typed].slice(0, -1).join("");
        else if (typed.length < PASSPHRASE_BYTES_MAX) typed += character;
      }
    };
    stdin.on("data", onData);
  });
}
