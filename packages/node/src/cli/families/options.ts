/** What the families of commands share: how they are wired, and how their options are read. */
import { InvalidArgumentError, Option } from "commander";
import type { ExitCode } from "../exit-codes.ts";
import type { Session } from "../session.ts";

/** What a command runs: the session, then its arguments, then its options. */
export type Handler = (session: Session, ...args: never[]) => Promise<ExitCode> | Promise<void>;
export type Act = (load: () => Promise<Handler>) => (...args: unknown[]) => Promise<void>;

/** Headings of the help. */
export const START = "Start here:";
export const KEYS = "Keys and accounts:";
export const RECORD = "Record:";
export const ASK = "Ask and verify:";

export function readDescriptor(text: string): number {
  if (!/^[0-9]{1,4}$/.test(text)) throw new InvalidArgumentError("must be a file descriptor, such as 3");
  return Number(text);
}

export function readPort(text: string): number {
  if (!/^[0-9]{1,5}$/.test(text) || Number(text) > 65_535)
    throw new InvalidArgumentError("must be a port, 0 to 65535");
  return Number(text);
}

export function readPositive(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError("must be a positive whole number");
  return Number(text);
}

export function readIndex(text: string): number {
  if (!/^(0|[1-9][0-9]{0,14})$/.test(text)) throw new InvalidArgumentError("must be a whole number");
  return Number(text);
}

export function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** Examples stand at the end of every help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

export const asOption = (): Option =>
  new Option("--as <key>", "key to sign with: its name or address (lhg keys list)");

export const waitOption = (): Option =>
  new Option("--wait <state>", "how far to wait: until it is in a block, or until it can be proven")
    .choices(["committed", "provable"])
    .default("committed");
