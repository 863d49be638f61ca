/** One node as a process of its own: started, killed, paused, asked. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, createClient } from "@lhg/sdk/client/client";
import type { NodeStatus } from "@lhg/sdk/client/types";

export const LHG = join(import.meta.dirname, "../../src/cli/main.ts");

const READY_MS_MAX = 240_000;
const POLL_MS = 50;
const LOG_TAIL_LINES = 25;
/** A node that is paused answers nothing: who wants to send something goes elsewhere. */
const ANSWER_MS_MAX = 3_000;
/** Who checks has to have the answer of this node. */
const CHECK_MS_MAX = 30_000;

export interface NodeSeat {
  readonly name: string;
  readonly home: string;
  readonly apiUrl: string;
  /** What runs it, up to and without `node`. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Runs in place of `lhg node`. */
  readonly program?: readonly string[];
}

/** Nodes don't outlive the test, however it ends. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Guards that of one home there is at most one process. */
export class NodeProcess {
  readonly seat: NodeSeat;
  /** For the load: gives up soon. */
  readonly client: Client;
  /** For checks: waits for a busy node. */
  readonly patient: Client;
  private child: ChildProcess | undefined;
  private isHeld = false;

  constructor(seat: NodeSeat) {
    this.seat = seat;
    this.client = createClient({ url: seat.apiUrl, retries: 0, timeoutMs: ANSWER_MS_MAX });
    this.patient = createClient({ url: seat.apiUrl, retries: 3, timeoutMs: CHECK_MS_MAX });
  }

  get name(): string {
    return this.seat.name;
  }

  /** Of the process that runs, or ran last. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  get isRunning(): boolean {
    const { child } = this;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** What it ended with; undefined while it runs. */
  get ending(): string | undefined {
    const { child } = this;
    return this.isRunning ? undefined : `${child?.signalCode ?? child?.exitCode}`;
  }

  private get logFile(): string {
    return join(this.seat.home, "node.log");
  }

  /** `extra` are variables of the environment for this life of it. */
  spawn(extra: Readonly<Record<string, string>> = {}): void {
    if (this.isRunning) throw new Error(`${this.name} runs already`);
    const { command, environment, home, program = [LHG, "node"] } = this.seat;
    const [file, ...args] = [...command, process.execPath, ...program, "--home", home];
    const log = openSync(this.logFile, "a");
    const child = spawn(file!, args, {
      stdio: ["ignore", log, log],
      env: { ...process.env, NO_COLOR: "1", LHG_NODE_LOG_LEVEL: "info", ...environment, ...extra },
    });
    closeSync(log);
    running.add(child);
    child.once("exit", () => running.delete(child));
    this.child = child;
    this.isHeld = false;
  }

  /** Until the API answers; with `isReady` also until the node says that it is up to date and has peers. */
  async waitUntilUp({ isReady = false }: { readonly isReady?: boolean } = {}): Promise<NodeStatus> {
    const endMs = performance.now() + READY_MS_MAX;
    for (;;) {
      const status = await this.client.getStatus().catch(() => undefined);
      if (status !== undefined && (!isReady || status.isReady)) return status;
      if (!this.isRunning) throw new Error(`${this.name} ended with ${this.ending}:\n${this.tellLog()}`);
      if (performance.now() > endMs) throw new Error(`${this.name} is not up:\n${this.tellLog()}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  pause(): void {
    this.child!.kill("SIGSTOP");
    this.isHeld = true;
  }

  resume(): void {
    this.child!.kill("SIGCONT");
    this.isHeld = false;
  }

  /** As a power cut. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Cleanly; throws where it does not end by itself. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    if (this.isHeld) this.resume();
    await this.end("SIGTERM");
    if (this.ending !== "0") throw new Error(`${this.name} ended with ${this.ending}:\n${this.tellLog()}`);
  }

  /** By itself; throws where it does not. */
  async waitForEnd(limitMs: number): Promise<void> {
    if (!this.isRunning) return;
    await once(this.child!, "exit", { signal: AbortSignal.timeout(limitMs) }).catch(() => {
      throw new Error(`${this.name} neither answers nor ends:\n${this.tellLog()}`);
    });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    const ended = once(this.child!, "exit");
    this.child!.kill(signal);
    await ended;
  }

  tellLog(): string {
    try {
      const lines = readFileSync(this.logFile, "utf8").trimEnd().split("\n");
      return lines.slice(-LOG_TAIL_LINES).join("\n");
    } catch {
      // It never started.
      return "(no log)";
    }
  }
}
