/** What a command says: results on stdout, everything else on stderr. With --json, results are JSON and nothing else is said. */
import { once } from "node:events";
import type { Failure } from "./exit-codes.ts";

export interface Streams {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

export interface Output {
  readonly isJson: boolean;
  /** The result: a value for programs, lines for people. */
  result(value: unknown, lines: readonly string[] | string): void;
  /** One result of many, as it comes: a line of JSON, or one for people. Resolves when there is room for more. */
  item(value: unknown, line: string): Promise<void>;
  /** Something the user should know; not part of the result. */
  note(text: string): void;
  warn(text: string): void;
  /** Shows how far long work is, over itself on a terminal and nowhere else. */
  progress(text: string): void;
  /** Takes the progress line away. */
  endProgress(): void;
}

export function createOutput({ stdout, stderr }: Streams, isJson: boolean): Output {
  const showsProgress = !isJson && stderr.isTTY === true;
  let isProgressShown = false;
  const endProgress = (): void => {
    if (isProgressShown) stderr.write("\r\x1b[2K");
    isProgressShown = false;
  };
  const writeLine = (stream: NodeJS.WritableStream, text: string): boolean => {
    endProgress();
    return stream.write(`${text}\n`);
  };
  return {
    isJson,
    result: (value, lines) => {
      if (isJson) writeLine(stdout, JSON.stringify(value, undefined, 2));
      else for (const line of typeof lines === "string" ? [lines] : lines) writeLine(stdout, sanitize(line));
    },
    item: async (value, line) => {
      if (!writeLine(stdout, isJson ? JSON.stringify(value) : sanitize(line))) await once(stdout, "drain");
    },
    note: (text) => {
      if (!isJson) writeLine(stderr, sanitize(text));
    },
    warn: (text) => {
      writeLine(stderr, isJson ? JSON.stringify({ warning: text }) : `warning: ${sanitize(text)}`);
    },
    progress: (text) => {
      if (!showsProgress) return;
      stderr.write(`\r\x1b[2K${sanitize(text)}`);
      isProgressShown = true;
    },
    endProgress,
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Names and documents are strangers' words: none may steer the terminal that shows them. */
export function sanitize(text: string): string {
  return text.replace(CONTROLS, "\ufffd");
}

/** `1 event`, `2 events` */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Columns of equal width, two spaces apart. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}

/** Names and values, aligned. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[]): string[] {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

/** One line; its message begins with the field. */
export function formatFailure({ code, field, message }: Failure, isJson: boolean): string {
  if (isJson) return JSON.stringify({ error: { code, field, message } });
  return `lhg: ${sanitize(message.replaceAll("\n", " "))} (${code})`;
}
