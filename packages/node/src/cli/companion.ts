/** A program that runs beside a development chain and ends with it: the sample world, or one's own. */
import { type ChildProcess, spawn } from "node:child_process";
import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Output } from "./output.ts";

export interface Companion {
  /** Asks it to end and waits until it has; ends it after some seconds. */
  stop(): Promise<void>;
}

export interface CompanionOptions {
  /** Path of a program for Node. */
  readonly program: string;
  /** Where it finds the node, and the folder of the chain. */
  readonly url: string;
  readonly data: string;
  readonly output: Output;
  /** With which it gets the development keys, where the node asks for one. */
  readonly token?: string | undefined;
}

const STOP_MS_MAX = 5_000;
/** One Ctrl-C reaches both: the program may be gone before the node has noticed. */
const COMPLAINT_DELAY_MS = 500;

/** Throws `usage.with` where there is no such program. */
export async function checkCompanion(program: string): Promise<void> {
  await access(program).catch(() => {
    throw new LhgError("usage.with", "there is no such program", program);
  });
}

/** Its lines appear among the node's own. That it ended or failed is said, and changes nothing for the node. */
export function startCompanion({ program, url, data, output, token }: CompanionOptions): Companion {
  // Small for a program that waits most of the time: 100 MB instead of 120 for the sample world (measured).
  const child = spawn(process.execPath, ["--max-semi-space-size=2", resolve(program)], {
    env: {
      ...process.env,
      LHG_URL: url,
      LHG_DATA: resolve(data),
      MALLOC_ARENA_MAX: "1",
      ...(token === undefined ? {} : { LHG_DEVELOPMENT_TOKEN: token }),
    },
    // The channel tells it when the node is gone without having ended it.
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  forwardLines(child.stdout, output);
  forwardLines(child.stderr, output);
  let complaint: NodeJS.Timeout | undefined;
  let isStopping = false;
  const ended = waitForExit(child).then((reason) => {
    if (isStopping) return;
    const text = `${program} ${reason}; the node goes on without it`;
    complaint = setTimeout(() => output.warn(text), COMPLAINT_DELAY_MS);
  });
  return {
    stop: async () => {
      isStopping = true;
      clearTimeout(complaint);
      child.kill("SIGTERM");
      const force = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
      await ended;
      clearTimeout(force);
    },
  };
}

function forwardLines(stream: Readable | null, output: Output): void {
  if (stream !== null) createInterface({ input: stream }).on("line", (line) => output.note(line));
}

/** In words: how it ended, or why it did not start. */
function waitForExit(child: ChildProcess): Promise<string> {
  return new Promise((done) => {
    child.once("error", (error) => done(`did not start (${error.message})`));
    child.once("exit", (code, signal) =>
      done(signal === null ? `ended with ${code}` : `was ended by ${signal}`),
    );
  });
}
