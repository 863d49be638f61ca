/** For MQTT tests: registered devices of a running development chain, and connections as devices make them. */

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { fromJson } from "@lhg/protocol/core/codec/definition";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { parameters } from "@lhg/protocol/core/parameters";
import { type Client, createClient } from "@lhg/sdk/client/client";
import { createNodeSigner } from "@lhg/sdk/crypto/node";
import { createDevice, type Device } from "@lhg/sdk/device/device";
import { makeGatewayPassword } from "@lhg/sdk/device/gateway-password";
import { generateKey, keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import { createAccountSender } from "@lhg/sdk/transaction/account-sender";
import { makeDeviceRegistration } from "@lhg/sdk/transaction/messages";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import type { DevNode } from "./dev-node.ts";
import { addressOf } from "./statements.ts";

export interface TestDevice {
  readonly key: SecretKey;
  readonly kit: Device;
  /** Hex. */
  readonly address: string;
}

function createMemoryStore() {
  let kept: Uint8Array | undefined;
  return {
    load: async () => kept,
    save: async (state: Uint8Array) => {
      kept = state;
    },
  };
}

const HOUR_MS = 3_600_000;
const REGISTRATIONS_PER_TRANSACTION = 20;

/** Registers fresh devices with the first development vendor, in as few transactions as go. */
export async function registerDevices(
  { url, dataDirectory }: Pick<DevNode, "url" | "dataDirectory">,
  count: number,
): Promise<{ readonly client: Client; readonly chainId: string; readonly devices: TestDevice[] }> {
  const client = createClient({ url });
  const { chainId } = await client.getStatus();
  const file = JSON.parse(await readFile(join(dataDirectory, "dev-keys.json"), "utf8"));
  const vendorKey = keyFromSeed(ALG_EDDSA, fromHex(file.vendors[0].seed, "seed"));
  const vendor = addressOf(vendorKey);
  const keys = Array.from({ length: count }, () => generateKey(ALG_EDDSA, (size) => randomBytes(size)));
  const sender = createAccountSender({
    chainId,
    signer: createNodeSigner(vendorKey),
    parameters: fromJson(parameters, (await client.getParameters()).parameters, "parameters"),
    nowMs: Date.now,
    fetchNonce: async () => (await client.getAccount(toHex(vendor))).nonce,
    submit: async ({ bytes }) => {
      const result = await client.submit(bytes);
      if (result.state !== "accepted") throw new Error(`${result.code}: ${result.message}`);
    },
  });
  for (let at = 0; at < count; at += REGISTRATIONS_PER_TRANSACTION) {
    const messages = keys.slice(at, at + REGISTRATIONS_PER_TRANSACTION).map((key) =>
      makeDeviceRegistration({
        chainId,
        vendor,
        device: createNodeSigner(key),
        model: "soak",
        expiryMs: Date.now() + HOUR_MS,
      }),
    );
    const { id } = await sender.send(messages);
    const state = await client.waitFor(toHex(id));
    if (state.state !== "committed" && state.state !== "provable")
      throw new Error(`registration is ${JSON.stringify(state)}`);
  }
  const devices = await Promise.all(
    keys.map(async (key) => ({
      key,
      address: toHex(addressOf(key)),
      kit: await createDevice({ signer: createNodeSigner(key), chainId, store: createMemoryStore() }),
    })),
  );
  return { client, chainId, devices };
}

function passwordOf(key: SecretKey, chainId: string, expiryMs = Date.now() + HOUR_MS): Buffer {
  return Buffer.from(makeGatewayPassword(createNodeSigner(key), { chainId, expiryMs }));
}

/** As the device connects; without `chainId` without a password. */
export function connectDevice(
  mqttUrl: string,
  { key, address }: Pick<TestDevice, "key" | "address">,
  chainId: string | undefined,
  options: IClientOptions = {},
): Promise<MqttClient> {
  const credentials = chainId === undefined ? {} : { username: address, password: passwordOf(key, chainId) };
  return connectAsync(
    mqttUrl,
    { clientId: address, reconnectPeriod: 0, connectTimeout: 5_000, ...credentials, ...options },
    false,
  );
}
