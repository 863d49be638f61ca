/** How the command ends, and what an error says on the way out. The numbers are documented and never change. */
import { LhgError } from "@lhg/protocol/core/errors";

export const EXIT = {
  ok: 0,
  /** The chain refused, a proof does not hold, an input is wrong. */
  refused: 1,
  usage: 2,
  unreachable: 3,
  notFound: 4,
  /** A fault of this program (EX_SOFTWARE of sysexits.h). */
  internal: 70,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODES_HELP = `Exit codes:
  0   done
  1   refused by the chain, a proof that does not hold, or wrong input
  2   wrong use of this command
  3   the node cannot be reached; readings that were recorded meanwhile are kept (device.kept)
  4   there is no such thing
  70  a fault of this program (LHG_DEBUG=1 shows where)
  130 ended by a second Ctrl-C`;

/** An error as it is shown: one line for people, the same fields for programs. */
export interface Failure {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly field: string;
  readonly message: string;
}

/** No node answered, so that nothing is known of it. */
export const UNREACHABLE_CODES: ReadonlySet<string> = new Set(["client.unreachable", "client.timeout"]);
/** What was recorded while no node answered is kept and sent later. */
const KEPT_CODE = "device.kept";

export function describeFailure(error: unknown): Failure {
  if (error instanceof LhgError) {
    const { code, field, message } = error;
    return { exitCode: exitCodeOf(code), code, field, message };
  }
  const system = describeSystemError(error);
  if (system !== undefined) return system;
  const message = error instanceof Error ? error.message : String(error);
  return { exitCode: EXIT.internal, code: "internal", field: "", message };
}

function exitCodeOf(code: string): ExitCode {
  if (code.startsWith("usage.")) return EXIT.usage;
  if (UNREACHABLE_CODES.has(code) || code === KEPT_CODE) return EXIT.unreachable;
  return code.endsWith(".not-found") ? EXIT.notFound : EXIT.refused;
}

/** What the operating system refuses, by the name it gives: files, folders, ports. */
const SYSTEM_ERRORS: ReadonlyMap<string, readonly [code: string, exitCode: ExitCode, message: string]> =
  new Map([
    ["ENOENT", ["file.not-found", EXIT.notFound, "there is no such file"]],
    ["EACCES", ["file.denied", EXIT.refused, "permission denied"]],
    ["EPERM", ["file.denied", EXIT.refused, "permission denied"]],
    ["EISDIR", ["file.is-folder", EXIT.refused, "is a folder"]],
    ["ENOTDIR", ["file.no-folder", EXIT.refused, "is no folder"]],
    ["EEXIST", ["file.exists", EXIT.refused, "exists already"]],
    ["ENOSPC", ["disk.full", EXIT.refused, "the disk is full"]],
    [
      "EADDRINUSE",
      ["port.in-use", EXIT.refused, "another program listens on this port (--port chooses another)"],
    ],
    ["EADDRNOTAVAIL", ["host.unknown", EXIT.refused, "this machine has no such address"]],
  ]);

function describeSystemError(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code: name, path, port } = error as NodeJS.ErrnoException & { readonly port?: number };
  const found = name === undefined ? undefined : SYSTEM_ERRORS.get(name);
  if (found === undefined) return undefined;
  const [code, exitCode, text] = found;
  const field = path ?? (port === undefined ? "" : String(port));
  return { exitCode, code, field, message: field === "" ? text : `${field}: ${text}` };
}
