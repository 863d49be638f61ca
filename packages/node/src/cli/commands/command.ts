/** Commands to devices, from the side of those who send them. */
import { readFile } from "node:fs/promises";
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Command } from "@lhg/sdk/client/types";
import { makeCommand, makeCommandDelegation } from "@lhg/sdk/transaction/messages";
import { formatTime } from "@lhg/sdk/verify/verdict";
import { chooseAccount, openChain, sendMessages } from "../chain.ts";
import { formatTable } from "../output.ts";
import { commandName, type Session } from "../session.ts";
import { resolveAddress } from "../signing.ts";

interface SendOptions {
  readonly as?: string;
  readonly payload?: string;
  readonly file?: string;
  readonly minutes: number;
}

const PAYLOAD_BYTES_MAX = 2_048;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export async function sendCommand(
  session: Session,
  deviceName: string,
  name: string,
  options: SendOptions,
): Promise<void> {
  const payload = await readPayload(options);
  const chain = await openChain(session);
  const device = await resolveAddress(session, chain.devKeys, deviceName);
  const { vendor } = await chain.client.getDevice(toHex(device));
  const account = await chooseAccount(
    session,
    chain,
    options.as,
    (keys) => keys.vendors.find(({ address }) => toHex(address) === vendor) ?? keys.vendors[0]!,
  );
  const [newest] = (await chain.client.listCommands(toHex(device), { limit: 1 })).items;
  const number = (newest?.number ?? 0) + 1;
  const expiryMs = Date.now() + options.minutes * MINUTE_MS;
  const settled = await sendMessages(
    chain,
    account,
    [makeCommand({ device, number, name, payload, expiryMs })],
    "provable",
  );
  session.output.result(
    { ...settled, device: toHex(device), number, name, expiryMs },
    `Command ${number} (${name}) to ${toHex(device)} stands in block ${settled.height}, until ${formatTime(expiryMs)}`,
  );
  session.output.note(`What the device answers: ${commandName()} command list ${deviceName}`);
}

async function readPayload({ payload, file }: SendOptions): Promise<Uint8Array> {
  if (payload !== undefined && file !== undefined)
    throw new LhgError("usage.payload", "goes not together with --file", "--payload");
  const bytes =
    file === undefined ? new TextEncoder().encode(payload ?? "") : new Uint8Array(await readFile(file));
  if (bytes.length > PAYLOAD_BYTES_MAX)
    throw new LhgError("usage.payload", `must be at most ${PAYLOAD_BYTES_MAX} bytes`, file ?? "--payload");
  return bytes;
}

export async function listCommands(session: Session, deviceName: string): Promise<void> {
  const chain = await openChain(session);
  const device = await resolveAddress(session, chain.devKeys, deviceName);
  const { items, next } = await chain.client.listCommands(toHex(device));
  const rows = items.map((command) => [
    String(command.number),
    command.name,
    formatTime(command.timeMs),
    describeAnswer(command),
  ]);
  session.output.result(
    { device: toHex(device), commands: items },
    items.length === 0
      ? ["No command was sent to this device."]
      : [
          ...formatTable(["NUMBER", "COMMAND", "SENT", "ANSWER"], rows),
          ...(next === undefined ? [] : ["Older ones are not shown."]),
        ],
  );
}

function describeAnswer({ acknowledgement, expiryMs }: Command): string {
  if (acknowledgement !== undefined)
    return `${acknowledgement.result}, ${formatTime(acknowledgement.timeMs)}, block ${acknowledgement.height}`;
  return expiryMs > Date.now()
    ? `none yet; may be followed until ${formatTime(expiryMs)}`
    : "none: it is over";
}

export async function delegateCommands(
  session: Session,
  programName: string,
  options: { readonly as?: string; readonly days: number },
): Promise<void> {
  const chain = await openChain(session);
  const program = await resolveAddress(session, chain.devKeys, programName);
  const account = await chooseAccount(session, chain, options.as, (keys) => keys.vendors[0]!);
  const expiryMs = options.days === 0 ? 0 : Date.now() + options.days * DAY_MS;
  const settled = await sendMessages(chain, account, [makeCommandDelegation(program, expiryMs)]);
  session.output.result(
    { ...settled, vendor: toHex(account.address), program: toHex(program), expiryMs },
    options.days === 0
      ? `${toHex(program)} may no longer command devices of ${account.name}`
      : `${toHex(program)} may command devices of ${account.name} until ${formatTime(expiryMs)}`,
  );
}
