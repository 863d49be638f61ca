/** Reporter of `node --test`: one JSON line per finished test, for run-test-files.ts. */
import { inspect } from "node:util";

export interface TestLine {
  readonly name: string;
  readonly suite: boolean;
  readonly failed: boolean;
  /** Reason given for not running the test (skip, todo); "" when it ran. */
  readonly skipped: string;
  /** What went wrong, ready to print; "" when only a subtest failed, which has its own line. */
  readonly problem: string;
  readonly line: number;
}

interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly line?: number;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: {
      readonly type?: string;
      readonly error?: { readonly failureType?: string; readonly cause?: unknown };
    };
  };
}

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    const error = data.details?.error;
    const line: TestLine = {
      name: data.name,
      suite: data.details?.type === "suite",
      failed: type === "test:fail" && data.todo === undefined,
      skipped: tellReason("skipped", data.skip) || tellReason("todo", data.todo),
      problem: error === undefined || error.failureType === "subtestsFailed" ? "" : inspect(error.cause),
      line: data.line ?? 0,
    };
    yield `${JSON.stringify(line)}\n`;
  }
}

function tellReason(word: string, mark: string | boolean | undefined): string {
  if (mark === undefined || mark === false) return "";
  return typeof mark === "string" && mark !== "" ? mark : `${word}, no reason given`;
}
