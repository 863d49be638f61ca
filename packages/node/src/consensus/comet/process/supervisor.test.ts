import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { LhgError } from "@lhg/protocol/core/errors";
import {
  BACKOFF_MS_MAX,
  BACKOFF_MS_MIN,
  type CometSupervisor,
  CRASHES_MAX,
  type EngineState,
  STEADY_MS,
  STOP_MS_MAX,
  superviseComet,
} from "./supervisor.ts";
import {
  atEnd,
  createStandingClock,
  makeFolder,
  type StandingClock,
  until,
  writeProgram,
} from "./testing.ts";

interface Trial {
  readonly home: string;
  readonly supervisor: CometSupervisor;
  readonly clock: StandingClock;
  readonly states: EngineState[];
  readonly lines: {
    readonly level: string;
    readonly fields: Record<string, unknown>;
    readonly message: string;
  }[];
  readonly fatal: LhgError[];
  /** What the engine answers when it is asked whether it is up. */
  isUp: boolean;
}

/** A program for Node in the place of cometbft. */
async function supervise(t: TestContext, source: string): Promise<Trial> {
  const home = await makeFolder(t);
  const binary = await writeProgram(join(home, "cometbft"), source);
  return watch(t, home, binary);
}

function watch(t: TestContext, home: string, binary: string): Trial {
  const clock = createStandingClock();
  const kept = {
    states: [] as EngineState[],
    lines: [] as Trial["lines"],
    fatal: [] as LhgError[],
    isUp: false,
  };
  const supervisor = superviseComet({
    binary,
    home,
    rpc: "tcp://127.0.0.1:1",
    abci: "unix:///a.sock",
    clock,
    isAnswering: async () => trial.isUp,
    log: (level, fields, message) =>
      kept.lines.push({ level, fields: fields as Record<string, unknown>, message }),
    onState: (state) => kept.states.push(state),
    onFatal: (error) => kept.fatal.push(error),
  });
  const trial: Trial = Object.assign(kept, { home, supervisor, clock });
  atEnd(t, async () => {
    const { pid } = supervisor;
    if (pid !== undefined && isAlive(pid)) process.kill(pid, "SIGKILL");
    await supervisor.stop();
  });
  return trial;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const hasSaid = ({ lines }: Trial, text: string): boolean => lines.some(({ message }) => message === text);

/** Lets the probe ask until the engine counts as up. */
async function bringUp(trial: Trial): Promise<void> {
  trial.isUp = true;
  await until(() => {
    trial.clock.advance(100);
    return trial.supervisor.state === "running";
  });
}

const READY = `console.log("ready");`;
const STAYS = `${READY} setInterval(() => {}, 1000);`;

test("it is started in its home with the addresses of the settings, without secrets, and ended by SIGTERM", async (t) => {
  const secrets = {
    LHG_PASSPHRASE: "secret",
    CMTHOME: "/elsewhere",
    CMT_RPC_LADDR: "tcp://0.0.0.0:1",
    TMHOME: "/x",
  };
  Object.assign(process.env, secrets);
  atEnd(t, () => {
    for (const name of Object.keys(secrets)) delete process.env[name];
  });
  const trial = await supervise(
    t,
    `require("node:fs").writeFileSync("said.json", JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), env: process.env }));
process.on("SIGTERM", () => { console.log("bye"); process.exit(0); }); ${STAYS}`,
  );
  await until(() => hasSaid(trial, "ready"));
  const { args, cwd, env } = JSON.parse(await readFile(join(trial.home, "said.json"), "utf8"));
  assert.deepEqual(args, [
    "start",
    "--home",
    trial.home,
    "--rpc.laddr",
    "tcp://127.0.0.1:1",
    "--proxy_app",
    "unix:///a.sock",
  ]);
  assert.equal(cwd, trial.home);
  assert.deepEqual(
    Object.keys(secrets).filter((name) => name in env),
    [],
  );
  assert.equal(trial.supervisor.state, "starting");
  await bringUp(trial);
  const { pid } = trial.supervisor;
  await Promise.all([trial.supervisor.stop(), trial.supervisor.stop()]);
  assert.ok(!isAlive(pid!));
  assert.ok(hasSaid(trial, "bye"), "it was let end by itself");
  assert.deepEqual([trial.states, trial.supervisor.restarts], [["starting", "running", "stopped"], 0]);
  assert.deepEqual(trial.clock.waiting(), []);
});

test("one that ignores SIGTERM is killed after its time", async (t) => {
  const trial = await supervise(t, `process.on("SIGTERM", () => console.log("not now")); ${STAYS}`);
  await until(() => hasSaid(trial, "ready"));
  const { pid } = trial.supervisor;
  const stopped = trial.supervisor.stop();
  await until(() => hasSaid(trial, "not now"));
  trial.clock.advance(STOP_MS_MAX - 1);
  assert.ok(isAlive(pid!));
  trial.clock.advance(1);
  await stopped;
  assert.ok(!isAlive(pid!));
  assert.equal(trial.supervisor.state, "stopped");
});

test("one that ends is started again, after pauses that double, and are short again once it ran for long", async (t) => {
  const trial = await supervise(t, STAYS);
  const { clock, supervisor } = trial;
  const pauses: number[] = [];
  const crash = async (): Promise<void> => {
    await bringUp(trial);
    const restarts = supervisor.restarts;
    process.kill(supervisor.pid!, "SIGKILL");
    await until(() => supervisor.state === "waiting");
    const [pause = 0] = clock.waiting();
    pauses.push(pause);
    clock.advance(pause - 1);
    assert.equal(supervisor.state, "waiting");
    clock.advance(1);
    assert.deepEqual([supervisor.state, supervisor.restarts], ["starting", restarts + 1]);
  };
  for (let i = 0; i < 9; i++) await crash();
  const doubled = Array.from({ length: 9 }, (_, i) => Math.min(BACKOFF_MS_MIN * 2 ** i, BACKOFF_MS_MAX));
  assert.deepEqual(pauses, doubled);
  await bringUp(trial);
  clock.advance(STEADY_MS);
  await crash();
  assert.equal(pauses.at(-1), BACKOFF_MS_MIN);
  assert.deepEqual(trial.fatal, [], "an engine that comes up each time is given another chance");
});

test("one that never comes up is given up, with its last words, the cause and the cure", async (t) => {
  const trial = await supervise(
    t,
    `console.error("ERROR: listen tcp 127.0.0.1:1: bind: address already in use"); process.exit(1);`,
  );
  for (let exits = 1; exits < CRASHES_MAX; exits++) {
    await until(() => trial.supervisor.state === "waiting");
    trial.clock.advance(Math.max(...trial.clock.waiting()));
  }
  await until(() => trial.fatal.length > 0);
  const [error] = trial.fatal;
  assert.deepEqual(
    [error!.code, error!.field, trial.supervisor.state],
    ["engine.crashed", trial.home, "stopped"],
  );
  assert.match(
    error!.message,
    /ended 5 times before it was up: another program has one of the engine's ports\. What helps: end the other/,
  );
  assert.match(error!.message, /It said last:\nERROR: listen tcp/);
  assert.deepEqual(trial.clock.waiting(), []);
  await trial.supervisor.stop();
  assert.equal(trial.fatal.length, 1);
});

test("exits that lie far apart are no loop", async (t) => {
  const trial = await supervise(t, "process.exit(1);");
  for (let exits = 0; exits < 2 * CRASHES_MAX; exits++) {
    await until(() => trial.supervisor.state === "waiting");
    trial.clock.advance(BACKOFF_MS_MAX);
  }
  assert.deepEqual(trial.fatal, []);
});

test("a program that is not there is fatal at once", async (t) => {
  const home = await makeFolder(t);
  const trial = watch(t, home, join(home, "none"));
  await until(() => trial.fatal.length > 0);
  assert.deepEqual([trial.fatal[0]!.code, trial.supervisor.state], ["engine.missing", "stopped"]);
});

test("stopped while it waits it is not started again", async (t) => {
  const trial = await supervise(t, "process.exit(1);");
  await until(() => trial.supervisor.state === "waiting");
  await trial.supervisor.stop();
  trial.clock.advance(BACKOFF_MS_MAX);
  assert.deepEqual(
    [trial.supervisor.state, trial.supervisor.restarts, trial.supervisor.pid],
    ["stopped", 0, undefined],
  );
});

test("its lines are LHG's, and a panic of many lines is cut", async (t) => {
  const trial = await supervise(
    t,
    `console.log(JSON.stringify({ _msg: "Dialing", level: "error", module: "p2p", err: "gone" }));
for (let i = 0; i < 1000; i++) console.error("goroutine " + i);
process.exitCode = 2;`,
  );
  await until(() => trial.supervisor.state === "waiting");
  const dialing = trial.lines.find(({ message }) => message === "Dialing");
  assert.deepEqual(
    [dialing?.level, dialing?.fields],
    ["warn", { module: "p2p", err: "gone", from: "cometbft" }],
  );
  assert.equal(trial.lines.filter(({ message }) => message.startsWith("goroutine")).length, 200);
  assert.equal(trial.lines.filter(({ message }) => message.includes("left out")).length, 1);
});

test("no process is left behind by a program that ends without stopping it", async (t) => {
  const home = await makeFolder(t);
  const binary = await writeProgram(join(home, "cometbft"), `process.on("SIGTERM", () => {}); ${STAYS}`);
  const source = `const { superviseComet } = await import(${JSON.stringify(import.meta.resolve("./supervisor.ts"))});
const supervisor = superviseComet({ binary: ${JSON.stringify(binary)}, home: ${JSON.stringify(home)}, rpc: "tcp://127.0.0.1:1", onState() {}, onFatal() {},
  log: (level, fields, message) => { if (message === "ready") { console.log(supervisor.pid); process.exit(7); } } });`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  parent.stdout.on("data", (text) => {
    said += text;
  });
  const [code] = await once(parent, "close");
  assert.equal(code, 7);
  await until(() => !isAlive(Number(said)));
});
