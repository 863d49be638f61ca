/** A device of this machine takes up what it was commanded: checks each command itself, and answers in its readings. */
import { toHex } from "@lhg/protocol/core/bytes";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { createCommandReceiver, type DeviceCommand } from "@lhg/sdk/device/commands";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { type Chain, getParameters, openChain, type Wait } from "../chain.ts";
import { countWaiting, openDesk, pathOfCommands, sendWaiting } from "../device-desk.ts";
import type { Session } from "../session.ts";
import { openAccount } from "../signing.ts";
import { findTrust, type TrustOptions } from "../trust-source.ts";

interface AnswerOptions extends TrustOptions {
  readonly refuse?: string;
  readonly wait: Wait;
}

interface Followed {
  readonly number: number;
  readonly name: string;
  readonly payload: string;
  readonly sentBy: string;
  readonly result: string;
}

export async function answerCommands(
  session: Session,
  keyName: string,
  options: AnswerOptions,
): Promise<void> {
  const chain = await openChain(session);
  const { trust, origin } = await findTrust(session, options);
  const { signer } = await openAccount(session, chain.devKeys, keyName);
  const parameters = await getParameters(chain);
  const memory = { ...parameters, chainId: chain.chainId };
  const desk = await openDesk(session, { name: keyName, signer, stream: 0, memory });
  const { device } = desk;
  const receiver = await createCommandReceiver({
    device,
    trust,
    store: createFileStore(pathOfCommands(session, device.address)),
    nowMs: Date.now,
    crypto: nodeCrypto,
  });
  const answer = (): string => (options.refuse === undefined ? "done" : `refused: ${options.refuse}`);
  const followed: Followed[] = [];
  for (const receipt of await fetchPending(chain, toHex(device.address), receiver.lastNumber)) {
    const verdict = await receiver.receive(receipt, answer);
    if (!verdict.ok) {
      session.output.warn(`not followed: ${verdict.message} (${verdict.code})`);
      continue;
    }
    for (const { command, result } of verdict.answered) followed.push(describe(command, result));
  }
  if (countWaiting(desk) > 0) await sendWaiting(session, { chain, parameters }, desk, options.wait);
  session.output.result(
    { device: toHex(device.address), lastNumber: receiver.lastNumber, followed },
    followed.length === 0
      ? "No command waits."
      : followed.map(
          ({ number, name, payload, result }) =>
            `${number} ${name}${payload === "" ? "" : ` ${payload}`}: ${result}`,
        ),
  );
  session.output.note(`Each was checked against ${origin}.`);
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

function describe({ number, name, payload, sentBy }: DeviceCommand, result: string): Followed {
  return { number, name, payload: readText(payload) ?? `0x${toHex(payload)}`, sentBy, result };
}

function readText(payload: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
