/** A device of this machine takes up what it was commanded: checks each command itself, and answers in its readings. */
import { toHex, ZERO32 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import {
  type AnsweredCommand,
  type CommandHandler,
  type CommandReceiver,
  createCommandReceiver,
  type DeviceCommand,
} from "@lhg/sdk/device/commands";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { type Chain, getParameters, openChain, type Wait } from "../chain.ts";
import { countWaiting, openDesk, preparePathOfCommands, sendWaiting } from "../device-desk.ts";
import { requireProgram, runProgram } from "../run-program.ts";
import { commandName, type Session } from "../session.ts";
import { openAccount, resolvePublicKey } from "../signing.ts";
import { findTrust, type TrustOptions } from "../trust-source.ts";

interface AnswerOptions extends TrustOptions {
  readonly done?: boolean;
  readonly refuse?: string;
  readonly run?: string;
  readonly wait: Wait;
}

interface Described {
  readonly number: number;
  readonly name: string;
  readonly payload: string;
  readonly sentBy: string;
}

interface Followed extends Described {
  readonly result: string;
}

/** Without one of `done`, `refuse` and `run` it lists what waits and signs nothing. */
export async function answerCommands(
  session: Session,
  keyName: string,
  options: AnswerOptions,
): Promise<void> {
  const handle = await chooseHandler(options);
  const chain = await openChain(session);
  return handle === undefined
    ? listWaiting(session, chain, keyName, options)
    : followWaiting(session, chain, keyName, options, handle);
}

async function chooseHandler({ done, refuse, run }: AnswerOptions): Promise<CommandHandler | undefined> {
  if ([done, refuse, run].filter((option) => option !== undefined).length > 1)
    throw new LhgError("usage.answer", "only one of --done, --refuse and --run can be given", "--done");
  if (refuse !== undefined) return () => `refused: ${refuse}`;
  if (run !== undefined) {
    await requireProgram(run);
    return (command) => runProgram(run, command);
  }
  return done === undefined ? undefined : () => "done";
}

/** Checks what waits with a copy of what the device remembers, which is thrown away: each may be followed later. */
async function listWaiting(
  session: Session,
  chain: Chain,
  keyName: string,
  options: AnswerOptions,
): Promise<void> {
  const { trust, origin } = await findTrust(session, options);
  const { address } = await resolvePublicKey(session, chain.devKeys, keyName);
  const { load } = createFileStore(await preparePathOfCommands(session, address));
  const receiver = await createCommandReceiver({
    device: { address, record: async () => ({ seq: 0, id: ZERO32 }) },
    trust,
    store: { load, save: async () => {} },
    nowMs: Date.now,
    crypto: nodeCrypto,
  });
  const { lastNumber } = receiver;
  const waiting = (await receiveAll(session, chain, address, receiver, () => "")).map(({ command }) =>
    describe(command),
  );
  session.output.result(
    { device: toHex(address), lastNumber, waiting, followed: [] },
    waiting.length === 0 ? "No command waits." : waiting.map(formatCommand),
  );
  if (waiting.length > 0)
    session.output.note(
      `Nothing was answered. Answer with --done, --refuse <reason>, or what a program says: ${commandName()} device answer ${keyName} --run <program>`,
    );
  session.output.note(`Each was checked against ${origin}.`);
}

async function followWaiting(
  session: Session,
  chain: Chain,
  keyName: string,
  options: AnswerOptions,
  handle: CommandHandler,
): Promise<void> {
  const { trust, origin } = await findTrust(session, options);
  const { signer } = await openAccount(session, chain.devKeys, keyName);
  const parameters = await getParameters(chain);
  const memory = { ...parameters, chainId: chain.chainId };
  const desk = await openDesk(session, { name: keyName, signer, stream: 0, memory });
  const { device } = desk;
  const receiver = await createCommandReceiver({
    device,
    trust,
    store: createFileStore(await preparePathOfCommands(session, device.address)),
    nowMs: Date.now,
    crypto: nodeCrypto,
  });
  const followed: Followed[] = (await receiveAll(session, chain, device.address, receiver, handle)).map(
    ({ command, result }) => ({ ...describe(command), result }),
  );
  if (countWaiting(desk) > 0) await sendWaiting(session, { chain, parameters }, desk, options.wait);
  session.output.result(
    { device: toHex(device.address), lastNumber: receiver.lastNumber, followed },
    followed.length === 0
      ? "No command waits."
      : followed.map((command) => `${formatCommand(command)}: ${command.result}`),
  );
  session.output.note(`Each was checked against ${origin}.`);
}

async function receiveAll(
  session: Session,
  chain: Chain,
  device: Uint8Array,
  receiver: CommandReceiver,
  handle: CommandHandler,
): Promise<AnsweredCommand[]> {
  const answered: AnsweredCommand[] = [];
  for (const receipt of await fetchPending(chain, toHex(device), receiver.lastNumber)) {
    const verdict = await receiver.receive(receipt, handle);
    if (verdict.ok) answered.push(...verdict.answered);
    else session.output.warn(`not followed: ${verdict.message} (${verdict.code})`);
  }
  return answered;
}

async function fetchPending({ client }: Chain, device: string, lastNumber: number): Promise<Uint8Array[]> {
  const { items } = await client.listCommands(device, { state: "pending", limit: 200 });
  const receipts: Uint8Array[] = [];
  for (const { id, number } of items) {
    if (number <= lastNumber) continue;
    receipts.push((await client.getReceipt(id)).bytes);
  }
  return receipts;
}

function describe({ number, name, payload, sentBy }: DeviceCommand): Described {
  return { number, name, payload: readText(payload) ?? `0x${toHex(payload)}`, sentBy };
}

function formatCommand({ number, name, payload }: Described): string {
  return `${number} ${name}${payload === "" ? "" : ` ${payload}`}`;
}

function readText(payload: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
