/** The gateway at work: readings in, events spooled, captures out. */
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { Address } from "@lhg/protocol/core/account";
import type { Signer } from "@lhg/protocol/core/cose";
import { LhgError } from "@lhg/protocol/core/errors";
import { readCapturedEvents } from "@lhg/sdk/capture/build";
import type { Client } from "@lhg/sdk/client/client";
import type { Refusal } from "@lhg/sdk/client/types";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { openFilePort } from "../../store/file-port.ts";
import { readBrokerAccess } from "../broker-access.ts";
import type { GatewayConfig } from "./config.ts";
import { makeDocument, makeEvent } from "./event.ts";
import { type Input, startHttpInput, startMqttInput, type Take } from "./inputs.ts";
import { isTransient, loadDoneThrough, openOutbox } from "./outbox.ts";
import { excerpt, readPlain } from "./readings.ts";
import { openSpool } from "./spool.ts";

export interface GatewayParts {
  readonly config: GatewayConfig;
  readonly client: Client;
  readonly chainId: string;
  readonly vendor: Address;
  readonly signer: Signer;
  /** Where it keeps what it has taken; made when missing. One process a folder. */
  readonly folder: string;
  readonly say: (text: string) => void;
}

export interface GatewayCounts {
  readonly readings: number;
  /** Messages refused at the door. */
  readonly refused: number;
  /** Events on chain since the start. */
  readonly recorded: number;
  /** Events that the chain refused for good; they stand in `refused.jsonl`. */
  readonly setAside: number;
  readonly waiting: number;
}

export interface Gateway {
  readonly places: readonly string[];
  readonly counts: GatewayCounts;
  /** Rejects where it can't go on. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

const RETRY_MS = 1_000;
const RETRY_MS_MAX = 30_000;
const REFUSALS_SAID_MAX = 20;

export async function startGateway(parts: GatewayParts): Promise<Gateway> {
  const { config, folder, say } = parts;
  const access = config.mqtt === undefined ? undefined : await readBrokerAccess(config.mqtt);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const store = createFileStore(join(folder, "state"));
  const spool = await openSpool(await openFilePort(join(folder, "spool")), await loadDoneThrough(store));
  const counts = { readings: 0, refused: 0, recorded: 0, setAside: 0 };
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  let isStopping = false;
  let wake = (): void => {};
  /** Ends a sleep early, to stop. */
  let interrupt = (): void => {};

  const outbox = await openOutbox({
    ...parts,
    store,
    spool,
    eventsMax: config.batch.eventsMax,
    nowMs: Date.now,
    keepRefused: async (event, reason) => {
      counts.setAside += 1;
      await appendSynced(
        join(folder, "refused.jsonl"),
        `${JSON.stringify({ ...reason, event: JSON.parse(event) })}\n`,
      );
      say(
        `The chain refused an event for good: ${reason.message} (${reason.code}); it stands in refused.jsonl`,
      );
    },
    onRecorded: (events, id, height) => {
      counts.recorded += events;
      say(`Recorded ${events} in block ${height}: ${id}`);
    },
  });

  const take: Take = async (name, payload) => {
    try {
      const device = config.devices.get(name);
      if (device === undefined) throw new LhgError("device.not-found", "is not configured", "device");
      const readings = readPlain(device, payload, Date.now());
      const event = makeEvent(config.name, device, readings);
      // What the ledger would refuse is refused here, where its sender can be told.
      readCapturedEvents(makeDocument([event], 0), nodeCrypto);
      await spool.add(event);
      counts.readings += readings.length;
      wake();
      return readings.length;
    } catch (error) {
      noteRefused(name, payload, error);
      throw error;
    }
  };

  function noteRefused(name: string, payload: Uint8Array, error: unknown): void {
    if (!(error instanceof LhgError) || /^inbox\.(?:io|failed)$/.test(error.code)) {
      failure.reject(error);
      return;
    }
    counts.refused += 1;
    if (counts.refused <= REFUSALS_SAID_MAX)
      say(`Refused a message of ${name}: ${error.message} (${error.code}): ${excerpt(payload)}`);
    else if (counts.refused === REFUSALS_SAID_MAX + 1)
      say("Further refused messages are counted and not shown.");
  }

  function sleep(delayMs: number): Promise<void> {
    if (isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      interrupt = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Until an event comes, and then for as long as a batch may take to fill. */
  async function gather(): Promise<void> {
    await new Promise<void>((resolve) => {
      wake = resolve;
      interrupt = resolve;
    });
    await sleep(config.batch.delayMs);
  }

  async function stepOnce(): Promise<Refusal | undefined> {
    try {
      const result = await outbox.step();
      return result.state === "waits" ? result.reason : undefined;
    } catch (error) {
      if (!isTransient(error)) throw error;
      return { code: error.code, field: error.field, message: error.message };
    }
  }

  async function run(): Promise<void> {
    let delayMs = RETRY_MS;
    let said = "";
    while (!isStopping) {
      if (spool.count === 0) await gather();
      if (isStopping || spool.count === 0) continue;
      const reason = await stepOnce();
      const text = reason === undefined ? "" : `Waiting: ${reason.message} (${reason.code})`;
      if (text !== said) say(text === "" ? "Going on." : text);
      said = text;
      delayMs = reason === undefined ? RETRY_MS : Math.min(2 * delayMs, RETRY_MS_MAX);
      if (reason !== undefined) await sleep(delayMs);
    }
  }

  const inputs: Input[] = [];
  try {
    if (config.http !== undefined) inputs.push(await startHttpInput(config.http, take));
    if (config.mqtt !== undefined && access !== undefined)
      inputs.push(
        startMqttInput({ ...config.mqtt, access, clientId: `lhg-gateway-${config.name}`, say }, take),
      );
  } catch (error) {
    await spool.close();
    throw error;
  }
  const running = run().catch((error: unknown) => failure.reject(error));
  return {
    places: inputs.map(({ place }) => place),
    get counts() {
      return { ...counts, waiting: spool.count };
    },
    failed: failure.promise,
    async stop() {
      isStopping = true;
      await Promise.all(inputs.map((input) => input.close()));
      interrupt();
      await running;
      await spool.close();
    },
  };
}

async function appendSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "a", 0o600);
  try {
    await file.appendFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
