/**
 * Commands as a device sees them: each comes with its receipt, which the device checks against the validators it pinned,
 * trusting neither the node nor the network that brought it. What it did is answered in its own readings.
 */
import { type Address, address } from "@lhg/protocol/core/account";
import { encodeUtf8, equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { decode, encode, type Infer, record, text, uint } from "@lhg/protocol/core/codec/definition";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { type VerifiedReceipt, verifyReceipt } from "@lhg/protocol/core/proof/receipt";
import { transaction } from "@lhg/protocol/ledger";
import { ACKNOWLEDGEMENT_NAME } from "@lhg/protocol/modules/command/command";
import type { SenmlRecord } from "@lhg/protocol/senml/record";
import { nobleCrypto } from "../crypto/noble.ts";
import type { Trust } from "../verify/trust.ts";
import { judge, type Refused } from "../verify/verdict.ts";
import type { Device } from "./device.ts";
import type { DeviceStore } from "./state.ts";

export interface DeviceCommand {
  readonly number: number;
  readonly name: string;
  readonly payload: Uint8Array;
  /** Hex of the account that sent it, which the chain found to be the vendor or a program of its own. */
  readonly sentBy: string;
  /** Hex of the statement that sent it. */
  readonly id: string;
  /** In milliseconds since 1970: until when it may be followed. */
  readonly expiryMs: number;
  /** Time of the certified header: it was on the chain then. */
  readonly provenByMs: number;
}

/** Does what is asked and returns the answer: `done`, or why not. What it throws is answered as `failed: ...`. */
export type CommandHandler = (command: DeviceCommand) => Promise<string> | string;

export interface AnsweredCommand {
  readonly command: DeviceCommand;
  readonly result: string;
}

export type CommandVerdict =
  | { readonly ok: true; readonly answered: readonly AnsweredCommand[] }
  /** Nothing was done, and nothing is answered: whoever brought this may have made it up. */
  | Refused;

export interface CommandReceiverOptions {
  /** Its readings carry the answers; they leave with its next flush. */
  readonly device: Pick<Device, "address" | "record">;
  /** Chain and validators that the device was given when it was set up. */
  readonly trust: Trust;
  /** Of its own, beside the device's. */
  readonly store: DeviceStore;
  /**
   * The device's clock; null where it has none that it believes: then expiry is judged by the latest header time that a proof has
   * shown it, and whoever withholds commands can bring one later than it was meant.
   */
  readonly nowMs: (() => number) | null;
  readonly crypto?: Crypto;
}

export interface CommandReceiver {
  /** The last command that was taken up. */
  readonly lastNumber: number;
  /**
   * Checks a command's receipt and follows it, at most once whatever happens. Numbers that were passed over on the way are answered
   * as skipped, and never followed. Never throws for what strangers bring; what `record` or the store throws is the device's own
   * trouble and comes through.
   */
  receive(receipt: Uint8Array, handle: CommandHandler): Promise<CommandVerdict>;
}

const RESULT_BYTES_MAX = 128;
const INTERRUPTED = "failed: interrupted";

const IDLE = 0;
const FOLLOWING = 1;
const FOLLOWED = 2;

const receiverState = record(1, {
  device: address,
  lastNumber: uint(),
  /** The last one that was answered: what lies between was passed over, and is answered as that. */
  previous: uint(),
  /** The latest header time of a proof: without a clock, time is not before it. */
  seenMs: uint(),
  /** Saved before and after following: a device that lost power knows whether it began, and whether it has answered. */
  phase: uint(FOLLOWED),
  result: text({ max: RESULT_BYTES_MAX }),
});
type ReceiverState = Infer<typeof receiverState>;

/**
 * Opens what the device remembers, and answers a command at which it was interrupted. Throws `device.state-foreign`, `cbor.*`,
 * `value.*` where the store holds something else.
 */
export async function createCommandReceiver(options: CommandReceiverOptions): Promise<CommandReceiver> {
  const { device, trust, store, nowMs, crypto = nobleCrypto } = options;
  let state = await loadState(store, device.address);
  let queue: Promise<unknown> = Promise.resolve();

  async function save(next: ReceiverState): Promise<void> {
    await store.save(encode(receiverState, next, "state"));
    state = next;
  }

  async function answer(number: number, result: string): Promise<void> {
    await device.record([toReading(number, result), ...listSkipped(state.previous, number)]);
    await save({ ...state, previous: number, phase: IDLE, result: "" });
  }

  async function follow(command: DeviceCommand, handle: CommandHandler): Promise<AnsweredCommand> {
    const { number } = command;
    const seenMs = Math.max(state.seenMs, command.provenByMs);
    await save({ ...state, lastNumber: number, seenMs, phase: FOLLOWING, result: "" });
    const isOver = command.expiryMs <= Math.max(seenMs, nowMs === null ? 0 : nowMs());
    const result = isOver ? "refused: expired" : await runHandler(command, handle);
    await save({ ...state, phase: FOLLOWED, result });
    await answer(number, result);
    return { command, result };
  }

  /** What was followed and could not be recorded then, as where the device's memory was full: nothing goes before its answer. */
  async function answerOpen(): Promise<void> {
    if (state.phase === IDLE) return;
    await answer(state.lastNumber, state.phase === FOLLOWED ? state.result : INTERRUPTED);
  }

  async function receiveNow(receipt: Uint8Array, handle: CommandHandler): Promise<CommandVerdict> {
    await answerOpen();
    const found = judge(() =>
      listNewCommands(verifyReceipt(crypto, trust, receipt), device.address, state.lastNumber),
    );
    if (!Array.isArray(found)) return found as Refused;
    const answered: AnsweredCommand[] = [];
    for (const command of found) answered.push(await follow(command, handle));
    return { ok: true, answered };
  }

  await answerOpen();
  return {
    get lastNumber() {
      return state.lastNumber;
    },
    receive: (receipt, handle) => {
      const done = queue.then(() => receiveNow(receipt, handle));
      queue = done.catch(() => undefined);
      return done;
    },
  };
}

async function loadState(store: DeviceStore, device: Address): Promise<ReceiverState> {
  const stored = await store.load();
  if (stored === undefined) return { device, lastNumber: 0, previous: 0, seenMs: 0, phase: IDLE, result: "" };
  const state = decode(receiverState, stored, "state");
  if (!equalBytes(state.device, device))
    throw new LhgError("device.state-foreign", "belongs to another device", "store");
  return state;
}

/** The commands to this device that a proven transaction holds and that it has not seen. Throws `command.*`. */
function listNewCommands(
  { statement, outcome, id, anchor }: VerifiedReceipt,
  device: Address,
  lastNumber: number,
): DeviceCommand[] {
  if (statement.kind !== "transaction")
    throw new LhgError("command.kind", `a ${statement.kind} is no command`, "receipt.statement");
  // The chain judged the sender's authority: without effect it had none, or something else was wrong.
  if (outcome.status !== 0)
    throw new LhgError("command.without-effect", "the chain did not accept it", "receipt.outcome");
  const { sender, messages } = decode(transaction, statement.payload, "transaction");
  const own = messages.flatMap((message) =>
    message.type === "command.send" && equalBytes(message.body.device, device) ? [message.body] : [],
  );
  if (own.length === 0)
    throw new LhgError("command.other-device", "holds no command to this device", "receipt.statement");
  const fresh = own.filter(({ number }) => number > lastNumber);
  if (fresh.length === 0)
    throw new LhgError("command.replayed", `commands up to ${lastNumber} were taken up before`, "number");
  return fresh.map(({ number, name, payload, expiryMs }) => ({
    number,
    name,
    payload,
    sentBy: toHex(sender),
    id: toHex(id),
    expiryMs,
    provenByMs: anchor.header.timeMs,
  }));
}

/** More are not named one by one: the ledger shows them unanswered. */
const SKIPPED_NAMED_MAX = 64;

function toReading(number: number, result: string): SenmlRecord {
  return { n: `${ACKNOWLEDGEMENT_NAME}${number}`, t: { mantissa: 0n, exponent: 0 }, vs: result };
}

/** Whoever delivers could leave commands out: those that will never be followed are said to be passed over, under the device's signature. */
function listSkipped(previous: number, number: number): SenmlRecord[] {
  const from = Math.max(previous + 1, number - SKIPPED_NAMED_MAX);
  const readings: SenmlRecord[] = [];
  for (let skipped = from; skipped < number; skipped++)
    readings.push(toReading(skipped, `skipped: ${number} came first`));
  return readings;
}

async function runHandler(command: DeviceCommand, handle: CommandHandler): Promise<string> {
  try {
    return cutResult(await handle(command)) || "done";
  } catch (error) {
    return cutResult(`failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** To what an acknowledgement holds, without half a character. */
function cutResult(result: string): string {
  let cut = result.toWellFormed().slice(0, RESULT_BYTES_MAX);
  while (encodeUtf8(cut).length > RESULT_BYTES_MAX) cut = cut.slice(0, -1);
  return cut.toWellFormed() === cut ? cut : cut.slice(0, -1);
}
