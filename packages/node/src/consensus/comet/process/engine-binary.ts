/** The cometbft program: where it is, whether it is the version that LHG was tried with, and how it gets here. */
import { execFile, spawn } from "node:child_process";
import { access, constants, mkdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { createInterface } from "node:readline";
import { LhgError } from "@lhg/protocol/core/errors";

/** Pinned: a newer one may hash or order differently, and `@latest` of the module is a retracted version. */
export const COMETBFT_VERSION = "0.39.4";

const PROGRAM = "cometbft";
const MODULE = `github.com/cometbft/cometbft/cmd/cometbft@v${COMETBFT_VERSION}`;
const GO_VERSION_MIN = [1, 25] as const;
const ANSWER_TIMEOUT_MS = 20_000;
const ANSWER_BYTES_MAX = 64 << 10;
const LINE_LENGTH_MAX = 500;
const LAST_LINES = 5;

const CURE = `\`lhg engine install\` builds CometBFT ${COMETBFT_VERSION}`;

export interface CometBinary {
  readonly file: string;
  readonly version: string;
}

export interface BinarySources {
  /** `engine.comet_binary`: where it is set, nothing else is looked at. */
  readonly configured?: string | undefined;
  /** As the variable PATH has it. */
  readonly path: string;
  /** Where `lhg engine install` puts it. */
  readonly directory?: string;
}

/** `~/.cache/lhg/bin`, or where XDG_CACHE_HOME points. */
export function defaultBinaryDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const cache = environment.XDG_CACHE_HOME;
  // The specification of XDG: a relative path counts as none.
  const folder = cache !== undefined && isAbsolute(cache) ? cache : join(homedir(), ".cache");
  return join(folder, "lhg", "bin");
}

/**
 * The first cometbft of the right version: the configured one, else one on PATH, else the one that was installed. Throws `engine.missing` where
 * there is none, `engine.version` where there are only others.
 */
export async function findCometBinary({ configured, path, directory }: BinarySources): Promise<CometBinary> {
  const folders = [...path.split(delimiter).filter(isAbsolute), directory ?? defaultBinaryDirectory()];
  const files = configured === undefined ? folders.map((folder) => join(folder, PROGRAM)) : [configured];
  let wrong: LhgError | undefined;
  for (const file of files) {
    if (!(await isProgram(file))) continue;
    const version = await askVersion(file);
    if (version === COMETBFT_VERSION) return { file, version };
    const is = version === undefined ? "does not answer as CometBFT does" : `is CometBFT ${version}`;
    wrong ??= new LhgError("engine.version", `${is}, and ${COMETBFT_VERSION} is needed: ${CURE}`, file);
  }
  throw wrong ?? missing(configured);
}

function missing(configured: string | undefined): LhgError {
  if (configured !== undefined)
    return new LhgError(
      "engine.missing",
      `is no program: ${CURE}, and is found without engine.comet_binary`,
      configured,
    );
  return new LhgError(
    "engine.missing",
    `is neither on PATH nor installed: ${CURE}, or engine.comet_binary says where one is`,
    PROGRAM,
  );
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/** Undefined where the program does not say a version. */
async function askVersion(file: string): Promise<string | undefined> {
  const answer = await ask(file, ["version"]).catch(() => "");
  // A build from a clone adds `+<commit>`.
  return /^v?([0-9]+\.[0-9]+\.[0-9]+(?:-[\w.]+)?)(?:\+\S*)?\s*$/.exec(answer)?.[1];
}

export interface InstallOptions {
  readonly directory?: string;
  /** A line of what the build says. */
  readonly log: (line: string) => void;
  readonly environment?: NodeJS.ProcessEnv;
}

export interface InstalledBinary extends CometBinary {
  /** False where it was there already, and nothing was done. */
  readonly isNew: boolean;
}

/**
 * Builds the program from its sources, which Go checks against the checksum database. Throws `engine.go-missing`, `engine.go-version`, and
 * `engine.install` with the last words of the build.
 */
export async function installCometBinary({
  directory,
  log,
  environment,
}: InstallOptions): Promise<InstalledBinary> {
  const folder = directory ?? defaultBinaryDirectory();
  const file = join(folder, PROGRAM);
  if ((await isProgram(file)) && (await askVersion(file)) === COMETBFT_VERSION)
    return { file, version: COMETBFT_VERSION, isNew: false };
  await mkdir(folder, { recursive: true });
  const env = { ...(environment ?? process.env), GOBIN: folder };
  await checkGo(folder, env);
  log(`go install ${MODULE}`);
  await build(folder, env, log);
  const version = await askVersion(file);
  if (version !== COMETBFT_VERSION)
    throw new LhgError(
      "engine.install",
      `the build gave ${version ?? "no cometbft"}, not ${COMETBFT_VERSION}`,
      file,
    );
  return { file, version, isNew: true };
}

/** What `go` says of its version, such as `go1.26.8`. Throws `engine.go-missing` and `engine.go-version`. */
async function checkGo(cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const [major, minor] = GO_VERSION_MIN;
  const needed = `Go ${major}.${minor} or later (https://go.dev/dl) builds CometBFT`;
  const answer = await ask("go", ["env", "GOVERSION"], { cwd, env }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "EACCES")
      throw new LhgError("engine.go-missing", `is not on PATH: ${needed}`, "go");
    return "";
  });
  const found = /^go([0-9]+)\.([0-9]+)/.exec(answer);
  const [foundMajor, foundMinor] = [Number(found?.[1]), Number(found?.[2])];
  if (!(foundMajor > major || (foundMajor === major && foundMinor >= minor)))
    throw new LhgError(
      "engine.go-version",
      `is ${answer.trim() || "of an unknown version"}: ${needed}`,
      "go",
    );
}

async function build(cwd: string, env: NodeJS.ProcessEnv, log: (line: string) => void): Promise<void> {
  const last: string[] = [];
  const child = spawn("go", ["install", MODULE], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const exited = new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) =>
      resolve(code === 0 ? undefined : `go ended with ${signal ?? code}`),
    );
  });
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (whole) => {
      const line = whole.slice(0, LINE_LENGTH_MAX);
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
      log(line);
    });
  const problem = await exited;
  if (problem !== undefined)
    throw new LhgError("engine.install", `${problem}: ${last.join("; ") || "it said nothing"}`, MODULE);
}

function ask(
  file: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const limits = { timeout: ANSWER_TIMEOUT_MS, maxBuffer: ANSWER_BYTES_MAX, killSignal: "SIGKILL" as const };
  return new Promise((resolve, reject) => {
    execFile(file, args, { ...options, ...limits, encoding: "utf8" }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
}
