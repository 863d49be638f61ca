import assert from "node:assert/strict";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import type { CommandSource } from "../command-source.ts";
import { createCommandDesk } from "./commands.ts";
import type { Session } from "./session.ts";

const DEVICE = "ab".repeat(20);
const UPDATE = { timeMs: 0, isWorking: true };

type Question = "named" | "pending" | "receipt";

interface Ledger {
  /** Thrown once at the next question of that kind. */
  readonly failures: Map<Question, Error>;
  readonly pending: { id: string; number: number }[];
}

/** A desk before a ledger of one device, and the ids of what was handed to it, one after the other. */
function openDesk() {
  const ledger: Ledger = { failures: new Map(), pending: [] };
  const errors: unknown[] = [];
  const sent: string[] = [];
  const waiting: ((id: string) => void)[] = [];
  const ask = (question: Question): void => {
    const failure = ledger.failures.get(question);
    ledger.failures.delete(question);
    if (failure !== undefined) throw failure;
  };
  const source: CommandSource = {
    listPending: async () => {
      ask("pending");
      return [...ledger.pending];
    },
    getReceipt: async (id) => {
      ask("receipt");
      return Buffer.from(id);
    },
  };
  const desk = createCommandDesk({
    source,
    listNamed: async () => {
      ask("named");
      return new Set([DEVICE]);
    },
    send: (_session, receipt) => {
      const id = Buffer.from(receipt).toString();
      const resolve = waiting.shift();
      if (resolve === undefined) sent.push(id);
      else resolve(id);
      return true;
    },
    onError: (error) => errors.push(error),
  });
  const next = (): Promise<string> => {
    const id = sent.shift();
    return id === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(id);
  };
  const session = { device: DEVICE, commandNumber: -1 } as Session;
  const prove = (height: number): void => {
    desk.onBlock({
      ...UPDATE,
      height,
      provableHeight: height - 1,
      executed: [{ id: Buffer.alloc(32), status: "ok" }],
    });
    desk.onBlock({ ...UPDATE, height: height + 1, provableHeight: height, executed: [] });
  };
  return { desk, ledger, errors, next, session, prove };
}

const busy = (): LhgError => new LhgError("node.busy", "too many questions are open; try again");

for (const question of ["named", "pending", "receipt"] as const)
  test(`a ledger that is busy once (${question}) costs a connected device no command`, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { desk, ledger, next, session, prove } = openDesk();
    desk.serve(session);
    await turns();
    ledger.failures.set(question, busy());
    ledger.pending.push({ id: "first", number: 1 });
    prove(5);
    await turns();
    t.mock.timers.tick(100);
    assert.equal(await next(), "first");
  });

test("a ledger that stays busy is asked less and less often", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { desk, ledger, next, session } = openDesk();
  ledger.pending.push({ id: "first", number: 1 });
  const isAskedAfter = async (ms: number): Promise<boolean> => {
    ledger.failures.set("pending", busy());
    t.mock.timers.tick(ms);
    await turns();
    return !ledger.failures.has("pending");
  };
  ledger.failures.set("pending", busy());
  desk.serve(session);
  await turns();
  const asked = [];
  for (const ms of [99, 1, 199, 1, 399, 1]) asked.push(await isAskedAfter(ms));
  assert.deepEqual(asked, [false, true, false, true, false, true]);
  ledger.failures.clear();
  t.mock.timers.tick(800);
  assert.equal(await next(), "first");
});

test("what becomes due in the very turn in which the work ends is looked after", async () => {
  const { desk, ledger, next, session, prove } = openDesk();
  for (let number = 1; number <= 50; number++) {
    ledger.pending.push({ id: `command ${number}`, number });
    if (number === 1) desk.serve(session);
    else prove(number * 2);
    assert.equal(await next(), `command ${number}`);
    // Each time one turn of microtasks later than the time before: one of them meets the end of the work.
    for (let turn = 0; turn < number % 10; turn++) await undefined;
  }
});

test("an error that is the device's own is not asked about again, one of the program is told", async () => {
  const { desk, ledger, errors, next, session, prove } = openDesk();
  ledger.pending.push({ id: "first", number: 1 });
  ledger.failures.set("pending", new LhgError("device.not-found", "is not registered", "device"));
  desk.serve(session);
  await turns();
  const bug = new TypeError("bug");
  ledger.failures.set("pending", bug);
  prove(5);
  await turns();
  assert.deepEqual(errors, [bug]);
  prove(7);
  assert.equal(await next(), "first");
});

test("a device that left while the ledger was busy is sent nothing", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { desk, ledger, next, session } = openDesk();
  ledger.pending.push({ id: "first", number: 1 });
  ledger.failures.set("pending", busy());
  desk.serve(session);
  await turns();
  desk.leave(session);
  t.mock.timers.tick(100);
  await turns();
  const back = { ...session };
  ledger.pending[0]!.id = "after coming back";
  desk.serve(back);
  assert.equal(await next(), "after coming back");
});

/** Lets everything that waits for promises alone run. */
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
