/** Clients that sign and send without a pause while nodes fail under them, and remember what was acknowledged. */
import { randomBytes } from "node:crypto";
import { toHex, ZERO32 } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { submission } from "@lhg/protocol/core/statement/submission";
import type { Message } from "@lhg/protocol/ledger";
import type { Client } from "@lhg/sdk/client/client";
import { generateKey, type SecretKey } from "@lhg/sdk/keys/keys";
import {
  addressOf,
  makeReadings,
  makeRegistration,
  type SignedSubmission,
  signCollection,
  signTransaction,
} from "../statements.ts";

const LIFETIME_MS = 3_600_000;
const CALLS_AT_ONE_NODE = 4;
const PAUSE_MS_MAX = 400;
const BATCH_MAX = 3;
const READINGS = 5;

/** A chain's own money and somebody who may register devices. */
export interface Founders {
  readonly chainId: string;
  readonly faucet: SecretKey;
  readonly vendor: SecretKey;
}

export interface Acknowledgement {
  /** The node that said so. */
  readonly by: string;
  readonly atMs: number;
}

/** Somebody who signs in an unbroken order. */
interface Lane {
  draw(): SignedSubmission;
}

export interface LoadTarget {
  readonly name: string;
  /** For sending. */
  readonly client: Client;
  /** For asking. */
  readonly patient: Client;
}

export interface Load {
  /** By statement id, in hex. */
  readonly acknowledged: ReadonlyMap<string, Acknowledgement>;
  /** Codes that nodes gave while they could not take anything, and how often. */
  readonly troubles: ReadonlyMap<string, number>;
  /** Sends one more statement and returns its id as soon as any of these has acknowledged it. */
  probe(targets: readonly LoadTarget[]): Promise<string>;
  /** Sends one more statement to this node, once; `accepted`, or the code it was turned away with. Others get it then. */
  tryAt(target: LoadTarget): Promise<string>;
  /** Draws nothing new, sends until all is acknowledged. Rejects where a statement was refused. */
  stop(): Promise<void>;
}

const newKey = (): SecretKey => generateKey(ALG_EDDSA, (size) => randomBytes(size));

function createAccountLane(
  chainId: string,
  key: SecretKey,
  makeMessages: () => readonly Message[],
  firstNonce = 0,
): Lane {
  let nonce = firstNonce;
  return {
    draw: () =>
      signTransaction(key, {
        chainId,
        nonce: nonce++,
        expiryMs: Date.now() + LIFETIME_MS,
        messages: makeMessages(),
      }),
  };
}

function createDeviceLane(chainId: string, key: SecretKey): Lane {
  let seq = 0;
  let prevId: Uint8Array = ZERO32;
  return {
    draw() {
      const signed = signCollection(key, { chainId, seq: ++seq, prevId, readings: makeReadings(READINGS) });
      prevId = signed.idBytes;
      return signed;
    },
  };
}

const encodeOne = ({ statement, body }: SignedSubmission): Uint8Array =>
  encode(submission, { statement, body });

export interface LoadPlan {
  readonly founders: Founders;
  readonly accounts: number;
  readonly devices: number;
  /** Whom to send to, asked before each choice: also those that a fault has hit. */
  readonly targets: () => readonly LoadTarget[];
  readonly random: (bound: number) => number;
}

