/** The cometbft process of this node: started, watched, started again, ended with the node. */
import { type ChildProcess, spawn } from "node:child_process";
import { LhgError } from "@lhg/protocol/core/errors";
import type { SyncClock } from "../../../sync/sync-clock.ts";
import { readCometNodeId } from "./comet-home.ts";
import { connectCometRpc } from "./comet-rpc.ts";
import { describeCrashLoop, findCrashCause } from "./crash-causes.ts";
import { type EngineLog, followLines, readEngineLine } from "./engine-log.ts";

/** `starting`: its RPC does not answer yet. `waiting`: it ended, and is started again after a pause. */
export type EngineState = "starting" | "running" | "waiting" | "stopped";

export interface SupervisorOptions {
  /** Of `findCometBinary`. */
  readonly binary: string;
  /** Of `writeCometHome`; also the working directory. */
  readonly home: string;
  /** `tcp://127.0.0.1:26657`; wins over config.toml. */
  readonly rpc: string;
  /** Where LHG listens; wins over config.toml. */
  readonly abci?: string;
  readonly log: EngineLog;
  readonly onState: (state: EngineState) => void;
  /** Hears once, of `engine.crashed` or `engine.missing`; the supervisor has stopped then. */
  readonly onFatal: (error: LhgError) => void;
  readonly clock?: SyncClock;
  /** Whether the engine is up; asks the RPC by default, and takes only the answer of this home's node for one. */
  readonly isAnswering?: () => Promise<boolean>;
}

export interface CometSupervisor {
  readonly state: EngineState;
  readonly restarts: number;
  /** Of the process that runs now. */
  readonly pid: number | undefined;
  /** Ends a process that hangs; it is started again as after any crash. */
  killHung(): void;
  /** SIGTERM, after ten seconds SIGKILL. Resolves when the process is gone. Idempotent. */
  stop(): Promise<void>;
}

export const BACKOFF_MS_MIN = 250;
export const BACKOFF_MS_MAX = 30_000;
/** Who ran so long gets the short pause again. */
export const STEADY_MS = 60_000;
/** So many exits in that time, the RPC never up: it won't get better by itself. */
export const CRASHES_MAX = 5;
export const CRASHES_WITHIN_MS = 60_000;
export const STOP_MS_MAX = 10_000;
const ASK_EVERY_MS = 100;
const ASK_TIMEOUT_MS = 1_000;
const LAST_LINES = 20;
/** A panic of Go shows all its threads: after so many lines the rest of a run is counted only. */
const ERROR_LINES_MAX = 200;

