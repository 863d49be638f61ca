import { type Address, address, digest } from "../../core/account.ts";
import { encodeUtf8, equalBytes } from "../../core/bytes.ts";
import { type Infer, nullable, record, text, uint } from "../../core/codec/definition.ts";
import type { MessageContext, Module, StatementContext } from "../../core/module.ts";
import type { StateReader } from "../../core/state/overlay.ts";
import { vendorPartition } from "../../core/state/partition.ts";
import { defineTable } from "../../core/state/table.ts";
import { failStatement } from "../../core/status.ts";
import type { ResolvedReading } from "../../senml/resolve.ts";
import { COMMAND_MODULE, type commandMessages, RESULT_BYTES_MAX } from "./messages.ts";

const NOTICE_SENT = 1;
const NOTICE_ACKNOWLEDGED = 2;

/** A reading of this name and a number is the device's answer to the command of that number. */
export const ACKNOWLEDGEMENT_NAME = "urn:lhg:command:";

const acknowledgement = record(undefined, {
  /** `done`, or what kept the device from it, in the device's words. */
  result: text({ min: 1, max: RESULT_BYTES_MAX }),
  statementId: digest,
  height: uint(),
  timeMs: uint(),
});

const commandRecord = record(1, {
  statementId: digest,
  /** The vendor, or the program that it allowed. */
  sentBy: address,
  name: text({ min: 1, max: 64 }),
  height: uint(),
  timeMs: uint(),
  expiryMs: uint(),
  acknowledgement: nullable(acknowledgement),
});
export type Command = Infer<typeof commandRecord>;

const commands = defineTable<[Address, number], Command>("command", COMMAND_MODULE, 1, commandRecord);
const counters = defineTable<[Address], { commands: number }>(
  "command count",
  COMMAND_MODULE,
  2,
  record(1, { commands: uint() }),
);
const programs = defineTable<[Address], { expiryMs: number }>(
  "command program",
  COMMAND_MODULE,
  3,
  record(1, { expiryMs: uint() }),
);

/** What commands need of identity. */
export interface CommandNeeds {
  getDevice(
    state: StateReader,
    device: Address,
  ): { readonly vendor: Address; readonly device: { readonly revokedFromHeight: number | null } } | undefined;
  isAdmitted(state: StateReader, vendor: Address): boolean;
}

/** Number of commands ever sent to a device: that of the last one. */
export function countCommands(state: StateReader, vendor: Address, device: Address): number {
  return counters.get(state, vendorPartition(vendor), device)?.commands ?? 0;
}

export function getCommand(
  state: StateReader,
  vendor: Address,
  device: Address,
  number: number,
): Command | undefined {
  return commands.get(state, vendorPartition(vendor), device, number);
}

/** Until when a program may command a vendor's devices; undefined where it never might. */
export function getCommandProgram(state: StateReader, vendor: Address, program: Address): number | undefined {
  return programs.get(state, vendorPartition(vendor), program)?.expiryMs;
}

function isAuthorised({ state, sender, timeMs }: MessageContext, vendor: Address): boolean {
  if (equalBytes(sender, vendor)) return true;
  const untilMs = getCommandProgram(state, vendor, sender);
  return untilMs !== undefined && untilMs > timeMs;
}

export function createCommand(needs: CommandNeeds): Module<typeof commandMessages> {
  return {
    name: "command",
    id: COMMAND_MODULE,
    handlers: {
      "command.send": (context, { device, number, name, expiryMs }) => {
        const { state, sender, height, timeMs, statementId } = context;
        const owned = needs.getDevice(state, device);
        if (owned === undefined) return failStatement("identity.device-unknown", "is no device", "device");
        const { vendor } = owned;
        if (!isAuthorised(context, vendor))
          failStatement("command.not-authorised", "is neither the device's vendor nor its program", "sender");
        if (!needs.isAdmitted(state, vendor))
          failStatement("identity.vendor-expelled", "the device's vendor was expelled", "device");
        const { revokedFromHeight } = owned.device;
        if (revokedFromHeight !== null && height >= revokedFromHeight)
          failStatement("identity.device-revoked", "is revoked", "device");
        const next = countCommands(state, vendor, device) + 1;
        if (number !== next) failStatement("command.number", `the next one is ${next}`, "number");
        if (expiryMs <= timeMs) failStatement("command.expired", `chain time is ${timeMs}`, "expiryMs");
        const partition = vendorPartition(vendor);
        const sent = { statementId, sentBy: sender, name, height, timeMs, expiryMs, acknowledgement: null };
        commands.set(state, partition, sent, device, number);
        counters.set(state, partition, { commands: number }, device);
        context.emit(COMMAND_MODULE, NOTICE_SENT, device, number);
      },
      "command.delegate": (context, { program, expiryMs }) => {
        const { state, sender } = context;
        if (!needs.isAdmitted(state, sender))
          failStatement("identity.vendor-unknown", "the sender is no vendor", "sender");
        programs.set(state, vendorPartition(sender), { expiryMs }, program);
      },
    },
  };
}

/**
 * Takes a device's answers from its readings: the first one to a command stands. An answer to nothing is a reading like
 * any other. Not for readings under a former key, or of a revoked device: who stole that key may have prepared them.
 */
export function acknowledgeCommands(
  context: StatementContext,
  vendor: Address,
  device: Address,
  readings: readonly ResolvedReading[],
): void {
  const { state, statementId, height, timeMs } = context;
  for (const { name, value } of readings) {
    if (!name.startsWith(ACKNOWLEDGEMENT_NAME) || typeof value !== "string") continue;
    const number = readNumber(name.slice(ACKNOWLEDGEMENT_NAME.length));
    if (number === undefined || value === "" || encodeUtf8(value).length > RESULT_BYTES_MAX) continue;
    const held = getCommand(state, vendor, device, number);
    if (held === undefined || held.acknowledgement !== null) continue;
    const answered = { ...held, acknowledgement: { result: value, statementId, height, timeMs } };
    commands.set(state, vendorPartition(vendor), answered, device, number);
    context.emit(COMMAND_MODULE, NOTICE_ACKNOWLEDGED, device, number, value);
  }
}

function readNumber(digits: string): number | undefined {
  return /^[1-9][0-9]{0,14}$/.test(digits) ? Number(digits) : undefined;
}