/** Funds the accounts, registers the devices, and sends from then on. */
export async function startLoad(plan: LoadPlan): Promise<Load> {
  const { founders, accounts, devices, targets, random } = plan;
  const { chainId, faucet, vendor } = founders;
  const acknowledged = new Map<string, Acknowledgement>();
  const troubles = new Map<string, number>();
  const note = (code: string): void => void troubles.set(code, (troubles.get(code) ?? 0) + 1);
  let isStopping = false;

  /** Until all are acknowledged, by one node after the other. Rejects on a refusal. */
  async function deliver(signed: readonly SignedSubmission[], whom: () => LoadTarget): Promise<void> {
    let waiting = signed;
    while (waiting.length > 0) {
      const target = whom();
      const results = await target.client.submitMany(waiting.map(encodeOne)).catch((error: unknown) => {
        if (!(error instanceof LhgError)) throw error;
        // What is no answer of a node has a message of its own.
        note(error.code === "client.answer" ? error.message : error.code);
        return [];
      });
      const done = new Set<string>();
      for (const result of results) {
        if (result.state === "accepted") {
          done.add(result.id);
          if (!acknowledged.has(result.id))
            acknowledged.set(result.id, { by: target.name, atMs: performance.now() });
        } else if (result.state === "not-yet") note(result.code);
        else
          throw new Error(
            `${target.name} refused ${result.id}: ${result.code} ${result.field} ${result.message}`,
          );
      }
      waiting = waiting.filter(({ id }) => !done.has(id));
      if (waiting.length > 0) await pause(random(PAUSE_MS_MAX));
    }
  }

  const pick = (): LoadTarget => {
    const all = targets();
    return all[random(all.length)]!;
  };

  async function keepSending(lane: Lane): Promise<void> {
    let target = pick();
    let calls = 0;
    const whom = (): LoadTarget => {
      if (calls++ % CALLS_AT_ONE_NODE === 0) target = pick();
      return target;
    };
    while (!isStopping) {
      const signed = Array.from({ length: 1 + random(BATCH_MAX) }, () => lane.draw());
      await deliver(signed, whom);
      await pause(random(PAUSE_MS_MAX));
    }
  }

  const keys = Array.from({ length: accounts }, newKey);
  const deviceKeys = Array.from({ length: devices }, newKey);
  const transfer = (to: SecretKey, amount: bigint): Message => ({
    type: "token.transfer",
    body: { to: addressOf(to), amount },
  });
  const nonceOf = async (key: SecretKey): Promise<number> =>
    (await pick().patient.getAccount(toHex(addressOf(key)))).nonce;
  const funding = createAccountLane(
    chainId,
    faucet,
    () => keys.map((key) => transfer(key, 10n ** 12n)),
    await nonceOf(faucet),
  );
  const registering = createAccountLane(
    chainId,
    vendor,
    () =>
      deviceKeys.map((key) => makeRegistration(chainId, addressOf(vendor), key, Date.now() + LIFETIME_MS)),
    await nonceOf(vendor),
  );
  const founding = [funding.draw(), registering.draw()];
  await deliver(founding, pick);
  for (const { patient: client } of targets())
    for (const { id } of founding) {
      const found = await client.waitFor(id);
      if (found.state !== "committed" && found.state !== "provable")
        throw new Error(`the accounts of the load are not there: ${JSON.stringify(found)}`);
      if (found.status !== "ok") throw new Error(`the accounts of the load: ${found.status}`);
    }

  const lanes = [
    ...keys.slice(1).map((key) => createAccountLane(chainId, key, () => [transfer(faucet, 1n)])),
    ...deviceKeys.map((key) => createDeviceLane(chainId, key)),
  ];
  const probing = createAccountLane(chainId, keys[0]!, () => [transfer(faucet, 1n)]);
  const sending = Promise.all(lanes.map(keepSending));
  // It is looked at when the load is stopped.
  sending.catch(() => {});

  return {
    acknowledged,
    troubles,
    async probe(near) {
      const signed = probing.draw();
      let turn = 0;
      await deliver([signed], () => near[turn++ % near.length]!);
      return toHex(signed.idBytes);
    },
    async tryAt(target) {
      const signed = probing.draw();
      const answer = await target.client.submit(encodeOne(signed)).catch((error: unknown) => {
        if (error instanceof LhgError) return error;
        throw error;
      });
      const isAccepted = "state" in answer && answer.state === "accepted";
      if (isAccepted) acknowledged.set(signed.id, { by: target.name, atMs: performance.now() });
      else await deliver([signed], pick);
      return isAccepted ? "accepted" : (answer as { code: string }).code;
    },
    async stop() {
      isStopping = true;
      await sending;
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