const systemClock: SyncClock = {
  nowMs: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Starts the process at once. What it says goes to the log, how it fares to `onState`. */
export function superviseComet(options: SupervisorOptions): CometSupervisor {
  return new Supervisor(options);
}

/** Guards: at most one process; none once `stop` has resolved, `onFatal` was called, or this process has ended. */
class Supervisor implements CometSupervisor {
  readonly #options: SupervisorOptions;
  readonly #clock: SyncClock;
  readonly #probe: Probe;
  readonly #killNow = (): void => void this.#child?.kill("SIGKILL");
  #state: EngineState = "stopped";
  #restarts = 0;
  #child: ChildProcess | undefined;
  #gone: PromiseWithResolvers<void> | undefined;
  #cancelTimer = (): void => {};
  #backoffMs = BACKOFF_MS_MIN;
  /** Times of exits since the RPC last answered. */
  #crashes: number[] = [];
  #upSinceMs: number | undefined;
  #lastLines: string[] = [];
  #stopping: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const { isAnswering } = options;
    this.#probe = isAnswering === undefined ? askRpc(options) : { isAnswering, close: () => {} };
    process.on("exit", this.#killNow);
    this.#start();
  }

  get state(): EngineState {
    return this.#state;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  killHung(): void {
    this.#child?.kill("SIGKILL");
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#cancelTimer();
    const child = this.#child;
    if (child !== undefined) {
      child.kill("SIGTERM");
      const cancel = this.#clock.after(STOP_MS_MAX, () => {
        this.#options.log("warn", { pid: child.pid }, "CometBFT does not end: killing it");
        child.kill("SIGKILL");
      });
      await this.#gone?.promise;
      cancel();
    }
    this.#end();
  }

  /** Nothing is started any more. */
  #end(): void {
    process.off("exit", this.#killNow);
    this.#probe.close();
    this.#enter("stopped");
  }

  #enter(state: EngineState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState(state);
  }

  #start(): void {
    const { binary, home, rpc, abci, log } = this.#options;
    const args = [
      "start",
      "--home",
      home,
      "--rpc.laddr",
      rpc,
      ...(abci === undefined ? [] : ["--proxy_app", abci]),
    ];
    this.#enter("starting");
    this.#upSinceMs = undefined;
    this.#lastLines = [];
    // In a group of its own: Ctrl-C is for the node, which ends the engine in its turn.
    const child = spawn(binary, args, {
      cwd: home,
      detached: true,
      env: cleanEnvironment(process.env),
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.#gone = Promise.withResolvers();
    this.#follow(child);
    // `close`, not `exit`: its last words come first.
    let problem: Error | undefined;
    child.once("error", (error) => {
      problem = error;
    });
    child.once("close", (code, signal) => {
      this.#child = undefined;
      this.#cancelTimer();
      this.#gone?.resolve();
      if (this.#stopping !== undefined) return;
      if (problem !== undefined)
        this.#fail(new LhgError("engine.missing", `can't be started: ${problem.message}`, binary));
      else this.#noteExit(signal ?? `code ${code}`);
    });
    if (child.pid !== undefined) log("info", { pid: child.pid, home }, "CometBFT is starting");
    this.#watch(child);
  }

  /** Asks until the engine answers, or is gone. */
  #watch(child: ChildProcess): void {
    this.#cancelTimer = this.#clock.after(ASK_EVERY_MS, async () => {
      const isUp = await this.#probe.isAnswering().catch(() => false);
      if (this.#child !== child || this.#stopping !== undefined) return;
      if (!isUp) return this.#watch(child);
      this.#upSinceMs = this.#clock.nowMs();
      this.#crashes = [];
      this.#enter("running");
      this.#options.log("info", { pid: child.pid }, "CometBFT is up");
    });
  }

  #noteExit(how: string): void {
    const { home, log } = this.#options;
    const nowMs = this.#clock.nowMs();
    const why = findCrashCause(this.#lastLines);
    log("error", { how, ...why }, "CometBFT ended");
    if (this.#upSinceMs === undefined) this.#crashes.push(nowMs);
    else if (nowMs - this.#upSinceMs >= STEADY_MS) this.#backoffMs = BACKOFF_MS_MIN;
    this.#crashes = this.#crashes.filter((atMs) => nowMs - atMs < CRASHES_WITHIN_MS);
    if (this.#crashes.length >= CRASHES_MAX) {
      this.#fail(describeCrashLoop(this.#crashes.length, home, this.#lastLines));
      return;
    }
    this.#enter("waiting");
    this.#cancelTimer = this.#clock.after(this.#backoffMs, () => {
      this.#restarts++;
      this.#start();
    });
    this.#backoffMs = Math.min(2 * this.#backoffMs, BACKOFF_MS_MAX);
  }

  #fail(error: LhgError): void {
    this.#stopping = Promise.resolve();
    this.#end();
    this.#options.onFatal(error);
  }

  #follow({ stdout, stderr }: ChildProcess): void {
    let errorLines = 0;
    const hear = (whole: string, isFromErrors: boolean): void => {
      const { level: said, message, fields } = readEngineLine(whole, isFromErrors);
      // Closing its listeners is an error to it.
      const level = said === "error" && this.#stopping !== undefined ? "warn" : said;
      const isTooMuch = isFromErrors && ++errorLines > ERROR_LINES_MAX;
      if (isTooMuch) {
        if (errorLines === ERROR_LINES_MAX + 1)
          this.#options.log("warn", {}, "CometBFT says more, which is left out");
        return;
      }
      if (level === "error" || level === "warn") this.#remember(message, fields);
      this.#options.log(level, { ...fields, from: "cometbft" }, message);
    };
    if (stdout !== null) followLines(stdout, (line) => hear(line, false));
    if (stderr !== null) followLines(stderr, (line) => hear(line, true));
  }

  /** The first words of a panic say more than the threads after it. */
  #remember(message: string, fields: object): void {
    const detail = Object.keys(fields).length === 0 ? "" : ` ${JSON.stringify(fields)}`;
    if (this.#lastLines.length === LAST_LINES) this.#lastLines.splice(LAST_LINES / 2, 1);
    this.#lastLines.push(`${message}${detail}`);
  }
}

/** Settings of CometBFT in variables would win over its file, CMTHOME even over --home; and it needs no secrets of LHG. */
function cleanEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(?:CMT|TMHOME|LHG_)/i.test(name)),
  );
}

interface Probe {
  readonly isAnswering: () => Promise<boolean>;
  readonly close: () => void;
}

/** Only the node of this home counts: another program may have its port. Throws `engine.address`. */
function askRpc({ rpc, home }: SupervisorOptions): Probe {
  const client = connectCometRpc({ address: rpc, timeoutMs: ASK_TIMEOUT_MS });
  return {
    isAnswering: async () => {
      const [{ nodeId }, ownId] = await Promise.all([client.status(), readCometNodeId(home)]);
      return nodeId === ownId;
    },
    close: client.close,
  };
}
