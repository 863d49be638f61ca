/** Where the passphrase of a key comes from: a file descriptor, the environment, or the person at the terminal. */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";
import { LhgError } from "@lhg/protocol/core/errors";

export interface PassphraseSource {
  /** File descriptor whose first line is the passphrase. */
  readonly fd: number | undefined;
  readonly environment: string | undefined;
  /** The terminal of the person who runs the command; undefined where there is none. */
  readonly openTerminal: () => Terminal | undefined;
}

export interface Terminal {
  readonly input: Pick<NodeJS.ReadStream, "setRawMode" | "setEncoding" | "resume" | "pause" | "on" | "off">;
  readonly write: (text: string) => void;
  readonly close: () => void;
}

/** Standard input, or where that is a pipe (`echo ... | lhg device record KEY -`) the terminal behind it. */
export function openTerminal(): Terminal | undefined {
  if (process.stdin.isTTY)
    return { input: process.stdin, write: (text) => void process.stderr.write(text), close: () => {} };
  let fd: number;
  try {
    fd = openSync("/dev/tty", "r+");
  } catch {
    return undefined;
  }
  const input = new ReadStream(fd);
  return { input, write: (text) => void writeSync(fd, text), close: () => input.destroy() };
}

const PASSPHRASE_CHARACTERS_MIN = 8;

const PASSPHRASE_BYTES_MAX = 1024;

/** A descriptor is read once; the keys of one command share what it held. */
const readDescriptors = new Map<number, string>();

/** Asks twice when `isNew`. Throws `passphrase.missing`, `passphrase.mismatch`, `passphrase.too-long`, of new ones `passphrase.short`. */
export async function readPassphrase(
  source: PassphraseSource,
  prompt: string,
  isNew = false,
): Promise<string> {
  const passphrase = await findPassphrase(source, prompt, isNew);
  if (isNew) checkLength(passphrase);
  return passphrase;
}

function checkLength(passphrase: string): void {
  if ([...passphrase].length < PASSPHRASE_CHARACTERS_MIN)
    throw new LhgError(
      "passphrase.short",
      `must have at least ${PASSPHRASE_CHARACTERS_MIN} characters`,
      "passphrase",
    );
}

async function findPassphrase(source: PassphraseSource, prompt: string, isNew: boolean): Promise<string> {
  if (source.fd !== undefined) {
    const passphrase = readDescriptors.get(source.fd) ?? readFromDescriptor(source.fd);
    readDescriptors.set(source.fd, passphrase);
    return passphrase;
  }
  if (source.environment !== undefined) return source.environment;
  const terminal = source.openTerminal();
  if (terminal === undefined)
    throw new LhgError(
      "passphrase.missing",
      "is needed: set LHG_PASSPHRASE, give --passphrase-fd, or run at a terminal",
      "passphrase",
    );
  try {
    const first = await askHidden(terminal, `${prompt}: `);
    if (!isNew) return first;
    checkLength(first);
    if ((await askHidden(terminal, "the same again: ")) !== first)
      throw new LhgError("passphrase.mismatch", "the two differ", "passphrase");
    return first;
  } finally {
    terminal.close();
  }
}

function readFromDescriptor(fd: number): string {
  const buffer = Buffer.alloc(PASSPHRASE_BYTES_MAX + 1);
  let length = 0;
  while (length < buffer.length) {
    const read = readSome(fd, buffer, length);
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

function readSome(fd: number, buffer: Buffer, length: number): number {
  try {
    return readSync(fd, buffer, length, buffer.length - length, null);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EBADF" && code !== "EINVAL") throw error;
    throw new LhgError(
      "passphrase.descriptor",
      "is not open for reading (npm passes on only 0 to 2: start node itself, or set LHG_PASSPHRASE)",
      `--passphrase-fd ${fd}`,
    );
  }
}

const CONTROL_C = "\u0003";
const CONTROL_D = "\u0004";
const BACKSPACES: ReadonlySet<string> = new Set(["\u0008", "\u007f"]);

/** Reads a line without echo. Control-C gives up. */
function askHidden({ input, write }: Terminal, prompt: string): Promise<string> {
  write(prompt);
  input.setRawMode(true);
  input.setEncoding("utf8");
  input.resume();
  return new Promise((resolve, reject) => {
    let typed = "";
    const finish = (settle: () => void): void => {
      input.off("data", onData);
      input.setRawMode(false);
      input.pause();
      write("\n");
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
    input.on("data", onData);
  });
}
